//! Speed and memory of the dataset stage at scale, from CSV to Parquet.
//!
//! `cargo run --release -p jobmatch-benches --bin dataset -- TASKS OCCUPATIONS [JOBS] [FOLDER]`: makes JOBS jobs (a million
//! unless given) and a quarter of them out of the two O*NET files (`Task_DWA.csv`, `Occupation Data.txt`), by the program
//! `jobmatch-generate-jobs`, and runs `jobmatch-dataset` on both; FOLDER keeps what is made. Build both programs before:
//! `cargo build --release -p jobmatch-stages-data`.
//!
//! Where `JOBMATCH_PANDAS_PYTHON` names a Python with pandas and pyarrow, the usual script is measured beside it, on a
//! tenth of the jobs: read, drop equal texts, split sentences by a regular expression, give each label its sentence (by
//! evidence, else by shared words), draw a wrong attribute for each, write Parquet.
#![allow(clippy::print_stdout, reason = "a bench prints its table")]

use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

const JOBS: u64 = 1_000_000;
/// Prints the seconds.
const PANDAS: &str = r"
import random, re, sys, time
import pandas as pd
folder, out = sys.argv[1:]
begun = time.perf_counter()
jobs = pd.read_csv(folder + '/jobs.csv').drop_duplicates('text')
definitions = pd.read_csv(folder + '/definitions.tsv', sep='\t', quoting=3)
labels = pd.read_csv(folder + '/labels.csv')
names = dict(zip(definitions.attribute_id, definitions.name))
ids = list(names)
words = {a: set(re.findall(r'\w+', n.lower())) for a, n in names.items()}
right = labels.groupby('job_id').attribute_id.agg(set).to_dict()
of_job = {j: rows for j, rows in labels.groupby('job_id')}
end = re.compile(r'(?<=[.!?])\s+|\n+')
random.seed(42)
pairs = []
for job_id, text in zip(jobs.job_id, jobs.text):
    if job_id not in of_job:
        continue
    sentences, at = [], 0
    for piece in end.split(text):
        start = text.find(piece, at)
        at = start + len(piece)
        clean = re.sub(r'^\s*(?:[-*\u2022]|\d+\.)\s*', '', piece).strip()
        if len(clean) > 2:
            sentences.append((start, at, clean, set(re.findall(r'\w+', clean.lower()))))
    for row in of_job[job_id].itertuples():
        if row.start == row.start:
            best = max(sentences, key=lambda s: min(s[1], row.end) - max(s[0], row.start))
        else:
            best = max(sentences, key=lambda s: len(s[3] & words[row.attribute_id]))
        pairs.append((job_id, best[2], names[row.attribute_id], 1))
        wrong = random.choice(ids)
        while wrong in right[job_id]:
            wrong = random.choice(ids)
        pairs.append((job_id, best[2], names[wrong], 0))
frame = pd.DataFrame(pairs, columns=['job_id', 'text', 'passage', 'label'])
frame.drop_duplicates(['text', 'passage']).to_parquet(out, compression='zstd')
print(time.perf_counter() - begun)
";

/// What a run took.
struct Taken {
    seconds: f64,
    peak_bytes: f64,
    text_bytes: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [tasks, occupations, rest @ ..] = arguments.as_slice() else {
        return Err("arguments: TASKS OCCUPATIONS [JOBS] [FOLDER]".into());
    };
    let jobs = rest.first().map_or(Ok(JOBS), |jobs| jobs.parse())?;
    let kept = rest.get(1).map(PathBuf::from);
    let folder = kept.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("jobmatch-bench-{}", std::process::id()))
    });
    fs::create_dir_all(&folder)?;
    let ended = bench(Path::new(tasks), Path::new(occupations), jobs, &folder);
    if kept.is_none() {
        fs::remove_dir_all(&folder)?;
    }
    ended
}

