//! Makes any number of plausible jobs with labels, for tests of scale.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser};
use jobmatch_artifact::{Begin, Identity, Input, begin};
use jobmatch_onet::{GenerateConfig, Generator, Occupations};
use jobmatch_stage::{self as stage, Progress, Telemetry};
use serde::Serialize;

/// Make any number of plausible jobs with labels from O*NET's tasks, for tests of scale
#[derive(Debug, Parser)]
#[command(name = "jobmatch-generate-jobs", version)]
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
    /// How many jobs [default: 1000]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    jobs: Option<u64>,
    /// About how many words a job has [default: 120]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<usize>,
    /// Share of the jobs that carry their occupation's code as group_id [default: 0]
    #[arg(long, value_name = "SHARE", value_parser = stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<f64>,
    /// Share of the jobs that are an earlier job with a few words changed [default: 0.02]
    #[arg(long, value_name = "SHARE", value_parser = stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    near_copies: Option<f64>,
    /// Share of the jobs that are an earlier job in another layout [default: 0.01]
    #[arg(long, value_name = "SHARE", value_parser = stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    copies: Option<f64>,
    /// Share of the labels that say where their task stands [default: 0.5]
    #[arg(long, value_name = "SHARE", value_parser = stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<f64>,
}

fn main() -> ExitCode {
    stage::run("jobmatch-generate-jobs", work)
}

fn work() -> anyhow::Result<()> {
    let arguments: Arguments = stage::parse();
    stage::init_logging(&arguments.common);
    let settings = stage::resolve::<GenerateConfig>(&arguments.common, &arguments.flags)?;
    settings.config.validate()?;
    let identity = Identity {
        stage: "generate-jobs".to_owned(),
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

    let mut telemetry = Telemetry::start("generate-jobs");
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(arguments.threads)
        .build()
        .context("cannot start the threads")?;
    telemetry.threads(threads.current_num_threads());
    let source = Occupations::read(&arguments.tasks, &arguments.occupations)?;
    let generator = Generator::new(&source, &settings.config, settings.seed)?;
    let progress = Progress::new("making", "jobs", Some(settings.config.jobs));
    let done = |jobs| progress.add(jobs - progress.done());
    let report = threads.install(|| generator.write(draft.dir(), done))?;
    progress.finish();
    draft.write_json("report.json", &report)?;
    telemetry.count("jobs", report.jobs);
    telemetry.count("labels", report.labels);
    stage::publish(draft, &mut telemetry)?;
    Ok(())
}
