//! What the stage programs that link libtorch and FAISS share: the flags of a training, its output on several ranks, the
//! models as evaluation asks for them, and how steps are shown. Everything a program does is in the library crates below.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        reason = "a failed unwrap is a failed test, and says where"
    )
)]

pub mod align;
pub mod candidates;
pub mod comparison;
mod derived;
pub mod embed;
mod fingerprints;
mod flags;
mod json_lines;
pub mod matching;
pub mod mine;
mod models;
mod monitor;
pub mod score;
mod training;
mod units;

use std::path::{Path, PathBuf};

use jobmatch_evaluation::{DECISION_JSON, Step};
use jobmatch_stage::Progress;

pub use derived::{Derived, DerivedArguments};
pub use fingerprints::Fingerprints;
pub use flags::TrainerFlags;
pub use models::{Embedder, Scorer};
pub use monitor::Monitor;
pub use training::{Output, begin};

/// The file of a decision that is given as itself, or as the evaluation folder that holds it.
pub fn decision_file(path: &Path) -> PathBuf {
    if path.is_dir() {
        path.join(DECISION_JSON)
    } else {
        path.to_path_buf()
    }
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
