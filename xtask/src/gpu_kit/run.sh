#!/usr/bin/env bash
# Checks this machine: runs the tests and the check program of the kit, and a short training by the programs themselves.
# Needs a Python with PyTorch 2.11 (PYTHON, or python3), whose libtorch the programs use; with an NVIDIA driver all runs
# on the GPU, without one what can be done on the CPU. Results: $OUT/table.md, $OUT/report.json, $OUT/*.log.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
OUT=${OUT:-$PWD/gpu-kit-results}
python=${PYTHON:-python3}
mkdir -p "$OUT"

site=$("$python" -c 'import importlib.util as u, os; print(os.path.dirname(u.find_spec("torch").submodule_search_locations[0]))') || {
  echo "$python has no PyTorch: set PYTHON to one that has 2.11" >&2
  exit 1
}
version=$(sed -n "s/^__version__ = '\(.*\)'/\1/p" "$site/torch/version.py")
case $version in
  2.11.*) ;;
  *) echo "PyTorch $version is not 2.11, for which the programs are built" >&2; exit 1 ;;
esac
libraries=$site/torch/lib:$here/lib
for folder in "$site"/nvidia/*/lib; do libraries=$libraries:$folder; done
export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export CUBLAS_WORKSPACE_CONFIG=:4096:8

rows=$OUT/rows.md
: > "$rows"
failed=0
row() { # check, log file, verdict
  echo "| $1 | $2 | | $3 |" >> "$rows"
  [ "$3" = failed ] && failed=1
  echo "$1: $2 ($3)"
}

for test in "$here"/tests/*; do
  name=$(basename "$test")
  case $name in *.so) continue ;; esac
  if "$test" --test-threads=1 > "$OUT/$name.log" 2>&1; then verdict=held; else verdict=failed; fi
  row "tests $name" "$(sed -n 's/^test result: [a-zA-Z]*\. \([0-9]* passed; [0-9]* failed\).*/\1/p' "$OUT/$name.log" | tail -n 1)" $verdict
done

# The programs as they are used: pairs, then both trainings in half precision.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
data=$here/data
step() { # name, program, arguments
  local name=$1
  shift
  if "$here/bin/$1" "${@:2}" > "$OUT/$name.log" 2>&1; then
    row "program $1" "$(tail -n 1 "$OUT/$name.log")" held
  else
    row "program $1" "$(tail -n 1 "$OUT/$name.log")" failed
  fi
}
step dataset jobmatch-dataset --jobs "$data/jobs.csv" --definitions "$data/definitions.tsv" \
  --labels "$data/labels.csv" --labels "$data/golden_labels.csv" --output "$work/dataset" --unit sentence
step train-biencoder jobmatch-train-biencoder --dataset "$work/dataset" --model "$here/models/tiny-bert" \
  --definitions "$data/definitions.tsv" --output "$work/biencoder" --epochs 2 --batch-size 16 --precision bf16
step train-crossencoder jobmatch-train-crossencoder --dataset "$work/dataset" --model "$here/models/tiny-cross" \
  --output "$work/crossencoder" --epochs 2 --batch-size 16 --precision fp16

"$here/bin/gpu_check" "$OUT" > "$OUT/gpu_check.log" 2>&1 || failed=1
if [ -f "$OUT/table.md" ]; then
  cat "$rows" >> "$OUT/table.md"
else
  failed=1
fi
rm -f "$rows"
cat "$OUT/table.md"
exit $failed
