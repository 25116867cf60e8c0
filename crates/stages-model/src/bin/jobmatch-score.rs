//! Scores pairs of texts by a cross-encoder.

// Named before all others, so that the linker meets libtorch before FAISS's BLAS.
extern crate jobmatch_retrieval as _;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser};
use jobmatch_artifact::{Artifact, Identity, Input, Resume, Shard, resume};
use jobmatch_crossencoder::CrossEncoder;
use jobmatch_stage::{self as stage, Telemetry};
use jobmatch_stages_model::score::{Config, Report, score, score_lines, soften};
use jobmatch_torch_ext::{best_device, local_rank};
use serde::Serialize;

/// Score pairs of a text and a passage: one logit for each, in input order
#[derive(Debug, Parser)]
#[command(name = "jobmatch-score", version)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["input", "dataset"]))]
struct Arguments {
    /// The cross-encoder: ms-marco-minilm, a model of the Hugging Face hub (owner/name), or a folder
    #[arg(long, value_name = "NAME|DIR")]
    model: String,
    /// Pairs with `id`, `text` and `passage` (.tsv .csv .jsonl .parquet, also .gz .zst), or `-`: JSON lines
    #[arg(long, value_name = "FILE|-")]
    input: Option<PathBuf>,
    /// A data set, written again with the model's probabilities for the labels of its training pairs
    #[arg(long, value_name = "DIR")]
    dataset: Option<PathBuf>,
    /// Folder to write, or `-` (with `--input -`): JSON lines {"id","logit","probability"}
    #[arg(long, value_name = "DIR|-")]
    output: PathBuf,
    /// Seconds to wait for the other processes of a run on several
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    patience: u64,
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    common: stage::Common,
}

#[derive(Debug, Args, Serialize)]
struct Flags {
    /// float32, bfloat16, float16 (on a GPU) or int8 (on the CPU) [default: float32]
    #[arg(long, value_name = "KIND", value_parser = ["float32", "bfloat16", "float16", "int8"])]
    #[serde(skip_serializing_if = "Option::is_none")]
    precision: Option<String>,
    /// The same bits for a pair whatever stands beside it, on a GPU too
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    batch_invariant: bool,
    /// Rows of one unit of work and of one part-*.parquet [default: 65536]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    rows_per_file: Option<usize>,
    /// The file's name of one of our columns: `passage=skill`
    #[arg(long = "column", value_name = "OURS=THEIRS", value_parser = column)]
    #[serde(
        serialize_with = "stage::as_table",
        skip_serializing_if = "Vec::is_empty"
    )]
    columns: Vec<(String, String)>,
    /// End at a bad row, or set it aside in rejected.jsonl [default: stop]
    #[arg(long, value_name = "WHAT", value_parser = ["stop", "skip"])]
    #[serde(skip_serializing_if = "Option::is_none")]
    on_bad_row: Option<String>,
    /// With --dataset: logits are divided by it before they become labels [default: 1]
    #[arg(long, value_name = "T", value_parser = stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
}

fn column(text: &str) -> Result<(String, String), String> {
    stage::column(text, &["id", "text", "passage"])
}

/// What is scored.
enum Pairs {
    Lines,
    File(PathBuf),
    Dataset(Artifact),
}

fn main() -> ExitCode {
    stage::run("jobmatch-score", work)
}

fn work() -> anyhow::Result<()> {
    let arguments: Arguments = stage::parse();
    stage::init_logging(&arguments.common);
    let settings = stage::resolve::<Config>(&arguments.common, &arguments.flags)?;
    let config = &settings.config;
    config.validate()?;
    let is_stream = |path: &Path| path == "-";
    let from_stream = arguments.input.as_deref().is_some_and(is_stream);
    if from_stream != is_stream(&arguments.output) {
        Arguments::command()
            .error(
                ErrorKind::ArgumentConflict,
                "`--input -` and `--output -` go together",
            )
            .exit();
    }
    let shard = Shard::from_env()?;
    let pairs = match (&arguments.dataset, &arguments.input) {
        (Some(dataset), _) => Pairs::Dataset(Artifact::open(dataset)?),
        (None, Some(input)) if !from_stream => Pairs::File(input.clone()),
        _ => Pairs::Lines,
    };
    let device = best_device(local_rank()?);
    let model = CrossEncoder::load_on(&arguments.model, device, config.inference())?;
    let input = match &pairs {
        Pairs::Lines => {
            let output = io::BufWriter::new(io::stdout());
            score_lines(&model, io::stdin().lock(), output)?;
            return Ok(());
        }
        Pairs::File(path) => Input::file("pairs", path)?,
        Pairs::Dataset(dataset) => Input::artifact("dataset", dataset),
    };

    let mut telemetry = Telemetry::start("score");
    let identity = Identity {
        stage: "score".to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        config: settings.json()?,
        seed: settings.seed,
        inputs: vec![
            Input {
                role: "model".to_owned(),
                digest: model.fingerprint().to_owned(),
            },
            input,
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
    let report: Option<Report> = match &pairs {
        Pairs::Dataset(dataset) => {
            let labels = soften(&model, dataset, config.temperature, &work)?;
            labels.map(|labels| labels.scored)
        }
        Pairs::File(path) => score(&model, path, config, &work)?,
        Pairs::Lines => None,
    };
    match report {
        Some(report) => {
            telemetry.count("pairs", report.rows);
            telemetry.count("tokens", report.tokens);
            stage::publish(work, &mut telemetry)?;
        }
        None => tracing::info!("rank {} is done; rank 0 publishes", shard.rank()),
    }
    Ok(())
}
