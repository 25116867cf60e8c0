//! The cross-encoder: a (text, passage) pair to one logit that says whether the passage is right for the text.
//!
//! [`CrossEncoder`] scores; [`train`] fits a [`TrainableCrossEncoder`] to labelled pairs by binary cross-entropy and keeps the weights
//! with the best average precision on dev pairs. Which pairs are worth scoring, and what a score decides, is left to
//! others.
//!
//! ```no_run
//! use jobmatch_crossencoder::CrossEncoder;
//!
//! let model = CrossEncoder::load("crossencoder/model")?;
//! let logits = model.score(&[("You will plan our budgets.", "Prepare budgets")], &mut |_done| {})?;
//! assert_eq!(logits.len(), 1);
//! # Ok::<(), jobmatch_crossencoder::Error>(())
//! ```
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        reason = "a failed unwrap is a failed test, and says where"
    )
)]

mod config;
mod error;
mod examples;
mod loss;
mod model;
mod negatives;
mod quality;
mod train;

pub use config::{CrossEncoderConfig, NegativesConfig, PosWeight};
pub use error::{Error, Result};
pub use examples::{CANDIDATES, DevPairs, LabelledPair, TrainingData};
pub use loss::binary_cross_entropy;
pub use model::{CrossEncoder, TrainableCrossEncoder};
pub use negatives::PairCounts;
pub use quality::{PairQuality, RerankingQuality, sigmoid};
pub use train::{StepUse, Summary, train};
