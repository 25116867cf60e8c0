//! What the stage programs that link libtorch and FAISS share: the flags of the optimizer, and how a finished
//! artifact is reported. Everything a program does is in the library crates below.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        reason = "a failed unwrap is a failed test, and says where"
    )
)]

mod models;

use anyhow::Context;
use jobmatch_artifact::{Artifact, Draft};
use jobmatch_evaluation::Step;
use jobmatch_stage::{Progress, Telemetry};
use serde::Serialize;

pub use models::{Embedder, Scorer};

/// Settings of the optimizer that were given as flags.
#[derive(Debug, Clone, clap::Args, Serialize)]
pub struct OptimizerFlags {
    /// The highest learning rate, reached at the end of the warm-up
    #[arg(long, value_name = "RATE", value_parser = jobmatch_stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    /// Decoupled weight decay, not applied to biases and layer normalizations
    #[arg(long, value_name = "DECAY", value_parser = jobmatch_stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// Share of the steps over which the rate rises from 0
    #[arg(long, value_name = "SHARE", value_parser = jobmatch_stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_ratio: Option<f64>,
    /// Gradients are scaled down to this global norm
    #[arg(long, value_name = "NORM", value_parser = jobmatch_stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_gradient_norm: Option<f64>,
}

/// What a program writes last: its report, what the run cost, and the whole folder.
///
/// # Errors
/// When the folder cannot be published.
pub fn publish<R: Serialize>(
    draft: Draft,
    report: &R,
    telemetry: &mut Telemetry,
) -> anyhow::Result<Artifact> {
    draft.write_json("report.json", report)?;
    let row = telemetry.row();
    draft.telemetry(&row)?;
    let artifact = draft.publish().context("cannot publish the output")?;
    tracing::info!("{} -> {}", row.summary(), artifact.dir().display());
    Ok(artifact)
}

/// Says that the same output stands already.
pub fn already_done(artifact: &Artifact) {
    tracing::info!(
        "{} is there already, made from the same inputs and settings",
        artifact.dir().display()
    );
}

/// Shows each step of an evaluation as its own progress.
#[derive(Debug, Default)]
pub struct StepProgress {
    current: Option<(Step, Progress, usize)>,
}

impl StepProgress {
    /// Hears that `done` of `total` units of `step` are done.
    pub fn hear(&mut self, step: Step, done: usize, total: usize) {
        if self
            .current
            .as_ref()
            .is_none_or(|(current, ..)| *current != step)
        {
            self.finish();
            let (what, unit) = step.words();
            self.current = Some((step, Progress::new(what, unit, Some(total as u64)), 0));
        }
        if let Some((_, progress, before)) = &mut self.current {
            progress.add(done.saturating_sub(*before) as u64);
            *before = done.max(*before);
        }
    }

    /// Ends the last step's display.
    pub fn finish(&mut self) {
        if let Some((_, progress, _)) = self.current.take() {
            progress.finish();
        }
    }
}
