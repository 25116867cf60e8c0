//! What the stage programs that link libtorch and FAISS share: the flags of the optimizer, the models as evaluation
//! asks for them, and how its steps are shown. Everything a program does is in the library crates below.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        reason = "a failed unwrap is a failed test, and says where"
    )
)]

mod models;

use jobmatch_evaluation::Step;
use jobmatch_stage::Progress;
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
