//! Adds hard negatives to a data set.

// Named before all others, so that the linker meets libtorch before FAISS's BLAS: libtorch then keeps its own
// matrix products instead of taking the system's, which are several times slower for it.
extern crate jobmatch_retrieval as _;

use std::process::ExitCode;

use jobmatch_biencoder::{KnownPositives, Miner};
use jobmatch_records::{PassageTemplate, Positive, read_shards};
use jobmatch_stage::{self as stage, Common, Telemetry};
use jobmatch_stages_model::DerivedArguments;
use jobmatch_stages_model::mine::{Config, mine};
use serde::Serialize;

/// Write a data set again, with hard negatives: passages that a bi-encoder takes for right, and that are not known to be
#[derive(Debug, clap::Parser)]
#[command(name = "jobmatch-mine-negatives", version)]
struct Arguments {
    #[command(flatten)]
    derived: DerivedArguments,
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
    /// Training positives of one unit of work, and of one file of negatives
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    rows_per_file: Option<usize>,
    #[command(flatten)]
    mining: MiningFlags,
}

#[derive(Debug, clap::Args, Serialize)]
struct MiningFlags {
    /// Negatives of each positive
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    negatives: Option<usize>,
    /// Passages at the top of the ranking that are left out
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    skip: Option<usize>,
    /// The last rank that is looked at
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    depth: Option<usize>,
    /// A negative's cosine is at most the positive's less this
    #[arg(long, value_name = "COSINE", value_parser = stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    absolute_margin: Option<f64>,
    /// A negative's cosine is at most the positive's less this share of it
    #[arg(long, value_name = "SHARE", value_parser = stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    relative_margin: Option<f64>,
}

fn main() -> ExitCode {
    stage::run("jobmatch-mine-negatives", work)
}

fn work() -> anyhow::Result<()> {
    let arguments: Arguments = stage::parse();
    stage::init_logging(&arguments.common);
    let settings = stage::resolve::<Config>(&arguments.common, &arguments.flags)?;
    settings.config.mining.validate()?;
    let mut telemetry = Telemetry::start("mine-negatives");

    let config = &settings.config;
    let template = config.template.as_ref();
    let begun = arguments
        .derived
        .begin("mine-negatives", &settings, template, Vec::new())?;
    let Some(derived) = begun else {
        return Ok(());
    };
    let positives = read_shards::<Positive>(&derived.dataset.path("positives"), "part")?;
    let known = KnownPositives::new(positives.collect::<Result<Vec<_>, _>>()?);
    let (model, definitions) = (&derived.model.0, &derived.definitions);
    let (template, mining) = (&derived.template, config.mining.clone());
    let miner = Miner::new(model, definitions, template, &known, mining)?;
    if let Some(report) = mine(&miner, &derived.dataset, config, template, &derived.work)? {
        telemetry.count("positives", report.counts.positives);
        telemetry.count("negatives", report.counts.negatives);
    }
    drop(miner);
    derived.publish(&mut telemetry)
}
