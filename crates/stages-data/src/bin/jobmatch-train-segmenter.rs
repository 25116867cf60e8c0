//! Trains the segmenter's classifier from texts whose sentence ends people marked.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser};
use jobmatch_artifact::{Begin, Identity, Input, begin};
use jobmatch_segment::train::{Example, Settings, augment, examples, fit};
use jobmatch_stage::{self as stage, Telemetry};
use jobmatch_stages_data::marked::{self, MarkedFile};
use serde::Serialize;

/// The output's weights: what stands in the crate as `weights/english.bin`.
const WEIGHTS: &str = "weights.bin";

/// Train the segmenter's weights from texts whose sentence ends people marked
#[derive(Debug, Parser)]
#[command(name = "jobmatch-train-segmenter", version)]
struct Arguments {
    /// Folder of *.jsonl with {"text", "ends"}, ends counted in characters; files named *.hard.jsonl are taken as they
    /// are, of all others copies in other layouts are made too
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Folder to write
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    common: stage::Common,
}

#[derive(Debug, Args, Serialize)]
struct Flags {
    /// Passes over the examples [default: 10]
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// Added to the log-odds of an end [default: 0.2]
    #[arg(long, value_name = "LOG-ODDS", value_parser = stage::finite, allow_negative_numbers = true)]
    bias: Option<f64>,
}

/// What went in.
#[derive(Debug, Serialize)]
struct Report {
    texts: usize,
    copies: usize,
    examples: usize,
    ends: usize,
}

fn main() -> ExitCode {
    stage::run("jobmatch-train-segmenter", work)
}

fn work() -> anyhow::Result<()> {
    let arguments: Arguments = stage::parse();
    stage::init_logging(&arguments.common);
    let settings = stage::resolve::<Settings>(&arguments.common, &arguments.flags)?;
    settings.config.validate().map_err(anyhow::Error::msg)?;
    let files = marked::read(&arguments.data)?;
    let inputs = files
        .iter()
        .map(|file| Input::file(&name(&file.path), &file.path))
        .collect::<Result<_, _>>()?;
    let identity = Identity {
        stage: "train-segmenter".to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        config: settings.json()?,
        seed: settings.seed,
        inputs,
    };
    let draft = match begin(&arguments.output, identity)? {
        Begin::Done(artifact) => {
            stage::already_done(&artifact);
            return Ok(());
        }
        Begin::Work(draft) => draft,
    };

    let mut telemetry = Telemetry::start("train-segmenter");
    let (report, examples) = looked_at(&files, settings.seed);
    tracing::info!("{} examples of {} texts", report.examples, report.texts);
    let weights = fit(&examples, &settings.config, settings.seed);
    std::fs::write(draft.path(WEIGHTS)?, weights.bytes())?;
    draft.write_json("report.json", &report)?;
    telemetry.count("examples", report.examples as u64);
    stage::publish(draft, &mut telemetry)?;
    Ok(())
}

/// The examples of all texts and their copies.
fn looked_at(files: &[MarkedFile], seed: u64) -> (Report, Vec<Example>) {
    let mut report = Report {
        texts: 0,
        copies: 0,
        examples: 0,
        ends: 0,
    };
    let mut all = Vec::new();
    for file in files {
        let as_it_is = name(&file.path).ends_with(".hard.jsonl");
        for text in &file.texts {
            report.texts += 1;
            if !as_it_is {
                for copy in augment(text, seed.wrapping_add(report.texts as u64)) {
                    report.copies += 1;
                    all.extend(examples(&copy));
                }
            }
            all.extend(examples(text));
        }
    }
    report.examples = all.len();
    report.ends = all.iter().filter(|example| example.is_end()).count();
    (report, all)
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
