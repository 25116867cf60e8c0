//! Trains a cross-encoder on the labelled pairs of a data set.

use std::path::PathBuf;
use std::process::ExitCode;

use jobmatch_artifact::{Artifact, Begin, Identity, Input};
use jobmatch_crossencoder::{CrossEncoderConfig, PosWeight, TrainingData, train};
use jobmatch_encoder::ModelFolder;
use jobmatch_stage::{self as stage, Common, Progress, Telemetry};
use jobmatch_stages_model::OptimizerFlags;
use jobmatch_training::RunLog;
use serde::Serialize;

/// Train a cross-encoder (binary cross-entropy) on the positives and negatives of a data set
#[derive(Debug, clap::Parser)]
#[command(name = "jobmatch-train-crossencoder", version)]
struct Args {
    /// The data set: the output of jobmatch-dataset, with negatives
    #[arg(long, value_name = "DIR")]
    dataset: PathBuf,
    /// The model to start from: ms-marco-minilm, minilm, or a folder
    #[arg(long, value_name = "NAME|DIR")]
    model: String,
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
    /// Pairs per step
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Passes over the pairs
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// Stop after so many steps
    #[arg(long, value_name = "N")]
    max_steps: Option<usize>,
    /// How much a positive weighs in the loss: auto (negatives per positive) or a number
    #[arg(long, value_name = "auto|W", value_parser = pos_weight)]
    pos_weight: Option<PosWeight>,
    /// Pairs are cut to so many tokens
    #[arg(long, value_name = "N")]
    max_tokens: Option<usize>,
    /// Steps between two evaluations on dev pairs
    #[arg(long, value_name = "N")]
    evaluate_every: Option<usize>,
    #[command(flatten)]
    optimizer: OptimizerFlags,
}

fn pos_weight(text: &str) -> Result<PosWeight, String> {
    if text == "auto" {
        return Ok(PosWeight::Auto);
    }
    stage::finite(text)
        .map(PosWeight::Fixed)
        .map_err(|_| format!("`{text}` is neither `auto` nor a number"))
}

fn main() -> ExitCode {
    stage::run("jobmatch-train-crossencoder", work)
}

fn work() -> anyhow::Result<()> {
    let args: Args = stage::parse();
    stage::init_logging(&args.common);
    let settings = stage::resolve::<CrossEncoderConfig>(&args.common, &args.flags)?;
    settings.config.validate()?;
    let mut telemetry = Telemetry::start("train-crossencoder");

    let dataset = Artifact::open(&args.dataset)?;
    let folder = ModelFolder::open(&args.model)?;
    let identity = Identity {
        stage: "train-crossencoder".to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        config: settings.json()?,
        seed: settings.seed,
        inputs: vec![
            Input::artifact("dataset", &dataset),
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

    let data = TrainingData::read(dataset.dir())?;
    telemetry.phase("train");
    let mut log = RunLog::create(&draft.path("log.jsonl")?)?;
    let mut progress = None;
    let config = settings.config;
    let (model, summary) = train(
        folder,
        &data,
        &config,
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
    telemetry.count("pairs", (summary.steps * config.batch_size) as u64);
    model.save(&draft.path("model")?)?;
    draft.write_json("report.json", &summary)?;
    stage::publish(draft, &mut telemetry)?;
    Ok(())
}
