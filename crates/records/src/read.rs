//! Typed rows from tables, with bad rows refused or set aside.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::table::{BadRow, Columns, Field, Row, Rows, Table};
use crate::{Error, Result};

/// What happens to a row that cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnBadRow {
    /// Reading ends with an error that names it.
    #[default]
    Stop,
    /// It is set aside with the reason; reading goes on.
    Skip,
}

/// How a file is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Which of the file's columns holds which of ours.
    pub columns: Columns,
    /// What happens to a row that cannot be read.
    pub on_bad_row: OnBadRow,
}

/// A row that was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// The file's name, without its folder: the row may be kept in an output, which must not depend on where the file lay.
    pub path: PathBuf,
    /// The line of a text file (its header is line 1), or the row of a Parquet file (from 1).
    pub number: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// A type that rows of a table become; its module is private, so only this crate's rows are.
pub trait FromRow: Sized {
    /// The columns it knows.
    const FIELDS: &'static [Field];

    /// The value of one row of the file called `source`; `Err` says what is wrong with it.
    fn from_row(row: Row, source: &str) -> std::result::Result<Self, String>;
}

/// Rows of one file, read as they are asked for.
pub struct Reader<T> {
    path: PathBuf,
    source: String,
    place: &'static str,
    /// None after an error that nothing can follow.
    rows: Option<Rows>,
    on_bad_row: OnBadRow,
    rejected: Vec<Rejected>,
    number: u64,
    read: fn(Row, &str) -> std::result::Result<T, String>,
}

impl<T> std::fmt::Debug for Reader<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("path", &self.path)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl<T> Reader<T> {
    /// Opens `path` (`.tsv`, `.csv`, `.jsonl`, `.parquet`; all but the last also `.gz` and `.zst`).
    ///
    /// # Errors
    /// When the file cannot be opened, its name does not tell the format, or a needed column is missing.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self>
    where
        T: FromRow,
    {
        let Table { place, rows } = Table::open(path, T::FIELDS, &options.columns)?;
        let source = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self {
            source: source.into_owned(),
            path: path.to_path_buf(),
            place,
            rows: Some(rows),
            on_bad_row: options.on_bad_row,
            rejected: Vec::new(),
            number: 0,
            read: T::from_row,
        })
    }

    /// The line (of a text file; its header is line 1) or row (of a Parquet file, from 1) that was read last.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// What [`number`](Self::number) counts: `line` or `row`.
    pub fn place(&self) -> &'static str {
        self.place
    }

    /// The rows set aside so far.
    pub fn rejected(&self) -> &[Rejected] {
        &self.rejected
    }

    pub(crate) fn bad_row(&self, reason: String) -> Error {
        Error::BadRow {
            path: self.path.clone(),
            place: self.place,
            number: self.number,
            reason,
        }
    }

    /// All rows; refuses a file without any, and an id that stands twice. `what` names the id's column.
    pub(crate) fn collect_unique(
        mut self,
        what: &str,
        id: fn(&T) -> &str,
    ) -> Result<(Vec<T>, Vec<Rejected>)> {
        let mut seen: HashMap<String, u64> = HashMap::new();
        let mut rows = Vec::new();
        while let Some(row) = self.next() {
            let row = row?;
            if let Some(first) = seen.insert(id(&row).to_owned(), self.number) {
                let reason = format!(
                    "{what} `{}` stands on {} {first} already; ids must differ",
                    id(&row),
                    self.place
                );
                if self.on_bad_row == OnBadRow::Stop {
                    return Err(self.bad_row(reason));
                }
                seen.insert(id(&row).to_owned(), first);
                self.reject(reason);
                continue;
            }
            rows.push(row);
        }
        self.check_not_empty(rows.len())?;
        Ok((rows, self.rejected))
    }

    /// Refuses a file that had no good row.
    pub(crate) fn check_not_empty(&self, good: usize) -> Result<()> {
        let path = self.path.clone();
        match self.rejected.first() {
            _ if good > 0 => Ok(()),
            None => Err(Error::Empty { path }),
            Some(first) => Err(Error::NoGoodRow {
                path,
                rejected: self.rejected.len(),
                reason: first.reason.clone(),
            }),
        }
    }

    fn reject(&mut self, reason: String) {
        self.rejected.push(Rejected {
            path: PathBuf::from(&self.source),
            number: self.number,
            reason,
        });
    }
}

impl<T> Iterator for Reader<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        loop {
            let row = match self.rows.as_mut()?.next()? {
                Ok(row) => row,
                Err(error) => {
                    self.rows = None;
                    return Some(Err(error));
                }
            };
            let read = match row {
                Ok(row) => {
                    self.number = row.number;
                    (self.read)(row, &self.source)
                }
                Err(BadRow { number, reason }) => {
                    self.number = number;
                    Err(reason)
                }
            };
            match read {
                Ok(value) => return Some(Ok(value)),
                Err(reason) if self.on_bad_row == OnBadRow::Skip => self.reject(reason),
                Err(reason) => return Some(Err(self.bad_row(reason))),
            }
        }
    }
}
