//! Adds hard negatives to a data set.

// Named before all others, so that the linker meets libtorch before FAISS's BLAS: libtorch then keeps its own
// matrix products instead of taking the system's, which are several times slower for it.
extern crate jobmatch_retrieval as _;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use jobmatch_artifact::{Artifact, Identity, Input, Resume, Shard, resume};
use jobmatch_biencoder::{BiEncoder, KnownPositives, Miner};
use jobmatch_records::{PassageTemplate, Positive, ReadOptions, read_definitions, read_shards};
use jobmatch_stage::{self as stage, Common, Telemetry};
use jobmatch_stages_model::mine::{Config, mine};
use serde::Serialize;

/// Write a data set again, with hard negatives: passages that a bi-encoder takes for right, and that are not known to be
#[derive(Debug, clap::Parser)]
#[command(name = "jobmatch-mine-negatives", version)]
struct Arguments {
    /// The data set: the output of jobmatch-dataset
    #[arg(long, value_name = "DIR")]
    dataset: PathBuf,
    /// The bi-encoder: minilm, e5-base-v2, or a folder
    #[arg(long, value_name = "NAME|DIR")]
    model: String,
    /// The attributes' definitions
    #[arg(long, value_name = "FILE")]
    definitions: PathBuf,
    /// The folder to make
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Seconds to wait for other processes that make the same output
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    patience: u64,
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args, Serialize)]
struct Flags {
    /// How passages are written; absent: as the model was trained, else "{name}: {definition}"
    #[arg(long, value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<PassageTemplate>,
    /// Training positives of one unit of work, and of one file of negatives
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    rows_per_file: Option<usize>,
    #[command(flatten)]
    mining: MiningFlags,
}

#[derive(Debug, clap::Args, Serialize)]
struct MiningFlags {
    /// Negatives of each positive
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    negatives: Option<usize>,
    /// Passages at the top of the ranking that are left out
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    skip: Option<usize>,
    /// The last rank that is looked at
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    depth: Option<usize>,
    /// A negative's cosine is at most the positive's less this
    #[arg(long, value_name = "COSINE", value_parser = stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    absolute_margin: Option<f64>,
    /// A negative's cosine is at most the positive's less this share of it
    #[arg(long, value_name = "SHARE", value_parser = stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    relative_margin: Option<f64>,
}

fn main() -> ExitCode {
    stage::run("jobmatch-mine-negatives", work)
}

fn work() -> anyhow::Result<()> {
    let arguments: Arguments = stage::parse();
    stage::init_logging(&arguments.common);
    let settings = stage::resolve::<Config>(&arguments.common, &arguments.flags)?;
    settings.config.mining.validate()?;
    let mut telemetry = Telemetry::start("mine-negatives");

    let shard = Shard::from_env()?;
    let dataset = Artifact::open(&arguments.dataset)?;
    let model = BiEncoder::load(&arguments.model)?;
    let identity = Identity {
        stage: "mine-negatives".to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        config: settings.json()?,
        seed: settings.seed,
        inputs: vec![
            Input::artifact("dataset", &dataset),
            Input::file("definitions", &arguments.definitions)?,
            Input {
                role: "model".to_owned(),
                digest: model.fingerprint().to_owned(),
            },
        ],
    };
    let patience = Duration::from_secs(arguments.patience);
    let work = match resume(&arguments.output, identity, shard, patience)? {
        Resume::Done(artifact) => {
            stage::already_done(&artifact);
            return Ok(());
        }
        Resume::Work(work) => work,
    };

    let config = settings.config;
    let template = config.template.clone();
    let template = template
        .or_else(|| model.template().cloned())
        .unwrap_or_default();
    let definitions = read_definitions(&arguments.definitions, &ReadOptions::default())?;
    let positives = read_shards::<Positive>(&dataset.path("positives"), "part")?;
    let known = KnownPositives::new(positives.collect::<Result<Vec<_>, _>>()?);
    let miner = Miner::new(
        &model,
        &definitions,
        &template,
        &known,
        config.mining.clone(),
    )?;
    match mine(&miner, &dataset, &config, &template, &work)? {
        Some(report) => {
            telemetry.count("positives", report.counts.positives);
            telemetry.count("negatives", report.counts.negatives);
            stage::publish(work, &mut telemetry)?;
        }
        None => tracing::info!("rank {} is done; rank 0 publishes", shard.rank()),
    }
    Ok(())
}
