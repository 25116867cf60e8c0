//! Trains a bi-encoder on the positives of a data set.

// Named before all others, so that the linker meets libtorch before FAISS's BLAS: libtorch then keeps its own
// matrix products instead of taking the system's, which are several times slower for it.
extern crate jobmatch_retrieval as _;

use std::path::PathBuf;
use std::process::ExitCode;

use jobmatch_artifact::{Artifact, Identity, Input};
use jobmatch_biencoder::{BiEncoderConfig, Summary, TrainableBiEncoder, TrainingData, train};
use jobmatch_encoder::ModelFolder;
use jobmatch_records::{PassageTemplate, ReadOptions, read_definitions};
use jobmatch_stage::{self as stage, Common, Settings, Telemetry};
use jobmatch_stages_model::{Monitor, Output, TrainerFlags, begin};
use jobmatch_torch_ext::World;
use jobmatch_training::Stop;
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
    /// Positives per step, of all ranks and parts together
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    batch_size: Option<usize>,
    /// Passes over the positives
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    epochs: Option<u64>,
    /// Stop after so many steps
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_steps: Option<u64>,
    /// Cosines are multiplied by this before the softmax
    #[arg(long, value_name = "SCALE", value_parser = stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    scale: Option<f64>,
    /// Whether each passage must also find its query
    #[arg(long, value_name = "true|false")]
    #[serde(skip_serializing_if = "Option::is_none")]
    symmetric: Option<bool>,
    /// Whether known positives are left out of the denominators
    #[arg(long, value_name = "true|false")]
    #[serde(skip_serializing_if = "Option::is_none")]
    mask_known_positives: Option<bool>,
    /// Hard negatives of each positive, from jobmatch-mine-negatives
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    hard_negatives: Option<usize>,
    /// Train vectors that may be cut to these dimensions, such as 384,128,64
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    matryoshka_dimensions: Option<Vec<usize>>,
    /// Memory that does not grow with the batch (GradCache)
    #[arg(long, value_name = "true|false")]
    #[serde(skip_serializing_if = "Option::is_none")]
    cached_gradients: Option<bool>,
    /// Tokens of one forward pass inside a step
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk_tokens: Option<usize>,
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
    evaluate_every: Option<u64>,
    /// At most so many dev queries are evaluated
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluate_queries: Option<usize>,
    /// At most so many passages are searched in an evaluation
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluate_passages: Option<usize>,
    #[command(flatten)]
    trainer: TrainerFlags,
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

    let world = World::from_env()?;
    let dataset = Artifact::open(&args.dataset)?;
    let folder = ModelFolder::open(&args.model)?;
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
    let Some(output) = begin(&world, &args.output, identity)? else {
        return Ok(());
    };
    let made = make(
        &world,
        &args,
        folder,
        &dataset,
        settings,
        &output,
        &mut telemetry,
    );
    let (mut model, template, summary) = match made {
        Ok(made) => made,
        Err(error) => {
            output.give_up();
            return Err(error);
        }
    };
    let learned = (&dataset, args.model.as_str());
    output.publish(&world, &mut telemetry, learned, &summary, |target| {
        Ok(model.save(target, &template)?)
    })?;
    Ok(())
}

fn make(
    world: &World,
    args: &Args,
    mut folder: ModelFolder,
    dataset: &Artifact,
    settings: Settings<Config>,
    output: &Output,
    telemetry: &mut Telemetry,
) -> anyhow::Result<(TrainableBiEncoder, PassageTemplate, Summary)> {
    let Config { template, training } = settings.config;
    let definitions = read_definitions(&args.definitions, &ReadOptions::default())?;
    let mut data = TrainingData::open(
        dataset.dir(),
        &definitions,
        &template,
        &training,
        settings.seed,
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
    let mut model = TrainableBiEncoder::from_folder(folder, world.device())?;

    telemetry.phase("train");
    let mut monitor = Monitor::new(world, output);
    let summary = train(
        world,
        &mut model,
        &mut data,
        &training,
        settings.seed,
        output.place()?.as_ref(),
        Stop::on_sigterm()?,
        &mut |row, total, usage| monitor.hear(row, total, usage),
    )?;
    monitor.finish();
    telemetry.count("steps", summary.steps);
    telemetry.count("examples", summary.steps * training.batch_size as u64);
    Ok((model, template, summary))
}
