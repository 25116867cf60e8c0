//! Scores and judgements to numbers.
//!
//! What it holds:
//! - **Ranking measures** per query and on average: precision, recall, R-precision, hit rate and nDCG at a cut-off,
//!   reciprocal rank, average precision. Over string ids ([`Run`], [`Qrels`], [`evaluate`](evaluate())), over numbered
//!   candidates ([`Pool`]) or over plain grades ([`Ranking`]).
//! - **Decision measures**: precision, recall and F1, micro and macro, at a threshold, at every distinct score in one
//!   sorted pass, and over the top N ([`Pool`], [`threshold_curve`], [`best_f1`], [`average_precision`]).
//! - **Probabilities**: Platt scaling and isotonic regression ([`Calibrator`]), Brier score, reliability, expected
//!   calibration error.
//! - **Intervals** of means and of paired differences, by whole groups ([`Bootstrap`]), and the **significance** of a
//!   paired difference ([`Randomization`]).
//! - **Promises**: a threshold whose expected recall holds on new groups at a stated confidence ([`RecallGuarantee`]).
//! - **TREC files**: runs and qrels, in and out.
//!
//! What it leaves to others: every other file format, what a query or a document is, retrieving and scoring, and
//! charts.
//!
//! # What is the same everywhere
//! - A document with a grade above 0 is relevant, a *positive*; one that nobody judged is not relevant.
//! - Positives that were never retrieved are misses: totals are passed in, never counted among what was retrieved.
//! - Ties: score descending, then document id descending (byte by byte), as `trec_eval`. In threshold measures tied
//!   scores are decided together. So the order in which results arrive changes no number.
//! - Scores are single precision; NaN is an error. Means go over queries with at least one positive. Empty input gives
//!   a result that each function states, never NaN.
//!
//! # Example
//! ```
//! use jobmatch_metrics::{Bootstrap, Measure, Qrels, Run, evaluate};
//! use std::path::Path;
//!
//! let qrels = "job1 0 weld_pipes 2\n\
//!              job1 0 read_plans 1\n\
//!              job2 0 bake_bread 1\n";
//! let run = "job1 Q0 weld_pipes 1 0.91 demo\n\
//!            job1 Q0 bake_bread 2 0.40 demo\n\
//!            job2 Q0 read_plans 1 0.73 demo\n\
//!            job2 Q0 bake_bread 2 0.55 demo\n";
//! let qrels = Qrels::read_from(qrels.as_bytes(), Path::new("qrels.trec"))?;
//! let run = Run::read_from(run.as_bytes(), Path::new("run.trec"))?;
//!
//! let evaluation = evaluate(&run, &qrels, &[Measure::Recall(10), Measure::ReciprocalRank])?;
//! assert_eq!(evaluation.mean(Measure::Recall(10)), Some(0.75));
//! assert_eq!(evaluation.mean(Measure::ReciprocalRank), Some(0.75));
//!
//! // Each job is its own group here.
//! let recalls: Vec<_> = evaluation.queries.iter().map(|q| (&q.query, q.values[0])).collect();
//! let interval = Bootstrap::new(42).mean(&recalls)?.expect("two groups");
//! assert_eq!((interval.lower, interval.upper), (0.5, 1.0));
//! # Ok::<(), jobmatch_metrics::Error>(())
//! ```
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")
)]

mod bootstrap;
mod calibration;
mod calibrator;
mod counts;
mod curve;
mod error;
mod evaluate;
mod groups;
mod guarantee;
mod hash;
mod isotonic;
mod measure;
mod order;
mod platt;
mod pool;
mod qrels;
mod randomization;
mod ranking;
mod risk;
mod run;
mod tally;
mod trec;

pub use bootstrap::{Bootstrap, Interval};
pub use calibration::{ReliabilityBin, brier, expected_calibration_error, reliability};
pub use calibrator::Calibrator;
pub use counts::Counts;
pub use curve::{CurvePoint, average_precision, best_f1, threshold_curve};
pub use error::{Error, Result};
pub use evaluate::{Evaluation, QueryValues, evaluate, rankings};
pub use guarantee::{PositiveScores, Promised, RecallGuarantee};
pub use isotonic::Isotonic;
pub use measure::Measure;
pub use pool::{Candidate, Pool, Quality, ThresholdQuality, best_macro_f1, best_micro_f1};
pub use qrels::Qrels;
pub use randomization::{Randomization, Significance};
pub use ranking::{Hit, Ranking};
pub use run::{Run, Scored};
