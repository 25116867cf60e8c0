//! Compares two evaluations of the same jobs.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use jobmatch_artifact::{Artifact, Begin, Identity, Input, begin};
use jobmatch_evaluation::{CompareConfig, Comparison, EvaluatedRun, compare};
use jobmatch_stage::{self as stage, Common, Telemetry};
use jobmatch_stages_model::comparison::{shown, write_changed};
use serde::{Deserialize, Serialize};

/// Compare two evaluations of the same jobs: what differs, how sure that is, and which jobs changed
#[derive(Debug, clap::Parser)]
#[command(name = "jobmatch-compare", version)]
struct Arguments {
    /// An evaluation folder: the output of jobmatch-evaluate
    #[arg(value_name = "RUN_A")]
    a: PathBuf,
    /// Another of the same jobs; differences are B minus A
    #[arg(value_name = "RUN_B")]
    b: PathBuf,
    /// A folder to make, with comparison.json and changed_jobs.csv; absent: only the table is printed
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Print JSON in place of the table
    #[arg(long)]
    json: bool,
    /// Jobs that the table shows: the greatest losses, and as many of the greatest gains
    #[arg(long, value_name = "N", default_value_t = 5)]
    show: usize,
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args, Serialize)]
struct Flags {
    #[command(flatten)]
    comparison: CompareFlags,
}

#[derive(Debug, clap::Args, Serialize)]
struct CompareFlags {
    /// Compare the jobs that both have, where they do not have the same
    #[arg(long = "common")]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    common: bool,
    /// A ranking measure, such as recall@20; may be given several times [default: six of them]
    #[arg(long = "measure", value_name = "NAME")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    measures: Vec<String>,
    /// How often the bootstrap draws for an interval [default: 2000]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    resamples: Option<usize>,
    /// How often the randomization test exchanges [default: 10000]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    permutations: Option<usize>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    comparison: CompareConfig,
}

fn main() -> ExitCode {
    stage::run("jobmatch-compare", work)
}

fn work() -> anyhow::Result<()> {
    let arguments: Arguments = stage::parse();
    stage::init_logging(&arguments.common);
    let mut settings = stage::resolve::<Config>(&arguments.common, &arguments.flags)?;
    settings.config.comparison.seed = settings.seed;
    let mut telemetry = Telemetry::start("compare");
    let folders = [Artifact::open(&arguments.a)?, Artifact::open(&arguments.b)?];
    let read = |folder: &Artifact| EvaluatedRun::read(folder.dir());
    let found = || -> anyhow::Result<Comparison> {
        let (a, b) = (read(&folders[0])?, read(&folders[1])?);
        Ok(compare(&a, &b, &settings.config.comparison)?)
    };
    let Some(output) = &arguments.output else {
        return print(&arguments, &found()?);
    };
    let identity = Identity {
        stage: "compare".to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        config: settings.json()?,
        seed: settings.seed,
        inputs: vec![
            Input::artifact("run a", &folders[0]),
            Input::artifact("run b", &folders[1]),
        ],
    };
    let draft = match begin(output, identity)? {
        Begin::Done(artifact) => {
            stage::already_done(&artifact);
            return Ok(());
        }
        Begin::Work(draft) => draft,
    };
    let comparison = found()?;
    write_changed(&draft.dir().join("changed_jobs.csv"), &comparison)?;
    draft.write_json("comparison.json", &comparison)?;
    stage::publish(draft, &mut telemetry)?;
    print(&arguments, &comparison)
}

fn print(arguments: &Arguments, comparison: &Comparison) -> anyhow::Result<()> {
    let text = match arguments.json {
        true => format!("{}\n", serde_json::to_string_pretty(comparison)?),
        false => shown(comparison, arguments.show),
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(stage::stdout_error)
}
