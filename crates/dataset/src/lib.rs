//! From jobs, definitions and labels to the pairs that the models are trained on.
//!
//! [`build`] removes copies of jobs and repeated labels, settles contradictions, splits by group and by near copies,
//! finds the sentence that each label speaks of (its evidence, else the best by BM25), draws
//! negatives that are known to be right nowhere, and writes the pairs, two samples, the known
//! positives and a report that accounts for every row. Golden jobs enter no pair, and none may be a near copy of a job
//! that does.
//!
//! It leaves to others how files are read (`jobmatch-records`), where sentences begin and end
//! (`jobmatch-segment`), that the output folder is whole or absent (`jobmatch-artifact`), and what
//! a model makes of the pairs.
//!
//! # How it is done
//!
//! The jobs are read twice, in shards of [`Config::jobs_per_shard`]: first for a fingerprint of each (some 200 bytes, all
//! that grows with their number in memory), then for their texts. What concerns one text wherever it stands is settled
//! in partitions by the text's hash, in files between the phases. Every unit of work (a shard or a partition in a phase)
//! is committed to a journal, so a run that was killed goes on after the last one; and several processes share the units
//! by [`Shard`](jobmatch_artifact::Shard). The bytes of the output depend on none of that.
//!
//! # What a pair is
//!
//! `text` is a cleaned sentence (sentence unit) or all lines of a job, each cleaned, with a space
//! between two (job unit), and
//! `passage` is the attribute's passage. A (text, passage) stands at most once in train and dev
//! together, and at sentence unit no text stands in both. `label` is 1 or 0, and `source` says why:
//!
//! | source | label | why |
//! | --- | --- | --- |
//! | `evidence` | 1 | the label's evidence lies in this sentence |
//! | `aligned` | 1 | the label has no evidence, and this sentence is its best by BM25 (`alignment_score`) |
//! | `random` | 0 | drawn for the positive that `positive_id` names |
//! | `hard` | 0 | the same, out of the file of hard negatives |
//! | `given` | 1 | job unit: the label says so |
//! | `given` | 0 | a label row says so; at sentence unit its sentence is found as for positives, with `alignment_score` where by BM25 |
//!
//! `pair_id` counts the rows of train and then of dev; samples keep the numbers. A negative follows
//! its positive. `dev_sample/` holds only jobs of the half of dev that selects models
//! ([`DevHalves`]). `text_digest` in `positives/` is the BLAKE3 of a pair's `text`; for a
//! label that no sentence was found for it is that of the whole cleaned job. `fingerprints/` holds a signature of each job of train and dev
//! that has a label in it: what is measured later can be told from what was learned ([`Leaks`]).
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//!
//! use jobmatch_artifact::{Identity, Resume, Shard, resume};
//! use jobmatch_dataset::{Config, Inputs, Unobserved, build};
//! use jobmatch_records::{Definition, Job, Label};
//!
//! let name = |id: &str, name: &str| Definition {
//!     attribute_id: id.into(),
//!     name: name.into(),
//!     definition: String::new(),
//!     kind: None,
//!     aliases: Vec::new(),
//! };
//! let inputs = Inputs {
//!     jobs: vec![Job {
//!         job_id: "j1".into(),
//!         text: "What you do\n- Keep the sales records.\n- Design our ships.".into(),
//!         title: None,
//!         split: None,
//!         group_id: None,
//!     }],
//!     definitions: vec![name("a1", "Maintain sales records"), name("a2", "Paint walls")],
//!     labels: vec![Label {
//!         job_id: "j1".into(),
//!         attribute_id: "a1".into(),
//!         label: true,
//!         grade: None,
//!         evidence: None,
//!         source: "labels.csv".into(),
//!         line: 2,
//!     }],
//!     ..Inputs::default()
//! };
//! let config = Config { dev_share: 0.0, ..Config::default() };
//! # let folder = tempfile::tempdir()?;
//! # let output = folder.path().join("dataset");
//! let identity = Identity {
//!     stage: "dataset".into(),
//!     program_version: "0.1.0".into(),
//!     config: serde_json::to_value(&config)?,
//!     seed: 42,
//!     inputs: Vec::new(),
//! };
//! if let Resume::Work(work) = resume(&output, identity, Shard::from_env()?, Duration::from_secs(60))? {
//!     // The first process gets the report.
//!     if let Some(report) = build(&config, 42, &inputs, &work, &Unobserved)? {
//!         assert_eq!((report.train.positives, report.train.negatives), (1, 1));
//!         work.publish()?;
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))] // a test that unwraps fails where it should

mod attributes;
mod build;
mod config;
mod dev_halves;
mod error;
mod evidence;
mod fates;
mod inputs;
mod labels;
mod leaks;
mod minhash;
mod near_copies;
mod negatives;
mod phases;
mod place;
mod random;
mod report;
mod sample;
mod scratch;
mod shards;
mod split;
mod texts;
mod write;

pub use build::build;
pub use config::{
    Config, Conflicts, DEV_SAMPLE, DEV_SHARE, HARD_NEGATIVES, JOBS_PER_SHARD, MAX_CHARS,
    MAX_CLUSTER_SHARE, MIN_ALIGNMENT, MIN_CHARS, NEAR_COPY, NEGATIVES, NegativeSampling, SplitBy,
    TRAIN_SAMPLE, Unit,
};
pub use dev_halves::{DevHalves, MIN_DEV_HALF, group_or_job};
pub use error::{Error, Result};
pub use inputs::{Files, Inputs, Reading, Rows, Sentences, Source};
pub use leaks::{FINGERPRINTS, Leak, Leaks, signature};
pub use phases::{Observer, Unobserved};
pub use report::{Alignment, Definitions, Flow, NearCopyCounts, Report, Side};
