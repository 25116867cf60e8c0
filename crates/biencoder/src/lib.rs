//! The bi-encoder: queries and passages to vectors whose inner product says how well they match.
//!
//! [`BiEncoder`] embeds; [`train`] fits a [`TrainableBiEncoder`] to (query, passage) positives by MultipleNegativesRankingLoss with in-batch
//! negatives, and keeps the weights that retrieve best on dev queries. Where its examples come from, and how a
//! job's sentences become a decision, is left to others.
//!
//! ```no_run
//! use jobmatch_biencoder::BiEncoder;
//!
//! let model = BiEncoder::load("minilm")?;
//! let queries = model.embed_queries(&["You will plan our budgets."], &mut |_done| {})?;
//! let passages = model.embed_passages(&["Prepare budgets", "Repair engines"], &mut |_done| {})?;
//! assert!(queries.similarity(0, &passages, 0) > queries.similarity(0, &passages, 1));
//! # Ok::<(), jobmatch_biencoder::Error>(())
//! ```
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        reason = "a failed unwrap is a failed test, and says where"
    )
)]

#[cfg(test)]
#[path = "../../torch-ext/tests/common/mod.rs"]
mod common;

mod alignment;
mod config;
mod error;
mod examples;
mod known_positives;
mod loss;
mod mining;
mod model;
mod objective;
mod passages;
mod quality;
mod spread;
mod train;

pub use alignment::{Aligner, AlignmentCounts};
pub use config::BiEncoderConfig;
pub use error::{Error, Result};
pub use examples::{DevSet, Example, Negative, TrainingData};
pub use known_positives::KnownPositives;
pub use loss::multiple_negatives_ranking_loss;
pub use mining::{Miner, MiningConfig, MiningCounts};
pub use model::{BiEncoder, Embeddings, TrainableBiEncoder};
pub use quality::RetrievalQuality;
pub use train::{Summary, train};
