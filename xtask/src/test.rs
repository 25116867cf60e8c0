//! `cargo xtask test`: everything that must hold before a change is taken.

use std::env;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::pipeline::{self, Preset};
use crate::process::succeed;
use crate::repository::cargo;
use crate::setup::{self, Want};
use crate::status::seconds;
use crate::tidy;

/// What `cargo xtask test` takes.
#[derive(Args)]
pub struct Options {
    /// The long tests too: those that ask for JOBMATCH_SLOW=1
    #[arg(long)]
    slow: bool,
}

/// Runs all checks, the quickest first, and stops at the first that fails.
pub fn run(options: &Options) -> Result<()> {
    let start = Instant::now();
    let slow = options.slow;
    let steps: [(&str, &dyn Fn() -> Result<()>); 8] = [
        ("setup", &|| setup::run(Want::Programs)),
        ("format", &|| {
            succeed(cargo().args(["fmt", "--all", "--check"]))
        }),
        ("house rules", &tidy::run),
        ("clippy", &clippy),
        ("tests", &|| tests(slow)),
        ("doc tests", &|| doc_tests(slow)),
        ("tests with rust-bert", &with_rust_bert),
        ("pipeline on fixtures", &on_fixtures),
    ];
    let mut times = Vec::new();
    for (name, step) in steps {
        println!("== {name}");
        let begun = Instant::now();
        step().with_context(|| format!("step `{name}`"))?;
        times.push(format!("{name} {}", seconds(begun.elapsed())));
    }
    println!(
        "all passed in {}: {}",
        seconds(start.elapsed()),
        times.join(", ")
    );
    Ok(())
}

fn clippy() -> Result<()> {
    succeed(cargo().args([
        "clippy",
        "--release",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ]))
}

/// A feature that is off by default, so the workspace's own tests leave it out.
fn with_rust_bert() -> Result<()> {
    let feature = [
        "--release",
        "-p",
        "jobmatch-encoder",
        "--features",
        "rust-bert",
    ];
    let target = ["--test", "rust_bert"];
    succeed(cargo().arg("test").args(feature).args(target))
}

fn tests(slow: bool) -> Result<()> {
    let has_nextest = cargo()
        .args(["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    let mut command = cargo();
    if has_nextest {
        command.args(["nextest", "run", "--no-tests=pass"]);
    } else {
        command.args(["test", "--lib", "--bins", "--tests"]);
    }
    command.args(["--release", "--workspace"]);
    succeed(with_slow(&mut command, slow))
}

fn doc_tests(slow: bool) -> Result<()> {
    let mut command = cargo();
    command.args(["test", "--doc", "--release", "--workspace"]);
    succeed(with_slow(&mut command, slow))
}

/// Tests that take long look for the variable, and return at once without it.
fn with_slow(command: &mut Command, slow: bool) -> &mut Command {
    if slow {
        command.env("JOBMATCH_SLOW", "1")
    } else {
        command.env_remove("JOBMATCH_SLOW")
    }
}

/// The whole pipeline on the fixtures, twice: the second run must find everything done.
fn on_fixtures() -> Result<()> {
    let output = env::temp_dir().join(format!("jobmatch-fixtures-{}", std::process::id()));
    let options = pipeline::Options {
        data: "fixtures".into(),
        preset: Preset::Quick,
        output: Some(output.clone()),
        seed: 42,
        dry_run: false,
    };
    pipeline::run(&options)?;
    let again = pipeline::run(&options)?;
    if !again.worked.is_empty() {
        bail!(
            "a second run did {} again; the outputs lie in {}",
            again.worked.join(", "),
            output.display()
        );
    }
    std::fs::remove_dir_all(&output).with_context(|| format!("cannot remove {}", output.display()))
}
