//! Prepares real data from two O*NET files: definitions, jobs and labels.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser};
use jobmatch_artifact::{Begin, Identity, Input, begin};
use jobmatch_onet::{Config, Occupations, prepare};
use jobmatch_stage::{self as stage, Telemetry};
use serde::Serialize;

/// Prepare real data from two O*NET files: definitions, jobs and labels
#[derive(Debug, Parser)]
#[command(name = "jobmatch-onet", version)]
struct Arguments {
    /// Tasks and their detailed work activities: `Task_DWA.csv`
    #[arg(long, value_name = "FILE")]
    tasks: PathBuf,
    /// Titles and descriptions: `Occupation Data.txt`
    #[arg(long, value_name = "FILE")]
    occupations: PathBuf,
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
    /// Postings made of each occupation, beside its profile [default: 4]
    #[arg(long, value_name = "N")]
    postings: Option<usize>,
    /// Fewest tasks that a posting shows [default: 5]
    #[arg(long, value_name = "N")]
    tasks_min: Option<usize>,
    /// Most tasks that a posting shows [default: 9]
    #[arg(long, value_name = "N")]
    tasks_max: Option<usize>,
    /// Share of the occupations that goes to dev [default: 0.1]
    #[arg(long, value_name = "SHARE", value_parser = stage::finite)]
    dev_share: Option<f64>,
    /// Share of the occupations that goes to golden [default: 0.22]
    #[arg(long, value_name = "SHARE", value_parser = stage::finite)]
    golden_share: Option<f64>,
}

fn main() -> ExitCode {
    stage::run("jobmatch-onet", work)
}

fn work() -> anyhow::Result<()> {
    let arguments: Arguments = stage::parse();
    stage::init_logging(&arguments.common);
    let settings = stage::resolve::<Config>(&arguments.common, &arguments.flags)?;
    let identity = Identity {
        stage: "onet".to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        config: settings.json()?,
        seed: settings.seed,
        inputs: vec![
            Input::file("tasks", &arguments.tasks)?,
            Input::file("occupations", &arguments.occupations)?,
        ],
    };
    let draft = match begin(&arguments.output, identity)? {
        Begin::Done(artifact) => {
            stage::already_done(&artifact);
            return Ok(());
        }
        Begin::Work(draft) => draft,
    };

    let mut telemetry = Telemetry::start("onet");
    let source = Occupations::read(&arguments.tasks, &arguments.occupations)?;
    let data = prepare(&source, &settings.config, settings.seed)?;
    data.write(draft.dir())?;
    draft.write_json("report.json", &data.report)?;
    telemetry.count("jobs", data.jobs.len() as u64);
    telemetry.count("labels", data.labels.len() as u64);
    stage::publish(draft, &mut telemetry)?;
    Ok(())
}
