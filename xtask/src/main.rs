//! `cargo xtask`: provisions native parts, checks the repository, and runs the stage programs one after another.
//!
//! It uses no crate of the workspace, so that it compiles in seconds on a machine that has nothing but Rust. What
//! needs our own code is a program in `crates/stages-data` or `crates/stages-model`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool: its output is for the person who typed the command"
)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod cache;
mod gpu_kit;
mod pipeline;
mod process;
mod repository;
mod segment_score;
mod setup;
mod status;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Setup, tests and the pipeline of jobmatch",
    disable_help_subcommand = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fetch libtorch, the MiniLM model and the O*NET files, and check the system's build tools
    Setup,
    /// Format, lints, house rules, all tests, and the whole pipeline on the fixtures
    Test(test::Options),
    /// Check the house rules that the compiler does not see
    Tidy,
    /// Score the segmenter against texts whose sentence ends people marked
    SegmentScore(segment_score::Options),
    /// Pack what checks a GPU machine that has no Rust
    GpuKit(gpu_kit::Options),
    /// Run every stage, from the raw data to the measured result
    Pipeline(pipeline::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = process::stop_children_on_signal().and_then(|()| match arguments.command {
        Command::Setup => setup::run(setup::Want::Everything),
        Command::Test(options) => test::run(&options),
        Command::Tidy => tidy::run(),
        Command::SegmentScore(options) => segment_score::run(&options),
        Command::GpuKit(options) => gpu_kit::run(&options),
        Command::Pipeline(options) => pipeline::run(&options).map(drop),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
