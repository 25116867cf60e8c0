//! Finds the attributes that new jobs ask for.

// Named before all others, so that the linker meets libtorch before FAISS's BLAS: libtorch then keeps its own
// matrix products instead of taking the system's, which are several times slower for it.
extern crate jobmatch_retrieval as _;

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser};
use jobmatch_artifact::{Artifact, Identity, Input, Resume, Shard, resume};
use jobmatch_biencoder::BiEncoder;
use jobmatch_encoder::InferenceConfig;
use jobmatch_evaluation::{Decision, Matcher, Models, PairScorer, PassageIndex};
use jobmatch_stage::{self as stage, Settings, Telemetry};
use jobmatch_stages_model::matching::{
    Config, Format, Given, InputFormat, Jobs, Table, Writing, check_crossencoder, match_file,
    match_stream, standard_input,
};
use jobmatch_stages_model::{Embedder, Scorer, decision_file};
use jobmatch_torch_ext::{best_device, local_rank};
use serde::Serialize;

/// Find the attributes that jobs ask for, each with the sentence that proves it
#[derive(Debug, Parser)]
#[command(name = "jobmatch-match", version)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["input", "text"]))]
struct Arguments {
    /// The bi-encoder: minilm, e5-base-v2, or a folder
    #[arg(long, value_name = "NAME|DIR")]
    biencoder: String,
    /// The bi-encoder's index: the output of jobmatch-index
    #[arg(long, value_name = "DIR")]
    index: PathBuf,
    /// The cross-encoder, if the decision was chosen with one
    #[arg(long, value_name = "NAME|DIR")]
    crossencoder: Option<String>,
    /// The decision: decision.json, or the evaluation folder that holds it
    #[arg(long, value_name = "FILE|DIR")]
    decision: PathBuf,
    /// Jobs with `job_id` and `text` (.tsv .csv .jsonl .parquet, also .gz .zst), one job as .txt, or `-`: one job's text, or JSON
    /// lines {"id","text"}
    #[arg(long, value_name = "FILE|-")]
    input: Option<PathBuf>,
    /// One job's text
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// What `--input -` holds: text or jsonl [default: jsonl when it begins with `{`]
    #[arg(long, value_name = "FORMAT", value_parser = ["text", "jsonl"])]
    input_format: Option<String>,
    /// Folder to write, or `-`: standard output
    #[arg(long, value_name = "DIR|-", default_value = "-")]
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
    /// table, jsonl, csv or parquet [default: parquet into a folder, a table on a terminal, else jsonl]
    #[arg(long, value_name = "FORMAT", value_parser = ["table", "jsonl", "csv", "parquet"])]
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    /// At most N attributes of each job, the best first
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    top: Option<usize>,
    /// Also the candidates below the threshold
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    all: bool,
    /// The numbers that the cross-encoder computes with: float32, bfloat16, float16 or int8 [default: float32]
    #[arg(long, value_name = "KIND", value_parser = ["float32", "bfloat16", "float16", "int8"])]
    #[serde(skip_serializing_if = "Option::is_none")]
    rerank_precision: Option<String>,
    /// Jobs of one unit of work and of one part-*.parquet [default: 4096]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    jobs_per_file: Option<usize>,
    /// The file's name of one of our columns: `text=body`
    #[arg(long = "column", value_name = "OURS=THEIRS", value_parser = column)]
    #[serde(
        serialize_with = "stage::as_table",
        skip_serializing_if = "Vec::is_empty"
    )]
    columns: Vec<(String, String)>,
    /// End at a bad row, or set it aside (in a folder: in rejected.jsonl) [default: stop]
    #[arg(long, value_name = "WHAT", value_parser = ["stop", "skip"])]
    #[serde(skip_serializing_if = "Option::is_none")]
    on_bad_row: Option<String>,
}

fn column(text: &str) -> Result<(String, String), String> {
    stage::column(text, &["job_id", "text", "title", "split", "group_id"])
}

/// Where jobs come from, and where matches go.
enum Route {
    /// From a file to a folder.
    Files(PathBuf),
    /// From a file to standard output.
    FromFile(PathBuf),
    /// From standard input to standard output.
    FromStream(Option<InputFormat>),
    /// From the command line to standard output.
    FromText(String),
}

fn main() -> ExitCode {
    stage::run("jobmatch-match", work)
}

