//! Retrieve, re-rank, decide, measure, report.
//!
//! Jobs, a [`PassageIndex`] over attribute passages, a bi-encoder and, if there is one, a cross-encoder go in; the numbers
//! come out, side by side with floors that need no model: [`evaluate`]. On dev it chooses the [`Decision`] (how both scores
//! are calibrated and weighed, and from which score on an attribute is said to be there); golden takes that decision as it
//! is. [`Evaluation::write`] makes the folder: numbers, predictions, TREC files, and a page for people.
//!
//! A *query* is a job. Its sentences are searched one by one, a candidate's score is the maximum over them, and the
//! sentence that gave it is the candidate's proof. At job unit, windows over the text take the sentences' place.
//!
//! It leaves to others how models are trained, and what they are: it knows them by two traits, [`QueryEmbedder`] and
//! [`PairScorer`], and links no deep learning library.
//!
//! ```
//! use jobmatch_evaluation::{
//!     EvaluationConfig, How, Inputs, ModelError, Models, PassageIndex, QueryEmbedder, evaluate,
//! };
//! use jobmatch_records::{Definition, Job, Label, Split};
//!
//! /// A model that counts letters.
//! struct Letters;
//! impl QueryEmbedder for Letters {
//!     fn dimension(&self) -> usize { 26 }
//!     fn fingerprint(&self) -> &str { "letters" }
//!     fn embed_queries(&self, texts: &[&str], _: &mut dyn FnMut(usize)) -> Result<Vec<f32>, ModelError> {
//!         let vector = |text: &&str| {
//!             let mut counts = [0.1f32; 26];
//!             text.bytes().filter(u8::is_ascii_lowercase).for_each(|letter| counts[usize::from(letter - b'a')] += 1.0);
//!             let length = counts.iter().map(|count| count * count).sum::<f32>().sqrt();
//!             counts.map(|count| count / length)
//!         };
//!         Ok(texts.iter().flat_map(vector).collect())
//!     }
//!     fn embed_passages(&self, texts: &[&str], progress: &mut dyn FnMut(usize)) -> Result<Vec<f32>, ModelError> {
//!         self.embed_queries(texts, progress)
//!     }
//! }
//!
//! let definition = |id: &str, name: &str| Definition {
//!     attribute_id: id.into(), name: name.into(), definition: String::new(), kind: None, aliases: vec![],
//! };
//! let definitions = [definition("W", "weld pipes"), definition("B", "bake bread")];
//! let quiet = &mut |_, _, _| {};
//! let passages = PassageIndex::build(&definitions, &"{name}".parse()?, &Letters, "Flat", quiet)?;
//!
//! let job = Job {
//!     job_id: "J1".into(), text: "You weld steel pipes.".into(), title: None, split: Some(Split::Dev), group_id: None,
//! };
//! let label = Label {
//!     job_id: "J1".into(), attribute_id: "W".into(), label: true, grade: None, evidence: None, source: "labels.csv".into(), line: 2,
//! };
//! let inputs = Inputs {
//!     split: Split::Dev, jobs: &[job], sentences: None, labels: &[label], learned: &[], definitions: Some(&definitions),
//! };
//! let models = Models { passages: &passages, embedder: &Letters, scorer: None };
//! let evaluation = evaluate(&inputs, &models, How::Choose, &EvaluationConfig::default(), quiet)?;
//! assert_eq!(evaluation.predictions[0].attribute_id, "W");
//! assert_eq!(evaluation.decision.alpha, 1.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test's panic is its failure")
)]

mod choose;
mod compare;
mod config;
mod decision;
mod error;
mod evaluate;
mod indexing;
mod inputs;
mod leaks;
mod matching;
mod measure;
mod models;
mod numbers;
mod output;
mod passages;
mod promises;
mod queries;
mod ranked;
mod report;
mod retrieve;
mod systems;
mod threshold_mode;

pub use choose::AlphaPoint;
pub use compare::{ChangedJob, CompareConfig, Compared, Comparison, EvaluatedRun, compare};
pub use config::{EvaluationConfig, RetrievalSettings, Unit};
pub use decision::{Aggregation, DECISION_JSON, Decision, Promise};
pub use error::{Error, LabelPlace, Result};
pub use evaluate::{Evaluation, How, Models, evaluate};
pub use indexing::{EmbeddedPassages, Updated};
pub use inputs::Inputs;
pub use leaks::{LeakCheck, LeakedJob};
pub use matching::{MatchCounts, MatchTimes, Matched, Matcher, Wanted};
pub use models::{ModelError, PairScorer, Progress, QueryEmbedder, Step};
pub use numbers::{
    AtThreshold, AtTop, AttributeRow, Calibration, Ceiling, CurveRow, Difference, Evaluated,
    JobMeasures, Metrics, Proof, QualityRow, RecallAt, Slice, SliceBy, SliceQuality, SystemMetrics,
};
pub use output::{
    JOBS_PARQUET, METRICS_JSON, PREDICTIONS_PARQUET, QRELS_TREC, REPORT_HTML, RUN_TREC,
};
pub use passages::{ATTRIBUTES_FAISS, ATTRIBUTES_PARQUET, INDEX_JSON, IndexAbout, PassageIndex};
pub use promises::{PromiseHere, PromiseKept, RecallPromise};
pub use report::ReportContext;
pub use retrieve::{Found, candidates};
pub use systems::name as system_name;
