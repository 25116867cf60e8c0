//! Lets a model pick the sentences of labels without evidence.

// Named before all others, so that the linker meets libtorch before FAISS's BLAS: libtorch then keeps its own
// matrix products instead of taking the system's, which are several times slower for it.
extern crate jobmatch_retrieval as _;

use std::path::PathBuf;
use std::process::ExitCode;

use jobmatch_artifact::{Artifact, Input};
use jobmatch_biencoder::Aligner;
use jobmatch_records::PassageTemplate;
use jobmatch_stage::{self as stage, Common, Telemetry};
use jobmatch_stages_model::DerivedArguments;
use jobmatch_stages_model::align::{Config, align};
use serde::Serialize;

/// Write a data set again, with the sentences of labels without evidence picked by a bi-encoder
#[derive(Debug, clap::Parser)]
#[command(name = "jobmatch-align", version)]
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
}

fn main() -> ExitCode {
    stage::run("jobmatch-align", work)
}

fn work() -> anyhow::Result<()> {
    let arguments: Arguments = stage::parse();
    stage::init_logging(&arguments.common);
    let settings = stage::resolve::<Config>(&arguments.common, &arguments.flags)?;
    let mut telemetry = Telemetry::start("align");

    let sentences = Artifact::open(&arguments.sentences)?;
    let more = vec![Input::artifact("sentences", &sentences)];
    let template = settings.config.template.as_ref();
    let begun = arguments
        .derived
        .begin("align", &settings, template, more)?;
    let Some(derived) = begun else {
        return Ok(());
    };
    let aligner = Aligner::new(&derived.model.0, &derived.definitions, &derived.template)?;
    if let Some(report) = align(&aligner, &derived.dataset, sentences.dir(), &derived.work)? {
        telemetry.count("positives", report.counts.positives);
        telemetry.count("moved", report.counts.moved);
    }
    drop(aligner);
    derived.publish(&mut telemetry)
}