fn work() -> anyhow::Result<()> {
    let arguments: Arguments = stage::parse();
    stage::init_logging(&arguments.common);
    let mut settings = stage::resolve::<Config>(&arguments.common, &arguments.flags)?;
    settings.config.validate()?;
    let (route, format) = route(&arguments, &settings.config);
    settings.config.format = Some(format);
    let config = &settings.config;

    // What is read and refused quickly comes before the models.
    let mut jobs = match &route {
        Route::Files(path) | Route::FromFile(path) => Some(Jobs::open(path, &config.reading())?),
        Route::FromStream(_) | Route::FromText(_) => None,
    };
    let decision_path = decision_file(&arguments.decision);
    let decision = Decision::read(&decision_path)
        .context("the decision is made by `jobmatch-evaluate --choose` on dev")?;
    let index = Artifact::open(&arguments.index)?;
    let passages = PassageIndex::load(index.dir())?;

    let mut telemetry = Telemetry::start("match");
    let begun = Instant::now();
    let device = best_device(local_rank()?);
    let inference = InferenceConfig::default();
    let embedder = Embedder(BiEncoder::load_on(&arguments.biencoder, device, inference)?);
    let scorer = arguments
        .crossencoder
        .as_deref()
        .map(|model| Scorer::load_on(model, device, config.rerank_precision))
        .transpose()?;
    check_crossencoder(&decision, scorer.as_ref())?;
    let models = Models {
        passages: &passages,
        embedder: &embedder,
        scorer: scorer.as_ref().map(|scorer| scorer as &dyn PairScorer),
    };
    let matcher = Matcher::new(models, &decision)?.wanting(config.wanted(format));
    telemetry.spent("load", begun.elapsed().as_secs_f64());

    let input = match route {
        Route::Files(path) => path,
        Route::FromFile(path) => {
            let jobs = jobs.as_mut().context("the jobs' file is open")?;
            let given = jobs.by_ref().map(|job| Ok(Given::from(job?)));
            to_stdout(&matcher, given, format)?;
            if !jobs.rejected().is_empty() {
                let (count, first) = (jobs.rejected().len(), &jobs.rejected()[0]);
                tracing::warn!(
                    "{}: {count} bad rows were left out, the first on line {}: {}",
                    path.display(),
                    first.number,
                    first.reason
                );
            }
            return Ok(());
        }
        Route::FromStream(form) => {
            return to_stdout(&matcher, standard_input(io::stdin().lock(), form)?, format);
        }
        Route::FromText(text) => {
            let given = Given::text("text", text);
            return to_stdout(&matcher, std::iter::once(Ok(given)), format);
        }
    };
    let shard = Shard::from_env()?;
    let identity = identity(&settings, &input, &index, &models, &decision_path)?;
    let patience = Duration::from_secs(arguments.patience);
    let work = match resume(&arguments.output, identity, shard, patience)? {
        Resume::Done(artifact) => {
            stage::already_done(&artifact);
            return Ok(());
        }
        Resume::Work(work) => work,
    };
    let jobs = jobs.as_mut().context("the jobs' file is open")?;
    match match_file(&matcher, jobs, config, format, &work, &mut telemetry)? {
        Some(_) => {
            stage::publish(work, &mut telemetry)?;
        }
        None => {
            work.telemetry(&telemetry.row())?;
            tracing::info!("rank {} is done; rank 0 publishes", shard.rank());
        }
    }
    Ok(())
}

/// Ends the program where arguments do not go together.
fn route(arguments: &Arguments, config: &Config) -> (Route, Format) {
    let refuse = |message: &str| -> ! {
        Arguments::command()
            .error(ErrorKind::ArgumentConflict, message)
            .exit()
    };
    let is_stream = |path: &Path| path == "-";
    let to_folder = !is_stream(&arguments.output);
    let from_file = match &arguments.input {
        Some(path) if !is_stream(path) => Some(path.clone()),
        _ => None,
    };
    if to_folder && from_file.is_none() {
        refuse("a folder is written from a file: give `--input FILE`, or leave `--output` out");
    }
    let from_stdin = from_file.is_none() && arguments.text.is_none();
    let form = match arguments.input_format.as_deref() {
        Some(_) if !from_stdin => {
            refuse("`--input-format` is for `--input -`: a file's name tells its format")
        }
        Some("text") => Some(InputFormat::Text),
        Some(_) => Some(InputFormat::Jsonl),
        None => None,
    };
    if from_file.is_none() && !arguments.flags.columns.is_empty() {
        refuse("`--column` is for a file's columns");
    }
    let format = match (config.format, to_folder) {
        (Some(Format::Table), true) => {
            refuse("a table is for standard output: leave `--output` out")
        }
        (Some(Format::Parquet), false) => refuse("Parquet is for a folder: give `--output DIR`"),
        (Some(format), _) => format,
        (None, true) => Format::Parquet,
        (None, false) if io::stdout().is_terminal() => Format::Table,
        (None, false) => Format::Jsonl,
    };
    let route = match (from_file, &arguments.text) {
        (Some(path), _) if to_folder => Route::Files(path),
        (Some(path), _) => Route::FromFile(path),
        (None, Some(text)) => Route::FromText(text.clone()),
        (None, None) => Route::FromStream(form),
    };
    (route, format)
}

fn to_stdout(
    matcher: &Matcher<'_>,
    jobs: impl Iterator<Item = anyhow::Result<Given>>,
    format: Format,
) -> anyhow::Result<()> {
    let writing = match format {
        Format::Table => Writing::Table(Table::of_stdout(matcher.decision().threshold)),
        Format::Csv => Writing::Csv,
        Format::Jsonl | Format::Parquet => Writing::Lines,
    };
    let output = io::BufWriter::new(io::stdout());
    match_stream(matcher, jobs, &writing, output)?;
    Ok(())
}

fn identity(
    settings: &Settings<Config>,
    jobs: &Path,
    index: &Artifact,
    models: &Models<'_>,
    decision: &Path,
) -> anyhow::Result<Identity> {
    let model = |role: &str, fingerprint: &str| Input {
        role: role.to_owned(),
        digest: fingerprint.to_owned(),
    };
    let mut inputs = vec![
        Input::file("jobs", jobs)?,
        model("biencoder", models.embedder.fingerprint()),
        Input::artifact("index", index),
        Input::file("decision", decision)?,
    ];
    inputs.extend(
        models
            .scorer
            .map(|scorer| model("crossencoder", scorer.fingerprint())),
    );
    Ok(Identity {
        stage: "match".to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        config: settings.json()?,
        seed: settings.seed,
        inputs,
    })
}
