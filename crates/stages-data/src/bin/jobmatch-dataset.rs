//! Makes training pairs from jobs, definitions and labels.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser};
use jobmatch_artifact::{Artifact, Identity, Input, Resume, Shard, Work, resume};
use jobmatch_dataset::{Config, Files, Observer, Reading, Report, build};
use jobmatch_records::PassageTemplate;
use jobmatch_stage::{self as stage, Progress, Telemetry};
use serde::{Deserialize, Serialize};

/// Make training pairs from jobs, definitions and labels
///
/// It goes on where it was interrupted. Started on several machines with RANK and WORLD_SIZE set, and one output
/// folder that all of them reach, it divides the work among them.
#[derive(Debug, Parser)]
#[command(name = "jobmatch-dataset", version)]
struct Arguments {
    /// Jobs: .csv, .tsv, .jsonl or .parquet
    #[arg(long, value_name = "FILE")]
    jobs: PathBuf,
    /// Attribute definitions
    #[arg(long, value_name = "FILE")]
    definitions: PathBuf,
    /// Labels; several files may be given. Jobs labelled in golden_labels.* enter no pair
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    labels: Vec<PathBuf>,
    /// The jobs' sentences: the output of jobmatch-segment; absent: they are found here
    #[arg(long, value_name = "DIR")]
    sentences: Option<PathBuf>,
    /// Negatives to be taken first: job_id and attribute_id, of a job the worst first
    #[arg(long, value_name = "FILE")]
    hard_negatives: Option<PathBuf>,
    /// Folder to write
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Threads; 0 is one for each core
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// How long a process of several waits for the others
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    patience: u64,
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    common: stage::Common,
}

#[derive(Debug, Args, Serialize)]
struct Flags {
    #[command(flatten)]
    pairs: PairFlags,
    #[command(flatten)]
    reading: ReadingFlags,
}

#[derive(Debug, Args, Serialize)]
struct PairFlags {
    /// What a pair's text is: sentence or job [default: sentence]
    #[arg(long, value_name = "UNIT", value_parser = ["sentence", "job"])]
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    /// How an attribute's passage is written [default: "{name}: {definition}"]
    #[arg(long, value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<PassageTemplate>,
    /// Share of the groups that goes to dev, where jobs name no split [default: 0.1]
    #[arg(long, value_name = "SHARE", value_parser = stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    dev_share: Option<f64>,
    /// Negatives drawn for each positive [default: 1]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    negatives: Option<usize>,
    /// How negatives are drawn: uniform or frequency [default: uniform]
    #[arg(long, value_name = "HOW", value_parser = ["uniform", "frequency"])]
    #[serde(skip_serializing_if = "Option::is_none")]
    negative_sampling: Option<String>,
    /// Jobs of one shard and so of one part-*.parquet; memory grows with it [default: 20000]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    jobs_per_shard: Option<usize>,
    /// Go on though golden jobs are near copies of others; leaks.jsonl names them
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    allow_leak: bool,
}

#[derive(Debug, Args, Serialize)]
struct ReadingFlags {
    /// What happens to a row that cannot be read: stop or skip [default: stop]
    #[arg(long, value_name = "WHAT", value_parser = ["stop", "skip"])]
    #[serde(skip_serializing_if = "Option::is_none")]
    on_bad_row: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// How pairs are made.
    pairs: Config,
    /// How files are read.
    reading: Reading,
}

fn main() -> ExitCode {
    stage::run("jobmatch-dataset", work)
}

fn work() -> anyhow::Result<()> {
    let arguments: Arguments = stage::parse();
    stage::init_logging(&arguments.common);
    let settings = stage::resolve::<Settings>(&arguments.common, &arguments.flags)?;
    settings.config.pairs.validate()?;
    let mut telemetry = Telemetry::start("dataset");

    let sentences = arguments
        .sentences
        .as_deref()
        .map(Artifact::open)
        .transpose()?;
    let mut inputs = vec![
        Input::file("jobs", &arguments.jobs)?,
        Input::file("definitions", &arguments.definitions)?,
    ];
    for labels in &arguments.labels {
        let name = labels.file_name().unwrap_or_default().to_string_lossy();
        inputs.push(Input::file(&format!("labels {name}"), labels)?);
    }
    if let Some(path) = &arguments.hard_negatives {
        inputs.push(Input::file("hard negatives", path)?);
    }
    inputs.extend(
        sentences
            .as_ref()
            .map(|artifact| Input::artifact("sentences", artifact)),
    );
    let identity = Identity {
        stage: "dataset".to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        config: settings.json()?,
        seed: settings.seed,
        inputs,
    };
    let shard = Shard::from_env()?;
    let patience = Duration::from_secs(arguments.patience);
    let work = match resume(&arguments.output, identity, shard, patience)? {
        Resume::Done(artifact) => {
            stage::already_done(&artifact);
            return Ok(());
        }
        Resume::Work(work) => work,
    };
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(arguments.threads)
        .build()
        .context("cannot start the threads")?;
    telemetry.threads(threads.current_num_threads());

    let Settings { pairs, reading } = settings.config;
    let seed = settings.seed;
    let made = Files::new(
        arguments.jobs,
        &arguments.definitions,
        arguments.labels,
        sentences.as_ref(),
        reading,
    )
    .map(|files| files.with_hard_negatives(arguments.hard_negatives))
    .and_then(|files| threads.install(|| build(&pairs, seed, &files, &work, &Watch::default())));
    match made {
        Ok(Some(report)) => publish(work, &report, &mut telemetry),
        Ok(None) => {
            tracing::info!("rank {} is done; rank 0 publishes", shard.rank());
            Ok(())
        }
        Err(error) => {
            if error.is_refusal() {
                work.discard();
            }
            Err(error.into())
        }
    }
}

fn publish(work: Work, report: &Report, telemetry: &mut Telemetry) -> anyhow::Result<()> {
    telemetry.count("jobs", report.jobs.rows_in);
    telemetry.count("pairs", report.train.pairs + report.dev.pairs);
    stage::publish(work, telemetry)?;
    Ok(())
}

/// Shows how far each phase is.
#[derive(Default)]
struct Watch(Mutex<HashMap<&'static str, Progress>>);

impl Observer for Watch {
    fn advanced(&self, phase: &'static str, unit: &'static str, done: u64) {
        if let Ok(mut phases) = self.0.lock() {
            let progress = phases
                .entry(phase)
                .or_insert_with(|| Progress::new(phase, unit, None));
            progress.add(done.saturating_sub(progress.done()));
        }
    }
}
