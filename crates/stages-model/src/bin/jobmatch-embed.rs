//! Embeds texts by a bi-encoder's model.

// Named before all others, so that the linker meets libtorch before FAISS's BLAS.
extern crate jobmatch_retrieval as _;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser};
use jobmatch_artifact::{Identity, Input, Resume, Shard, resume};
use jobmatch_encoder::Embedder;
use jobmatch_stage::{self as stage, Telemetry};
use jobmatch_stages_model::embed::{Config, embed, embed_lines};
use jobmatch_torch_ext::{best_device, local_rank};
use serde::Serialize;

/// Embed texts: one vector for each, in input order
#[derive(Debug, Parser)]
#[command(name = "jobmatch-embed", version)]
struct Arguments {
    /// minilm, e5-base-v2, a model of the Hugging Face hub (owner/name), or a folder
    #[arg(long, value_name = "NAME|DIR")]
    model: String,
    /// Texts with `id` and `text` (.tsv .csv .jsonl .parquet, also .gz .zst), or `-`: JSON lines {"id","text"}
    #[arg(long, value_name = "FILE|-")]
    input: PathBuf,
    /// Folder to write, or `-` (with `--input -`): JSON lines {"id","vector"}
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
    /// parquet or npy [default: parquet]
    #[arg(long, value_name = "FORMAT", value_parser = ["parquet", "npy"])]
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    /// What the model wants before each text: query, passage or none [default: the model's default prompt]
    #[arg(long, value_name = "NAME", value_parser = ["query", "passage", "none"])]
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<String>,
    /// A prompt of your own
    #[arg(long, value_name = "TEXT", conflicts_with = "prompt")]
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_text: Option<String>,
    /// float32, bfloat16, float16 (on a GPU) or int8 (on the CPU) [default: float32]
    #[arg(long, value_name = "KIND", value_parser = ["float32", "bfloat16", "float16", "int8"])]
    #[serde(skip_serializing_if = "Option::is_none")]
    precision: Option<String>,
    /// The same bits for a text whatever stands beside it, on a GPU too
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    batch_invariant: bool,
    /// Only the first N numbers of each vector, for models trained so
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<usize>,
    /// Take long texts in windows that share N tokens, and the mean of their vectors [default: cut them]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    window_stride: Option<usize>,
    /// Rows of one unit of work and of one part-*.parquet [default: 16384]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    rows_per_file: Option<usize>,
    /// The file's name of one of our columns: `id=job_id`
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
}

fn column(text: &str) -> Result<(String, String), String> {
    stage::column(text, &["id", "text"])
}

fn main() -> ExitCode {
    stage::run("jobmatch-embed", work)
}

fn work() -> anyhow::Result<()> {
    let arguments: Arguments = stage::parse();
    stage::init_logging(&arguments.common);
    let settings = stage::resolve::<Config>(&arguments.common, &arguments.flags)?;
    let is_stream = |path: &Path| path == "-";
    let streams = (is_stream(&arguments.input), is_stream(&arguments.output));
    if streams.0 != streams.1 {
        Arguments::command()
            .error(
                ErrorKind::ArgumentConflict,
                "`--input -` and `--output -` go together",
            )
            .exit();
    }
    let shard = Shard::from_env()?;
    let device = best_device(local_rank()?);
    let embedder = Embedder::load(&arguments.model, device, settings.config.inference())?;
    if streams.0 {
        let output = io::BufWriter::new(io::stdout());
        embed_lines(&embedder, &settings.config, io::stdin().lock(), output)?;
        return Ok(());
    }

    let mut telemetry = Telemetry::start("embed");
    let identity = Identity {
        stage: "embed".to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        config: settings.json()?,
        seed: settings.seed,
        inputs: vec![
            Input {
                role: "model".to_owned(),
                digest: embedder.folder().fingerprint()?,
            },
            Input::file("texts", &arguments.input)?,
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
    match embed(&embedder, &arguments.input, &settings.config, &work)? {
        Some(report) => {
            telemetry.count("texts", report.rows);
            telemetry.count("tokens", report.tokens);
            stage::publish(work, &mut telemetry)?;
        }
        None => tracing::info!("rank {} is done; rank 0 publishes", shard.rank()),
    }
    Ok(())
}
