//! Adds what a bi-encoder retrieves to a data set: what a cross-encoder that re-ranks has to learn from.

// Named before all others, so that the linker meets libtorch before FAISS's BLAS: libtorch then keeps its own
// matrix products instead of taking the system's, which are several times slower for it.
extern crate jobmatch_retrieval as _;

use std::path::PathBuf;
use std::process::ExitCode;

use jobmatch_artifact::{Artifact, Input};
use jobmatch_biencoder::KnownPositives;
use jobmatch_evaluation::PassageIndex;
use jobmatch_records::{PassageTemplate, Positive, read_shards};
use jobmatch_stage::{self as stage, Common, Telemetry};
use jobmatch_stages_model::candidates::{Config, Retriever, add_candidates};
use jobmatch_stages_model::{DerivedArguments, StepProgress};
use serde::Serialize;

/// Write a data set again, with what a bi-encoder retrieves for its jobs, right and wrong: what a re-ranker has to tell apart
#[derive(Debug, clap::Parser)]
#[command(name = "jobmatch-candidates", version)]
struct Arguments {
    #[command(flatten)]
    derived: DerivedArguments,
    /// The jobs' sentences: the output of jobmatch-segment that the data set was made from
    #[arg(long, value_name = "DIR")]
    sentences: PathBuf,
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args, Serialize)]
struct Flags {
    /// How passages are written; absent: as the model was trained, else "{name}: {definition}"
    #[arg(long, value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<PassageTemplate>,
    /// Passages kept for each dev job: as many as will be re-ranked [default: 20]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates: Option<usize>,
    /// Passages kept for each training job [default: 50]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    train_candidates: Option<usize>,
    /// Passages found for each sentence [default: 50]
    #[arg(long, value_name = "K")]
    #[serde(skip_serializing_if = "Option::is_none")]
    sentence_top_k: Option<usize>,
    /// Jobs of one unit of work, and of one file of pairs [default: 4096]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    jobs_per_file: Option<usize>,
}

fn main() -> ExitCode {
    stage::run("jobmatch-candidates", work)
}

fn work() -> anyhow::Result<()> {
    let arguments: Arguments = stage::parse();
    stage::init_logging(&arguments.common);
    let settings = stage::resolve::<Config>(&arguments.common, &arguments.flags)?;
    let config = &settings.config;
    config.validate()?;
    let mut telemetry = Telemetry::start("candidates");

    let sentences = Artifact::open(&arguments.sentences)?;
    let begun = arguments.derived.begin(
        "candidates",
        &settings,
        config.template.as_ref(),
        vec![Input::artifact("sentences", &sentences)],
    )?;
    let Some(derived) = begun else {
        return Ok(());
    };
    let positives = read_shards::<Positive>(&derived.dataset.path("positives"), "part")?;
    let known = KnownPositives::new(positives.collect::<Result<Vec<_>, _>>()?);
    let mut progress = StepProgress::default();
    let passages = PassageIndex::build(
        &derived.definitions,
        &derived.template,
        &derived.model,
        "Flat",
        &mut |step, done, total| progress.hear(step, done, total),
    )?;
    progress.finish();
    let retriever = Retriever {
        passages: &passages,
        embedder: &derived.model,
        known: &known,
        config,
    };
    let (dataset, work) = (&derived.dataset, &derived.work);
    if let Some(report) = add_candidates(&retriever, dataset, sentences.dir(), work)? {
        telemetry.count("jobs", report.train.jobs + report.dev.jobs);
        telemetry.count("positives", report.train.positives);
        telemetry.count("negatives", report.train.negatives);
    }
    derived.publish(&mut telemetry)
}
