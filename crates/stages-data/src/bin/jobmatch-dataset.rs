//! Makes training pairs from jobs, definitions and labels.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser};
use jobmatch_artifact::{Artifact, Begin, Identity, Input, begin};
use jobmatch_dataset::{Config, Files, Inputs, Reading, build};
use jobmatch_records::{OnBadRow, PassageTemplate};
use jobmatch_stage::{self as stage, Telemetry};
use serde::{Deserialize, Serialize};

/// Make training pairs from jobs, definitions and labels
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
    /// Folder to write
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
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
    let draft = match begin(&arguments.output, identity)? {
        Begin::Done(artifact) => {
            stage::already_done(&artifact);
            return Ok(());
        }
        Begin::Work(draft) => draft,
    };

    let files = Files {
        jobs: arguments.jobs,
        definitions: arguments.definitions,
        labels: arguments.labels,
    };
    let Settings { pairs, reading } = settings.config;
    let (inputs, rejected) = Inputs::read(&files, &reading, sentences.as_ref())?;
    if reading.on_bad_row == OnBadRow::Skip {
        draft.write_json_lines("rejected.jsonl", &rejected)?;
        tracing::warn!(
            "{} bad rows were set aside in rejected.jsonl",
            rejected.len()
        );
    }
    let report = build(&pairs, settings.seed, &inputs, &draft)?;
    telemetry.count("jobs", inputs.jobs.len() as u64);
    telemetry.count(
        "pairs",
        (report.train.positives
            + report.train.negatives
            + report.dev.positives
            + report.dev.negatives) as u64,
    );
    stage::publish(draft, &mut telemetry)?;
    Ok(())
}
