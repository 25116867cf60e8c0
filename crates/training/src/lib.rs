//! What both training loops share: the rows in their order, steps in parts and on several ranks, precision, schedule,
//! checkpoints, the run log.
//!
//! It leaves the objective, the batches and the evaluation to the crates above it. A loop is:
//!
//! ```text
//! rows = Cursor::open(..)           the order of examples, from files larger than memory
//! trainer = Trainer::start(..)      new, or from the newest checkpoint
//! until trainer.is_done():
//!     rows.seek(trainer.position()); batch = rows.next_batch(..)
//!     for part in trainer.parts(batch.len()):
//!         trainer.backward(part, |rows| the mean loss of these rows)
//!     trainer.step()
//!     trainer.evaluate(..)          every so often
//!     trainer.save_if_due()
//! trainer.finish()                  the best weights, and what it came to
//! ```
//!
//! The same rows, settings, seed, ranks and threads give the same bytes, interrupted or not; the order of the rows does not
//! depend on the number of ranks.
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

mod checkpoints;
mod config;
mod cursor;
mod error;
mod parameters;
mod plan;
mod resume;
mod run_log;
mod schedule;
mod state;
mod stop;
mod trainer;

pub use config::{OptimizerConfig, Precision, TrainerConfig};
pub use cursor::{Cursor, CursorConfig, Position, share};
pub use error::{Error, Result};
pub use plan::{Part, Plan};
pub use run_log::{RunLog, StepRow};
pub use schedule::{Schedule, ScheduleShape};
pub use stop::Stop;
pub use trainer::{Finished, Place, Trainer};
