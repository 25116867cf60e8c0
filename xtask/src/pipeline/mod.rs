//! `cargo xtask pipeline`: the stage programs one after another, from raw data to a measured result.
//!
//! Each program does nothing when its output already stands, so every run simply starts all of them: after a crash or
//! Ctrl-C the same command goes on where it stopped.

mod data;
mod measures;
pub mod programs;
mod run;
mod stages;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::cache::Cache;
use crate::repository;
use crate::setup::{self, Want};
use crate::status::seconds;
use data::Data;
use stages::Plan;

/// What `cargo xtask pipeline` takes.
#[derive(Args)]
pub struct Options {
    /// The data: `onet` (real occupations and activities), `fixtures` (a small set), or a folder with
    /// `definitions.*`, `jobs.*`, `labels.*` and, if there is one, `golden_labels.*`
    #[arg(long, value_name = "onet|fixtures|DIR", default_value = "onet")]
    pub data: String,

    /// How much to train on and to measure
    #[arg(long, value_enum, default_value_t = Preset::Quick)]
    pub preset: Preset,

    /// Where all outputs go [default: runs/DATA-PRESET in the repository]
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,

    /// Seed of everything drawn at random
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub seed: u64,

    /// Print the commands of all stages and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// How much is trained on and measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// Minutes on two cores: fewer training steps, a fixed part of the golden jobs, fewer candidates
    Quick,
    /// Everything
    Full,
}

impl Preset {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Full => "full",
        }
    }
}

/// What a run of the pipeline did.
pub struct Outcome {
    /// Stages whose output was made by this run; the others' stood already.
    pub worked: Vec<&'static str>,
}

/// Runs the whole pipeline.
pub fn run(options: &Options) -> Result<Outcome> {
    let root = repository::root();
    let data = Data::parse(&options.data, &root)?;
    let output = match &options.output {
        Some(output) => std::path::absolute(output)?,
        None => root
            .join("runs")
            .join(format!("{}-{}", data.name(), options.preset.name())),
    };
    let cache = Cache::from_env()?;
    let plan = Plan {
        data: &data,
        preset: options.preset,
        seed: options.seed,
        output: &output,
        model: &cache.minilm(),
        onet: &cache.onet(),
    };
    let stages = stages::stages(&plan);
    if options.dry_run {
        for stage in &stages {
            println!("{}", crate::process::shown(&stage.command(stage.program)));
        }
        return Ok(Outcome { worked: Vec::new() });
    }

    setup::run(if data == Data::Onet {
        Want::Everything
    } else {
        Want::Programs
    })?;
    let start = Instant::now();
    let programs = programs::build()?;
    // All are looked for before the first one works for minutes.
    let ready = stages
        .iter()
        .map(|stage| Ok((stage, programs.find(stage.program)?)))
        .collect::<Result<Vec<_>>>()?;
    println!("built the programs in {}", seconds(start.elapsed()));

    let logs = output.join("logs");
    fs::create_dir_all(&logs).with_context(|| format!("cannot create {}", logs.display()))?;
    let mut worked = Vec::new();
    for (number, (stage, program)) in (1..).zip(ready) {
        if run::run(stage, program, &logs, (number, stages.len()))? {
            worked.push(stage.name);
        }
    }

    let summary = summary(&stages, &plan);
    print!("\n{summary}");
    let place = output.join("summary.txt");
    fs::write(&place, summary).with_context(|| format!("cannot write {}", place.display()))?;
    let report = output.join(stages::RESULT).join("report.html");
    println!(
        "\n{} of {} stages had work to do; {} in all",
        worked.len(),
        stages.len(),
        seconds(start.elapsed())
    );
    println!("report: {}", shorter(&report).display());
    println!("{}", matching(&plan, programs.find("jobmatch-match")?));
    Ok(Outcome { worked })
}

/// The command that finds the attributes of a job of one's own.
fn matching(plan: &Plan, program: &Path) -> String {
    let place = |name: &str| shorter(&plan.output.join(name)).display().to_string();
    format!(
        "your own job: {} --biencoder {} --index {} --crossencoder {} --decision {} --input job.txt",
        shorter(program).display(),
        place("train-biencoder/model"),
        place("index"),
        place("train-crossencoder/model"),
        place("evaluate-trained-dev")
    )
}

/// The closing tables: what was measured, and what each stage took.
fn summary(stages: &[stages::Stage], plan: &Plan) -> String {
    let mut text = measures::quality(plan);
    text.push('\n');
    text.push_str(&measures::cost(stages));
    if let Some(attribution) = plan.data.attribution() {
        text.push_str(&format!("\n{attribution}\n"));
    }
    text
}

/// `path` from the current folder, when it lies below.
fn shorter(path: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).to_path_buf()
}
