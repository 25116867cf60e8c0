//! Trains a cross-encoder on the labelled pairs of a data set.

use std::path::PathBuf;
use std::process::ExitCode;

use jobmatch_artifact::{Artifact, Identity, Input};
use jobmatch_crossencoder::{
    CrossEncoderConfig, PosWeight, StepUse, Summary, TrainableCrossEncoder, TrainingData, train,
};
use jobmatch_encoder::{ModelFolder, WindowPooling};
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
    /// Labels are moved so far to the middle
    #[arg(long, value_name = "SHARE", value_parser = stage::finite)]
    label_smoothing: Option<f64>,
    #[command(flatten)]
    negatives: NegativesFlags,
    /// Pairs are cut to so many tokens
    #[arg(long, value_name = "N")]
    max_tokens: Option<usize>,
    #[command(flatten)]
    #[serde(skip_serializing_if = "WindowsFlags::is_empty")]
    windows: WindowsFlags,
    /// Steps between two evaluations on dev pairs
    #[arg(long, value_name = "N")]
    evaluate_every: Option<u64>,
    /// At most so many dev pairs are scored in an evaluation
    #[arg(long, value_name = "N")]
    evaluate_pairs: Option<usize>,
    #[command(flatten)]
    trainer: TrainerFlags,
}

#[derive(Debug, clap::Args, Serialize)]
struct NegativesFlags {
    /// Negatives for each positive that an epoch takes, others in each epoch [default: all there are]
    #[arg(long = "negatives", value_name = "N", value_parser = stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    per_positive: Option<f64>,
    /// The share of hard ones among them [default: as in the data set]
    #[arg(long, value_name = "SHARE", value_parser = stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    hard_share: Option<f64>,
}

#[derive(Debug, clap::Args, Serialize)]
struct WindowsFlags {
    /// Take longer texts in windows, so many at most, instead of cutting them
    #[arg(long = "windows", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    most: Option<usize>,
    /// Tokens that two windows share
    #[arg(long = "window-stride", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    stride: Option<usize>,
    /// How a pair's logit comes from its windows': max or log-sum-exp
    #[arg(long = "window-pooling", value_name = "HOW", value_parser = pooling)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pooling: Option<WindowPooling>,
}

impl WindowsFlags {
    /// Without any of them texts are cut.
    fn is_empty(&self) -> bool {
        self.most.is_none() && self.stride.is_none() && self.pooling.is_none()
    }
}

fn pooling(text: &str) -> Result<WindowPooling, String> {
    match text {
        "max" => Ok(WindowPooling::Max),
        "log-sum-exp" => Ok(WindowPooling::LogSumExp),
        _ => Err(format!("`{text}` is neither max nor log-sum-exp")),
    }
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
    let learned = (&dataset, args.model.as_str());
    output.publish(&world, &mut telemetry, learned, &summary, |target| {
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
    let mut data = TrainingData::open(dataset.dir(), config, settings.seed)?;
    telemetry.phase("train");
    let mut monitor = Monitor::new(world, output);
    let mut used = StepUse::default();
    let (model, summary) = train(
        world,
        folder,
        &mut data,
        config,
        settings.seed,
        output.place()?.as_ref(),
        Stop::on_sigterm()?,
        &mut |row, total, of_step| {
            used += of_step;
            monitor.hear(row, total, of_step.tokens);
        },
    )?;
    monitor.finish();
    telemetry.count("steps", summary.steps);
    telemetry.count("pairs", summary.steps * config.batch_size as u64);
    telemetry.count("pairs_cut", used.cut.pairs);
    telemetry.count("tokens_cut", used.cut.tokens);
    telemetry.count("pairs_in_windows", used.cut.windowed);
    Ok((model, summary))
}
