//! Jobs as people bring them.

use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::read::{FromRow, Reader};
use crate::table::{Field, Row, optional, required};
use crate::{ReadOptions, Rejected, Result};

/// Which part of the data a job belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Models learn from it.
    Train,
    /// Choices are made on it.
    Dev,
    /// People labelled it; it is only ever measured.
    Golden,
}

impl Split {
    /// The name in files: `train`, `dev` or `golden`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Dev => "dev",
            Self::Golden => "golden",
        }
    }
}

impl FromStr for Split {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        [Self::Train, Self::Dev, Self::Golden]
            .into_iter()
            .find(|split| split.name() == text)
            .ok_or_else(|| format!("`{text}` is no split; train, dev and golden are"))
    }
}

/// A job description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id, unique in its file.
    pub job_id: String,
    /// The whole text, possibly empty; offsets elsewhere are bytes in it.
    pub text: String,
    /// Its title, if the file has one.
    pub title: Option<String>,
    /// Which part of the data it belongs to, if the file says.
    pub split: Option<Split>,
    /// Jobs of one group are alike (the same employer, occupation or campaign) and never part ways in a split.
    pub group_id: Option<String>,
}

impl FromRow for Job {
    const FIELDS: &'static [Field] = &[
        required("job_id"),
        required("text"),
        optional("title"),
        optional("split"),
        optional("group_id"),
    ];

    fn from_row(mut row: Row, _source: &str) -> std::result::Result<Self, String> {
        Ok(Self {
            job_id: row.needed("job_id")?,
            text: match row.text("text") {
                Some(text) => text,
                None => {
                    return Err(format!(
                        "column `{}` is absent; every job needs a text",
                        row.theirs("text")
                    ));
                }
            },
            title: row.filled("title"),
            split: row.parsed("split", "train, dev or golden")?,
            group_id: row.filled("group_id"),
        })
    }
}

/// Jobs of one file, read as they are asked for. Whether ids differ is not checked: [`read_jobs`] does.
pub type JobReader = Reader<Job>;

/// All jobs of a file, and the rows that were set aside (none unless the options say so).
///
/// # Errors
/// When the file cannot be read, holds no job, or an id stands twice.
pub fn read_jobs(path: &Path, options: &ReadOptions) -> Result<(Vec<Job>, Vec<Rejected>)> {
    JobReader::open(path, options)?.collect_unique("job_id", |job| &job.job_id)
}
