//! New jobs in, their attributes out: to standard output as they come, or unit by unit into a folder.

mod folder;
mod input;
mod rows;
mod stream;
mod table;

use anyhow::{bail, ensure};
use jobmatch_encoder::Precision;
use jobmatch_evaluation::{Decision, PairScorer, Wanted};
use jobmatch_records::{Columns, OnBadRow, ReadOptions};
use serde::{Deserialize, Serialize};

use crate::Scorer;

pub use folder::{Report, match_file};
pub use input::{Given, GivenJobs, InputFormat, Jobs, standard_input};
pub use stream::{Writing, match_stream};
pub use table::Table;

/// Candidates that a table shows of a job for which nothing was decided.
const NEAREST: usize = 3;

/// How matches are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people, on standard output.
    Table,
    /// A line for each job: `{"id","matches":[..]}`.
    Jsonl,
    /// A row for each match.
    Csv,
    /// A row for each match, in a folder.
    Parquet,
}

/// The settings of the match stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How matches are written; absent: Parquet into a folder, a table on a terminal, else JSON lines.
    pub format: Option<Format>,
    /// Whether candidates below the threshold are written too.
    pub all: bool,
    /// At most so many of a job, the best first; absent: as many as there are.
    pub top: Option<usize>,
    /// The numbers that the cross-encoder computes with: as where the decision was chosen.
    pub rerank_precision: Precision,
    /// Jobs of one unit of work, and of one file in a folder.
    pub jobs_per_file: usize,
    /// Which of the file's columns holds which of ours, such as `text = "body"`.
    pub columns: Columns,
    /// Whether a bad row ends the run (`stop`) or is set aside (`skip`).
    pub on_bad_row: OnBadRow,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            format: None,
            all: false,
            top: None,
            rerank_precision: Precision::default(),
            jobs_per_file: 4096,
            columns: Columns::default(),
            on_bad_row: OnBadRow::Stop,
        }
    }
}

impl Config {
    /// Refuses nonsense.
    ///
    /// # Errors
    /// Names the first setting that makes no sense.
    pub fn validate(&self) -> anyhow::Result<()> {
        ensure!(
            self.jobs_per_file > 0,
            "setting `jobs_per_file` is 0: 1 or more"
        );
        ensure!(self.top != Some(0), "setting `top` is 0: 1 or more");
        Ok(())
    }

    /// How the jobs' file is read.
    pub fn reading(&self) -> ReadOptions {
        ReadOptions {
            columns: self.columns.clone(),
            on_bad_row: self.on_bad_row,
        }
    }

    /// Which candidates are written in this format.
    pub fn wanted(&self, format: Format) -> Wanted {
        Wanted {
            all: self.all,
            top: self.top.unwrap_or(usize::MAX),
            nearest: match format {
                Format::Table => NEAREST,
                _ => 0,
            },
        }
    }
}

/// Refuses a cross-encoder that the decision was not chosen with, where the arguments say what to do about it; models of other
/// weights are left to [`Decision::check_models`].
///
/// # Errors
/// A cross-encoder that is missing, one too many, or one in another precision.
pub fn check_crossencoder(decision: &Decision, scorer: Option<&Scorer>) -> anyhow::Result<()> {
    let (chosen, given) = match (decision.cross_encoder.as_deref(), scorer) {
        (Some(chosen), Some(given)) => (chosen, given.fingerprint()),
        (Some(_), None) => bail!(
            "the decision was chosen with a cross-encoder, and none is given: give it as --crossencoder, or choose a decision \
             without one by `jobmatch-evaluate --choose`"
        ),
        (None, Some(_)) => bail!(
            "the decision was chosen without a cross-encoder: leave --crossencoder out, or choose a decision with it by \
             `jobmatch-evaluate --choose`"
        ),
        (None, None) => return Ok(()),
    };
    let ((of_chosen, chosen), (of_given, given)) = (in_precision(chosen), in_precision(given));
    ensure!(
        of_chosen != of_given || chosen == given,
        "the decision was chosen with the cross-encoder in {chosen}, and here it is in {given}: give --rerank-precision {chosen}, \
         or choose a decision in {given} by `jobmatch-evaluate --choose --rerank-precision {given}`"
    );
    Ok(())
}

/// The fingerprint of a [`Scorer`]'s weights, and its precision.
fn in_precision(fingerprint: &str) -> (&str, &str) {
    fingerprint
        .split_once(" in ")
        .unwrap_or((fingerprint, "float32"))
}