fn bench(tasks: &Path, occupations: &Path, jobs: u64, folder: &Path) -> Result<(), Box<dyn Error>> {
    println!(
        "{:>9} {:>9} {:>9} {:>9} {:>10}",
        "jobs", "text MB", "seconds", "MB/s", "peak MiB"
    );
    let few = measure(tasks, occupations, jobs / 4, folder)?;
    let all = measure(tasks, occupations, jobs, folder)?;
    let more = (jobs - jobs / 4) as f64;
    println!(
        "memory grows by {:.0} bytes a job",
        (all.peak_bytes - few.peak_bytes) / more
    );
    let begun = Instant::now();
    dataset(folder, jobs)?;
    println!("run again: {:.2} s", begun.elapsed().as_secs_f64());
    let Some(python) = std::env::var_os("JOBMATCH_PANDAS_PYTHON") else {
        return Ok(());
    };
    let tenth = measure(tasks, occupations, jobs / 10, folder)?;
    let script = Command::new(python)
        .args(["-c", PANDAS])
        .args([made(folder, jobs / 10), folder.join("pandas.parquet")])
        .stderr(Stdio::inherit())
        .output()?;
    let seconds: f64 = String::from_utf8(script.stdout)?.trim().parse()?;
    println!(
        "pandas: {seconds:.1} s for {} jobs, {:.1} times as long",
        jobs / 10,
        seconds / tenth.seconds
    );
    Ok(())
}

/// Makes so many jobs and their pairs; a row of the table.
fn measure(
    tasks: &Path,
    occupations: &Path,
    jobs: u64,
    folder: &Path,
) -> Result<Taken, Box<dyn Error>> {
    let count = jobs.to_string();
    let input = made(folder, jobs);
    let making: [(&str, &OsStr); 4] = [
        ("--tasks", tasks.as_os_str()),
        ("--occupations", occupations.as_os_str()),
        ("--jobs", count.as_ref()),
        ("--output", input.as_os_str()),
    ];
    run("jobmatch-generate-jobs", &making)?;
    dataset(folder, jobs)?;
    let telemetry = json(&pairs(folder, jobs).join("telemetry.jsonl"))?;
    let report = json(&input.join("report.json"))?;
    let number = |value: &serde_json::Value, key: &str| value[key].as_f64().unwrap_or(f64::NAN);
    let taken = Taken {
        seconds: number(&telemetry, "wall_seconds"),
        peak_bytes: number(&telemetry, "peak_memory_bytes"),
        text_bytes: number(&report, "text_bytes"),
    };
    let megabytes = taken.text_bytes / 1e6;
    println!(
        "{jobs:>9} {megabytes:>9.1} {:>9.1} {:>9.1} {:>10.0}",
        taken.seconds,
        megabytes / taken.seconds,
        taken.peak_bytes / f64::from(1 << 20)
    );
    Ok(taken)
}

fn made(folder: &Path, jobs: u64) -> PathBuf {
    folder.join(format!("jobs-{jobs}"))
}

fn pairs(folder: &Path, jobs: u64) -> PathBuf {
    folder.join(format!("pairs-{jobs}"))
}

fn dataset(folder: &Path, jobs: u64) -> Result<(), Box<dyn Error>> {
    let input = made(folder, jobs);
    let files = ["jobs.csv", "definitions.tsv", "labels.csv"].map(|name| input.join(name));
    let output = pairs(folder, jobs);
    let arguments: [(&str, &OsStr); 4] = [
        ("--jobs", files[0].as_os_str()),
        ("--definitions", files[1].as_os_str()),
        ("--labels", files[2].as_os_str()),
        ("--output", output.as_os_str()),
    ];
    run("jobmatch-dataset", &arguments)
}

/// Runs the program that stands beside this one.
fn run(program: &str, arguments: &[(&str, &OsStr)]) -> Result<(), Box<dyn Error>> {
    let path = std::env::current_exe()?.with_file_name(program);
    if !path.exists() {
        return Err(format!(
            "{} is not there: cargo build --release -p jobmatch-stages-data",
            path.display()
        )
        .into());
    }
    let mut command = Command::new(path);
    for (name, value) in arguments {
        command.arg(name).arg(value);
    }
    match command.arg("--quiet").status()? {
        status if status.success() => Ok(()),
        status => Err(format!("{program}: {status}").into()),
    }
}

/// The first JSON value of a file.
fn json(path: &Path) -> Result<serde_json::Value, Box<dyn Error>> {
    let text = fs::read_to_string(path)?;
    let mut values = serde_json::Deserializer::from_str(&text).into_iter();
    Ok(values.next().ok_or("the file is empty")??)
}
