//! Trains a cross-encoder on the labelled pairs of a data set.

use std::path::PathBuf;
use std::process::ExitCode;

use jobmatch_artifact::{Artifact, Identity, Input};
use jobmatch_crossencoder::{
    CrossEncoderConfig, PosWeight, Summary, TrainableCrossEncoder, TrainingData, train,
};
use jobmatch_encoder::ModelFolder;
use jobmatch_stage::{self as stage, Common, Settings, Telemetry};
use jobmatch_stages_model::{Monitor, Output, TrainerFlags, begin};
use jobmatch_torch_ext::World;
use jobmatch_training::Stop;
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
    /// Pairs per step, of all ranks and parts together
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Passes over the pairs
    #[arg(long, value_name = "N")]
    epochs: Option<u64>,
    /// Stop after so many steps
    #[arg(long, value_name = "N")]
    max_steps: Option<u64>,
    /// How much a positive weighs in the loss: auto (negatives per positive) or a number
    #[arg(long, value_name = "auto|W", value_parser = pos_weight)]
    pos_weight: Option<PosWeight>,
    /// Pairs are cut to so many tokens
    #[arg(long, value_name = "N")]
    max_tokens: Option<usize>,
    /// Steps between two evaluations on dev pairs
    #[arg(long, value_name = "N")]
    evaluate_every: Option<u64>,
    #[command(flatten)]
    trainer: TrainerFlags,
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

    let world = World::from_env()?;
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
    let Some(output) = begin(&world, &args.output, identity)? else {
        return Ok(());
    };
    let made = make(&world, folder, &dataset, &settings, &output, &mut telemetry);
    let (model, summary) = match made {
        Ok(made) => made,
        Err(error) => {
            output.give_up();
            return Err(error);
        }
    };
    output.publish(&world, &mut telemetry, &summary, |target| {
        Ok(model.save(target)?)
    })?;
    Ok(())
}

fn make(
    world: &World,
    folder: ModelFolder,
    dataset: &Artifact,
    settings: &Settings<CrossEncoderConfig>,
    output: &Output,
    telemetry: &mut Telemetry,
) -> anyhow::Result<(TrainableCrossEncoder, Summary)> {
    let config = &settings.config;
    let mut data = TrainingData::open(dataset.dir(), settings.seed)?;
    telemetry.phase("train");
    let mut monitor = Monitor::new(world, output);
    let (model, summary) = train(
        world,
        folder,
        &mut data,
        config,
        settings.seed,
        output.place()?.as_ref(),
        Stop::on_sigterm()?,
        &mut |row, total, usage| monitor.hear(row, total, usage),
    )?;
    monitor.finish();
    telemetry.count("steps", summary.steps);
    telemetry.count("pairs", summary.steps * config.batch_size as u64);
    Ok((model, summary))
}
