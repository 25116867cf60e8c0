//! What both training loops share: the optimizer with its schedule and clipping, the order of examples, the run log,
//! the best weights.
//!
//! It leaves the objective, the batches and the evaluation to the crates above it.
//!
//! ```
//! use jobmatch_training::{OptimizerConfig, Schedule};
//!
//! let config = OptimizerConfig { warmup_ratio: 0.1, ..OptimizerConfig::default() };
//! let schedule = Schedule::new(&config, 100);
//! assert_eq!(schedule.rate(10), config.learning_rate); // the peak, after 10 % of the steps
//! assert_eq!(schedule.rate(100), 0.0);
//! ```
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        reason = "a failed unwrap is a failed test, and says where"
    )
)]

mod best;
mod error;
mod optimizer;
mod order;
mod run_log;
mod schedule;

pub use best::BestWeights;
pub use error::{Error, Result};
pub use optimizer::{Optimizer, OptimizerConfig, StepNumbers};
pub use order::{epoch_batches, epoch_order};
pub use run_log::{RunLog, StepRow};
pub use schedule::Schedule;
