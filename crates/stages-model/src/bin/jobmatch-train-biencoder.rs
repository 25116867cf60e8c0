//! Trains a bi-encoder on the positives of a data set.

// Named before all others, so that the linker meets libtorch before FAISS's BLAS: libtorch then keeps its own
// matrix products instead of taking the system's, which are several times slower for it.
extern crate jobmatch_retrieval as _;

use std::path::PathBuf;
use std::process::ExitCode;

use jobmatch_artifact::{Artifact, Begin, Identity, Input};
use jobmatch_biencoder::{BiEncoder, BiEncoderConfig, TrainingData, train};
use jobmatch_encoder::ModelFolder;
use jobmatch_records::{PassageTemplate, ReadOptions, read_definitions};
use jobmatch_stage::{self as stage, Common, Progress, Telemetry};
use jobmatch_stages_model::OptimizerFlags;
use jobmatch_training::RunLog;
use serde::{Deserialize, Serialize};

/// Train a bi-encoder (MultipleNegativesRankingLoss) on the positives of a data set
#[derive(Debug, clap::Parser)]
#[command(name = "jobmatch-train-biencoder", version)]
struct Args {
    /// The data set: the output of jobmatch-dataset
    #[arg(long, value_name = "DIR")]
    dataset: PathBuf,
    /// The model to start from: minilm, e5-base-v2, or a folder
    #[arg(long, value_name = "NAME|DIR")]
    model: String,
    /// The attributes' definitions
    #[arg(long, value_name = "FILE")]
    definitions: PathBuf,
    /// The folder to make
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args, Serialize)]
struct Flags {
    /// How an attribute's passage is written, such as "{name}: {definition}"
    #[arg(long, value_name = "TEXT")]
    template: Option<PassageTemplate>,
    #[command(flatten)]
    training: TrainingFlags,
}

#[derive(Debug, clap::Args, Serialize)]
struct TrainingFlags {
    /// Positives per step
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    batch_size: Option<usize>,
    /// Passes over the positives
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    epochs: Option<usize>,
    /// Stop after so many steps
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_steps: Option<usize>,
    /// Cosines are multiplied by this before the softmax
    #[arg(long, value_name = "SCALE", value_parser = stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    scale: Option<f64>,
    /// Inputs are cut to so many tokens
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<usize>,
    /// What stands before a query
    #[arg(long, value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    query_prompt: Option<String>,
    /// What stands before a passage
    #[arg(long, value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    passage_prompt: Option<String>,
    /// Steps between two evaluations on dev queries
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluate_every: Option<usize>,
    /// At most so many dev queries are evaluated
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluate_queries: Option<usize>,
    #[command(flatten)]
    optimizer: OptimizerFlags,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    /// How an attribute's passage is written.
    template: PassageTemplate,
    /// The training's settings.
    training: BiEncoderConfig,
}

fn main() -> ExitCode {
    stage::run("jobmatch-train-biencoder", work)
}

fn work() -> anyhow::Result<()> {
    let args: Args = stage::parse();
    stage::init_logging(&args.common);
    let settings = stage::resolve::<Config>(&args.common, &args.flags)?;
    settings.config.training.validate()?;
    let mut telemetry = Telemetry::start("train-biencoder");

    let dataset = Artifact::open(&args.dataset)?;
    let mut folder = ModelFolder::open(&args.model)?;
    let identity = Identity {
        stage: "train-biencoder".to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        config: settings.json()?,
        seed: settings.seed,
        inputs: vec![
            Input::artifact("dataset", &dataset),
            Input::file("definitions", &args.definitions)?,
            Input {
                role: "model".to_owned(),
                digest: folder.fingerprint()?,
            },
        ],
    };
    let draft = match jobmatch_artifact::begin(&args.output, identity)? {
        Begin::Done(artifact) => {
            stage::already_done(&artifact);
            return Ok(());
        }
        Begin::Work(draft) => draft,
    };

    let Config { template, training } = settings.config;
    let definitions = read_definitions(&args.definitions, &ReadOptions::default())?;
    let data = TrainingData::read(
        dataset.dir(),
        &definitions,
        &template,
        training.evaluate_queries,
    )?;
    if let Some(prompt) = &training.query_prompt {
        folder.prompts.query.clone_from(prompt);
    }
    if let Some(prompt) = &training.passage_prompt {
        folder.prompts.passage.clone_from(prompt);
    }
    if let Some(max_tokens) = training.max_tokens {
        let max_tokens = max_tokens.min(folder.max_tokens());
        folder = folder.with_max_tokens(max_tokens);
    }
    let mut model = BiEncoder::from_folder(folder)?;

    telemetry.phase("train");
    let mut log = RunLog::create(&draft.path("log.jsonl")?)?;
    let mut progress = None;
    let summary = train(
        &mut model,
        &data,
        &training,
        settings.seed,
        &mut log,
        &mut |row, steps| {
            progress
                .get_or_insert_with(|| Progress::new("training", "steps", Some(steps as u64)))
                .add(1);
            tracing::debug!(step = row.step, loss = row.loss, rate = row.rate);
        },
    )?;
    if let Some(progress) = progress {
        progress.finish();
    }
    telemetry.count("steps", summary.steps as u64);
    telemetry.count("examples", (summary.steps * training.batch_size) as u64);
    model.save(&draft.path("model")?, &template)?;
    draft.write_json("report.json", &summary)?;
    stage::publish(draft, &mut telemetry)?;
    Ok(())
}
