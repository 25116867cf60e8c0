use std::path::{Path, PathBuf};

/// What can go wrong between a file and its rows.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried: `read`, `write`, `create` or `list`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A file's name does not say how it is to be read.
    #[error(
        "{path}: cannot tell the format from the name; give .tsv, .csv, .jsonl or .parquet, plain or with .gz or .zst"
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// A file holds no row.
    #[error("{path} holds no rows")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Each row of a file was set aside.
    #[error("{path} holds no good row: all {rejected} are bad, the first since {reason}")]
    NoGoodRow {
        /// The file.
        path: PathBuf,
        /// How many rows there are.
        rejected: usize,
        /// What is wrong with the first.
        reason: String,
    },
    /// A column is mapped that we do not have.
    #[error(
        "{path}: `{name}` is mapped to one of its columns, but we have no such column; ours are {known}"
    )]
    UnknownColumn {
        /// The file.
        path: PathBuf,
        /// What was taken for our name of a column.
        name: String,
        /// Our names.
        known: String,
    },
    /// A column that is needed is not in the file.
    #[error(
        "{path} has no column `{column}` (it has {found}); rename one, or map our `{name}` to it"
    )]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The file's column that was looked for.
        column: String,
        /// Our name of that column.
        name: &'static str,
        /// The columns that are there.
        found: String,
    },
    /// One row of a file is bad.
    #[error("{path}, {place} {number}: {reason}")]
    BadRow {
        /// The file.
        path: PathBuf,
        /// `line` of a text file, `row` of a Parquet file.
        place: &'static str,
        /// Which one, from 1; a text file's header is line 1.
        number: u64,
        /// The column, the value, and what it should be.
        reason: String,
    },
    /// A text file cannot be read further.
    #[error("{path}, line {line}: {reason}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// A Parquet file is broken.
    #[error("{path} is no whole Parquet file; was it cut short? Make it, or copy it, again")]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The library's reason.
        source: parquet::errors::ParquetError,
    },
    /// The rows in a Parquet file are broken.
    #[error("{path} is damaged: its rows cannot be read. Make it, or copy it, again")]
    Arrow {
        /// The file.
        path: PathBuf,
        /// The library's reason.
        source: arrow::error::ArrowError,
    },
    /// A Parquet file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The library's reason.
        source: parquet::errors::ParquetError,
    },
    /// Rows cannot be made into columns.
    #[error("rows do not fit their columns")]
    Batch(#[source] arrow::error::ArrowError),
    /// A Parquet file or batch has other columns than its rows need.
    #[error("{path}: column `{column}` {problem}")]
    Column {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What is wrong with it.
        problem: String,
    },
    /// No file of a stage's output matches.
    #[error(
        "{folder} holds no {prefix}-*.parquet: is it the right folder, and was the stage before finished?"
    )]
    NoShards {
        /// The folder.
        folder: PathBuf,
        /// How the files' names should begin.
        prefix: String,
    },
    /// A passage template cannot be understood.
    #[error("passage template `{template}`: {reason}")]
    Template {
        /// The template.
        template: String,
        /// What is wrong.
        reason: String,
    },
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn io(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    pub(crate) fn parquet(path: &Path) -> impl Fn(parquet::errors::ParquetError) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Parquet {
            path: path.clone(),
            source,
        }
    }

    pub(crate) fn arrow(path: &Path) -> impl FnOnce(arrow::error::ArrowError) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Arrow { path, source }
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(parquet::errors::ParquetError) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Write { path, source }
    }
}
