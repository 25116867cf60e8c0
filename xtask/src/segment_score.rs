//! `cargo xtask segment-score`: the segmenter against texts whose sentence ends people marked.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::Value;

use crate::pipeline;
use crate::process;

const PROGRAM: &str = "jobmatch-segment";

/// What `cargo xtask segment-score` takes.
#[derive(Args)]
pub struct Options {
    /// Folder with `score.py` and, in `dev/`, marked texts: `*.jsonl` of {"id", "text", "ends"}
    #[arg(value_name = "DIR")]
    gold: PathBuf,
    /// Score the rules alone, without the classifier
    #[arg(long)]
    rules_only: bool,
}

/// Builds the program, runs it over each set by standard input, and lets `score.py` print precision, recall and F1.
pub fn run(options: &Options) -> Result<()> {
    let dev = options.gold.join("dev");
    let script = options.gold.join("score.py");
    ensure!(
        script.is_file() && dev.is_dir(),
        "{} must hold score.py and dev/",
        options.gold.display()
    );
    let programs = pipeline::programs::build()?;
    let program = programs.find(PROGRAM)?;
    let found = std::env::temp_dir().join(format!("jobmatch-segment-{}", std::process::id()));
    fs::create_dir_all(&found).with_context(|| format!("cannot create {}", found.display()))?;
    for entry in fs::read_dir(&dev).with_context(|| format!("cannot read {}", dev.display()))? {
        let set = entry
            .with_context(|| format!("cannot read {}", dev.display()))?
            .path();
        if set.extension().is_some_and(|ending| ending == "jsonl")
            && let Some(name) = set.file_name()
        {
            ends(program, options.rules_only, &set, &found.join(name))?;
        }
    }
    let scored = process::succeed(
        Command::new("python3")
            .arg(&script)
            .args(["--bytes", "--dir"])
            .arg(&dev)
            .arg(&found),
    );
    fs::remove_dir_all(&found).with_context(|| format!("cannot remove {}", found.display()))?;
    scored
}

/// The sentence ends of the texts in `set`, as `{"id", "ends"}` lines in `target`; ends are bytes.
fn ends(program: &Path, rules_only: bool, set: &Path, target: &Path) -> Result<()> {
    let input = File::open(set).with_context(|| format!("cannot open {}", set.display()))?;
    let mut command = Command::new(program);
    command.args(["--input", "-", "--output", "-", "--quiet"]);
    if rules_only {
        command.arg("--rules-only");
    }
    let output = command
        .stdin(Stdio::from(input))
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", program.display()))?;
    if !output.status.success() {
        bail!(
            "{PROGRAM} ended with {} on {}",
            output.status,
            set.display()
        );
    }
    let context = || format!("cannot write {}", target.display());
    let mut file = BufWriter::new(File::create(target).with_context(context)?);
    for line in output.stdout.split(|byte| *byte == b'\n') {
        if line.is_empty() {
            continue;
        }
        let row: Value = serde_json::from_slice(line)
            .with_context(|| format!("{PROGRAM} wrote no JSON for {}", set.display()))?;
        let sentences = row["sentences"].as_array().map_or(&[][..], Vec::as_slice);
        let ends: Vec<&Value> = sentences.iter().map(|sentence| &sentence["end"]).collect();
        let found = serde_json::json!({"id": row["id"], "ends": ends});
        writeln!(file, "{found}").with_context(context)?;
    }
    file.flush().with_context(context)
}
