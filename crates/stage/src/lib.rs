//! What every stage program shares: its common arguments, how settings are resolved, logging,
//! progress, exit codes, a telemetry row, and how an output is published.
//!
//! It leaves to others what a stage does (the library crates), what makes an output whole
//! (`jobmatch-artifact`), and what its rows are (`jobmatch-records`). It knows no file format but
//! TOML, and no setting but the seed.
//!
//! A program's `main` is then the same few lines everywhere:
//!
//! ```
//! use jobmatch_stage as stage;
//! use serde::{Deserialize, Serialize};
//!
//! /// Settings: what stands in the manifest. Every field has a default.
//! #[derive(Debug, Serialize, Deserialize)]
//! #[serde(default, deny_unknown_fields)]
//! struct Config {
//!     batch: usize,
//! }
//! impl Default for Config {
//!     fn default() -> Self {
//!         Config { batch: 512 }
//!     }
//! }
//!
//! /// Settings that were given as flags: the same names, all optional.
//! #[derive(Debug, clap::Args, Serialize)]
//! struct Flags {
//!     /// Rows at a time
//!     #[arg(long)]
//!     batch: Option<usize>,
//! }
//!
//! /// Paths are arguments, not settings: another folder gives the same bytes.
//! #[derive(Debug, clap::Parser)]
//! struct Args {
//!     #[arg(long)]
//!     input: std::path::PathBuf,
//!     #[command(flatten)]
//!     flags: Flags,
//!     #[command(flatten)]
//!     common: stage::Common,
//! }
//!
//! let args: Args = stage::parse_from(["demo", "--input", "in.csv", "--batch", "64", "--seed", "7"])?;
//! let settings = stage::resolve::<Config>(&args.common, &args.flags)?;
//! assert_eq!((settings.seed, settings.config.batch), (7, 64));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! and `fn main() -> ExitCode { stage::run("jobmatch-demo", work) }`, where `work` begins with
//! `stage::parse::<Args>()` and `stage::init_logging(&args.common)`.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        reason = "a test that cannot go on should stop where it is"
    )
)]

mod args;
mod columns;
mod log;
mod progress;
mod publish;
mod run;
mod settings;
mod telemetry;

pub use args::{Common, DEFAULT_SEED, LogFormat, finite, parse, parse_from};
pub use columns::{as_table, column};
pub use log::init_logging;
pub use progress::Progress;
pub use publish::{already_done, publish};
pub use run::{Stop, run, stdout_error};
pub use settings::{NoSettings, Settings, resolve};
pub use telemetry::{Telemetry, TelemetryRow, grouped, peak_memory_bytes};
