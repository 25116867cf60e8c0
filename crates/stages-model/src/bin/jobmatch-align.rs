//! Lets a model pick the sentences of labels without evidence.

// Named before all others, so that the linker meets libtorch before FAISS's BLAS: libtorch then keeps its own
// matrix products instead of taking the system's, which are several times slower for it.
extern crate jobmatch_retrieval as _;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use jobmatch_artifact::{Artifact, Identity, Input, Resume, Shard, resume};
use jobmatch_biencoder::{Aligner, BiEncoder};
use jobmatch_records::{PassageTemplate, ReadOptions, read_definitions};
use jobmatch_stage::{self as stage, Common, Telemetry};
use jobmatch_stages_model::align::{Config, align};
use serde::Serialize;

/// Write a data set again, with the sentences of labels without evidence picked by a bi-encoder
#[derive(Debug, clap::Parser)]
#[command(name = "jobmatch-align", version)]
struct Arguments {
    /// The data set: the output of jobmatch-dataset
    #[arg(long, value_name = "DIR")]
    dataset: PathBuf,
    /// The jobs' sentences: the output of jobmatch-segment that the data set was made from
    #[arg(long, value_name = "DIR")]
    sentences: PathBuf,
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
}

fn main() -> ExitCode {
    stage::run("jobmatch-align", work)
}

fn work() -> anyhow::Result<()> {
    let arguments: Arguments = stage::parse();
    stage::init_logging(&arguments.common);
    let settings = stage::resolve::<Config>(&arguments.common, &arguments.flags)?;
    let mut telemetry = Telemetry::start("align");

    let shard = Shard::from_env()?;
    let dataset = Artifact::open(&arguments.dataset)?;
    let sentences = Artifact::open(&arguments.sentences)?;
    let model = BiEncoder::load(&arguments.model)?;
    let identity = Identity {
        stage: "align".to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        config: settings.json()?,
        seed: settings.seed,
        inputs: vec![
            Input::artifact("dataset", &dataset),
            Input::artifact("sentences", &sentences),
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

    let template = settings.config.template;
    let template = template
        .or_else(|| model.template().cloned())
        .unwrap_or_default();
    let definitions = read_definitions(&arguments.definitions, &ReadOptions::default())?;
    let aligner = Aligner::new(&model, &definitions, &template)?;
    match align(&aligner, &dataset, sentences.dir(), &work)? {
        Some(report) => {
            telemetry.count("positives", report.counts.positives);
            telemetry.count("moved", report.counts.moved);
            stage::publish(work, &mut telemetry)?;
        }
        None => tracing::info!("rank {} is done; rank 0 publishes", shard.rank()),
    }
    Ok(())
}
