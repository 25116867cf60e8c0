//! What can go wrong, with what a person needs to mend it.

use std::path::PathBuf;

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// Why O*NET data could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{}: cannot {action}", path.display())]
    Io {
        /// What was tried, such as `open it`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// A row is no CSV: unequal fields, or no UTF-8.
    #[error("{}: a row cannot be read; is this the {expected}?", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// What the file should be.
        expected: &'static str,
        /// The reader's reason, with its line.
        #[source]
        source: csv::Error,
    },
    /// A file has no rows.
    #[error("{}: the file holds no rows; expected the {expected}", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What the file should be.
        expected: &'static str,
    },
    /// A column is missing.
    #[error(
        "{}: no column `{column}` (it has: {}); expected the {expected}",
        path.display(),
        found.join(", ")
    )]
    Column {
        /// The file.
        path: PathBuf,
        /// The missing column.
        column: &'static str,
        /// The columns that are there.
        found: Vec<String>,
        /// What the file should be.
        expected: &'static str,
    },
    /// A value is not what its column holds.
    #[error("{}, line {line}, column `{column}`: {reason}, got `{value}`", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// The value as it stands there.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A setting makes no sense.
    #[error("setting `{key}`: {reason}")]
    Setting {
        /// The setting.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The sources left nothing to make jobs of.
    #[error("no occupation has a task left, so there are no jobs to write")]
    NoJobs,
}
