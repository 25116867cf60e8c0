//! Cuts jobs into sentences.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser};
use jobmatch_artifact::{Begin, Identity, Input, begin};
use jobmatch_stage::{self as stage, Telemetry};
use jobmatch_stages_data::lines;
use jobmatch_stages_data::segment::{Config, segment};
use serde::Serialize;

/// Cut jobs into sentences: each with its bytes in the text, cleaned, and its kind
#[derive(Debug, Parser)]
#[command(name = "jobmatch-segment", version)]
struct Arguments {
    /// Jobs (.tsv .csv .jsonl .parquet, also .gz .zst), or `-`: JSON lines {"id","text"}
    #[arg(long, value_name = "FILE|-")]
    input: PathBuf,
    /// Folder to write, or `-` (with `--input -`): JSON lines {"id","sentences":[...]}
    #[arg(long, value_name = "DIR|-")]
    output: PathBuf,
    /// Threads; 0 is one for each core
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    common: stage::Common,
}

#[derive(Debug, Args, Serialize)]
struct Flags {
    /// The file's name of one of our columns: `text=body`
    #[arg(long = "column", value_name = "OURS=THEIRS", value_parser = column)]
    #[serde(
        serialize_with = "stage::as_table",
        skip_serializing_if = "Vec::is_empty"
    )]
    columns: Vec<(String, String)>,
    /// End at a bad row, or set it aside in rejected.jsonl [default: stop]
    #[arg(long, value_name = "WHAT", value_parser = ["stop", "skip"])]
    on_bad_row: Option<String>,
    /// Jobs in one sentences-*.parquet [default: 50000]
    #[arg(long, value_name = "N")]
    jobs_per_file: Option<usize>,
    /// An abbreviation whose stop never ends a sentence, such as Dipl.; may be given again
    #[arg(long = "abbreviation", value_name = "WORD")]
    abbreviations: Vec<String>,
    /// Leave the classifier out: rules alone
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    rules_only: bool,
}

fn column(text: &str) -> Result<(String, String), String> {
    stage::column(text, &["job_id", "text", "title", "split", "group_id"])
}

fn main() -> ExitCode {
    stage::run("jobmatch-segment", work)
}

fn work() -> anyhow::Result<()> {
    let arguments: Arguments = stage::parse();
    stage::init_logging(&arguments.common);
    let settings = stage::resolve::<Config>(&arguments.common, &arguments.flags)?;
    let is_stream = |path: &Path| path == "-";
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(arguments.threads)
        .build()
        .context("cannot start the threads")?;
    match (is_stream(&arguments.input), is_stream(&arguments.output)) {
        (true, true) => {
            let segmenter = settings.config.segmenter();
            threads.install(|| {
                lines::segment(&segmenter, io::stdin(), io::BufWriter::new(io::stdout()))
            })?;
            Ok(())
        }
        (false, false) => threads.install(|| files(&arguments, &settings)),
        _ => Arguments::command()
            .error(
                ErrorKind::ArgumentConflict,
                "`--input -` and `--output -` go together",
            )
            .exit(),
    }
}

fn files(arguments: &Arguments, settings: &stage::Settings<Config>) -> anyhow::Result<()> {
    let identity = Identity {
        stage: "segment".to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        config: settings.json()?,
        seed: settings.seed,
        inputs: vec![Input::file("jobs", &arguments.input)?],
    };
    let draft = match begin(&arguments.output, identity)? {
        Begin::Done(artifact) => {
            stage::already_done(&artifact);
            return Ok(());
        }
        Begin::Work(draft) => draft,
    };

    let mut telemetry = Telemetry::start("segment");
    telemetry.threads(rayon::current_num_threads());
    let segmenter = settings.config.segmenter();
    let report = segment(&segmenter, &arguments.input, &settings.config, &draft)?;
    draft.write_json("report.json", &report)?;
    telemetry.count("jobs", report.jobs);
    telemetry.count("sentences", report.sentences);
    stage::publish(draft, &mut telemetry)?;
    Ok(())
}
