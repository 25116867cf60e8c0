//! Checks an artifact and its lineage.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Parser;
use jobmatch_stage as stage;
use jobmatch_stages_data::verify::verify;

/// Check that an artifact is whole, and print its stage, files and inputs
#[derive(Debug, Parser)]
#[command(name = "jobmatch-verify", version)]
struct Arguments {
    /// The artifact
    #[arg(value_name = "DIR")]
    artifact: PathBuf,
    /// Artifacts and files it may have been made from: its inputs are looked for among them
    #[arg(value_name = "DIR|FILE")]
    sources: Vec<PathBuf>,
    #[command(flatten)]
    common: stage::Common,
}

fn main() -> ExitCode {
    stage::run("jobmatch-verify", work)
}

fn work() -> anyhow::Result<()> {
    let arguments: Arguments = stage::parse();
    stage::init_logging(&arguments.common);
    stage::resolve::<stage::NoSettings>(&arguments.common, &stage::NoSettings {})?;
    let verified = verify(&arguments.artifact, &arguments.sources)?;
    io::stdout()
        .write_all(verified.text.as_bytes())
        .map_err(stage::stdout_error)?;
    if let Some(first) = verified.strangers.first() {
        let others = verified.strangers.len() - 1;
        let more = if others == 0 {
            String::new()
        } else {
            format!(" and {others} more")
        };
        bail!(
            "{}{more}: not what {} was made from; compare the digests of its inputs above",
            first.display(),
            arguments.artifact.display()
        );
    }
    Ok(())
}
