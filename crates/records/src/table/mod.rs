//! Tables that people bring: CSV, TSV, JSON lines and Parquet, read row by row into named text values.

mod csv;
mod jsonl;
mod parquet;
mod row;
mod text;
mod watch;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};
pub use row::{Field, Row, list, optional, required};

/// Bytes of a text file's row: more than any job, less than what a quote that is never closed would swallow. A longer
/// row is bad.
const MAX_ROW: usize = 64 << 20;

/// Which of a file's columns holds which of ours: our name to theirs. What is not mapped has our name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Columns(BTreeMap<String, String>);

impl Columns {
    /// From pairs of our name and theirs.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    fn theirs<'c>(&'c self, ours: &'c str) -> &'c str {
        self.0.get(ours).map_or(ours, String::as_str)
    }
}

/// Why one row could not be read: the reading may go on after it.
pub(crate) struct BadRow {
    pub number: u64,
    pub reason: String,
}

/// A row, or why it is bad.
pub(crate) type RowResult = std::result::Result<Row, BadRow>;
/// Rows of an open file. An error ends them: nothing sensible can follow it.
pub(crate) type Rows = Box<dyn Iterator<Item = Result<RowResult>> + Send>;

/// An open file.
pub(crate) struct Table {
    pub place: &'static str,
    pub rows: Rows,
}

impl Table {
    /// Opens a file by the end of its name and finds `fields` among its columns.
    pub fn open(path: &Path, fields: &'static [Field], columns: &Columns) -> Result<Self> {
        let (format, compression) = format_of(path)?;
        let layout = Layout {
            path: path.to_path_buf(),
            fields,
            columns: Arc::new(columns.clone()),
        };
        layout.check_mapping()?;
        let file = File::open(path).map_err(Error::io("read", path))?;
        let rows = match format {
            Format::Csv => csv::rows(layout, text::decoded(file, path, compression)?, csv::COMMAS)?,
            Format::Tsv => csv::rows(layout, text::decoded(file, path, compression)?, csv::TABS)?,
            Format::JsonLines => jsonl::rows(layout, text::decoded(file, path, compression)?),
            Format::Parquet => parquet::rows(layout, file)?,
        };
        Ok(Self {
            place: place(path),
            rows,
        })
    }
}

/// What the numbers of a file's rows count: `line` of a text file, `row` of a Parquet file.
pub(crate) fn place(path: &Path) -> &'static str {
    let parquet = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"));
    if parquet { "row" } else { "line" }
}

#[derive(Clone, Copy)]
enum Format {
    Csv,
    Tsv,
    JsonLines,
    Parquet,
}

#[derive(Clone, Copy, PartialEq)]
enum Compression {
    None,
    Gzip,
    Zstd,
}

/// The format and the compression that a file's name tells.
fn format_of(path: &Path) -> Result<(Format, Compression)> {
    let unknown = || Error::UnknownFormat {
        path: path.to_path_buf(),
    };
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(unknown)?;
    let name = name.to_ascii_lowercase();
    let (stem, compression) = match name.rsplit_once('.') {
        Some((stem, "gz")) => (stem, Compression::Gzip),
        Some((stem, "zst")) => (stem, Compression::Zstd),
        _ => (name.as_str(), Compression::None),
    };
    let format = match stem.rsplit_once('.').map(|(_, end)| end) {
        Some("tsv") => Format::Tsv,
        Some("csv") => Format::Csv,
        Some("jsonl") => Format::JsonLines,
        Some("parquet") if compression == Compression::None => Format::Parquet,
        _ => return Err(unknown()),
    };
    Ok((format, compression))
}

/// Where our fields are in a file.
struct Layout {
    path: PathBuf,
    fields: &'static [Field],
    columns: Arc<Columns>,
}

impl Layout {
    /// Refuses a mapping of a column that we do not have: a slip of the pen would change nothing in silence.
    fn check_mapping(&self) -> Result<()> {
        let known = |name: &String| self.fields.iter().any(|field| field.name == name);
        match self.columns.0.keys().find(|name| !known(name)) {
            None => Ok(()),
            Some(name) => Err(Error::UnknownColumn {
                path: self.path.clone(),
                name: name.clone(),
                known: self
                    .fields
                    .iter()
                    .map(|field| field.name)
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
        }
    }

    /// For each of our fields its place among `found`; says once which columns are not read.
    fn places(&self, found: &[String]) -> Result<Vec<Option<usize>>> {
        let mut places = Vec::with_capacity(self.fields.len());
        for field in self.fields {
            let theirs = self.columns.theirs(field.name);
            let place = found.iter().position(|column| column == theirs);
            // A column that somebody mapped on purpose must be there too.
            if place.is_none() && (field.required || self.columns.0.contains_key(field.name)) {
                return Err(Error::MissingColumn {
                    path: self.path.clone(),
                    column: theirs.to_owned(),
                    name: field.name,
                    found: found.join(", "),
                });
            }
            if place.is_some_and(|place| found[place + 1..].iter().any(|column| column == theirs)) {
                return Err(Error::Column {
                    path: self.path.clone(),
                    column: theirs.to_owned(),
                    problem: "is there twice; rename one".to_owned(),
                });
            }
            places.push(place);
        }
        let ignored: Vec<&str> = found
            .iter()
            .enumerate()
            .filter(|(at, _)| !places.contains(&Some(*at)))
            .map(|(_, column)| column.as_str())
            .collect();
        if !ignored.is_empty() {
            tracing::info!(
                "{}: columns not read: {}",
                self.path.display(),
                ignored.join(", ")
            );
        }
        Ok(places)
    }

    fn row(&self, values: Vec<Option<String>>, number: u64) -> Row {
        Row::new(self.fields, Arc::clone(&self.columns), values, number)
    }

    fn syntax(&self, line: u64, reason: String) -> Error {
        Error::Syntax {
            path: self.path.clone(),
            line,
            reason,
        }
    }
}
