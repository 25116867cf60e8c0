//! Prepares real data: O*NET's occupations, their tasks and the detailed work activities of the
//! tasks become definitions, jobs and labels in the project's ordinary input formats.
//!
//! An attribute is a detailed work activity. A job is an occupation's **profile** (description and
//! all tasks) or a **posting** put together from some of its tasks, in one of many layouts. Its
//! labels are the activities of the tasks that it shows, with the bytes of the task as evidence.
//! Jobs are split by groups of occupations so that no task, nor a near copy of one, stands in two
//! splits.
//!
//! For tests of scale, a [`Generator`] makes any number of jobs out of the same tasks.
//!
//! It leaves to others where the two source files come from, and everything that is done with the
//! result.
//!
//! ```
//! use jobmatch_onet::{Config, Occupation, Occupations, Task, prepare};
//!
//! let occupations = Occupations {
//!     occupations: vec![Occupation {
//!         code: "51-3011.00".into(),
//!         title: "Bakers".into(),
//!         description: "Mix and bake ingredients. May shape loaves.".into(),
//!         tasks: vec![Task { text: "Weigh flour.".into(), activities: vec!["A1".into()] }],
//!     }],
//!     ..Occupations::default()
//! };
//! let data = prepare(&occupations, &Config::default(), 42)?;
//! let job = &data.jobs[0];
//! assert_eq!(job.job_id, "51-3011.00-p0");
//! assert_eq!(job.text, "Bakers\nMix and bake ingredients. May shape loaves.\nTasks:\n- Weigh flour.\n");
//! let label = &data.labels[0];
//! assert_eq!(&job.text[label.start..label.end], "Weigh flour.");
//! # Ok::<(), jobmatch_onet::Error>(())
//! ```
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        reason = "a test that cannot go on should stop where it is"
    )
)]

mod activity;
mod config;
mod copies;
mod draw;
mod error;
mod generate;
mod layout;
mod prepare;
mod report;
mod source;
mod split;
mod write;

pub use config::Config;
pub use error::{Error, Result};
pub use generate::{GenerateConfig, GenerateReport, GeneratedJob, Generator};
pub use prepare::{EvidenceLabel, OnetJob, Prepared, Source, prepare};
pub use report::{Report, SplitReport};
pub use source::{Occupation, Occupations, Task};
pub use write::ATTRIBUTION;
