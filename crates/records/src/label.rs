//! Labels as people bring them: which attribute is right (or wrong) for which job, and where it says so.

use std::collections::HashSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::read::{FromRow, Reader};
use crate::table::{Field, Row, optional, place, required};
use crate::{Error, ReadOptions, Rejected, Result};

/// Where a job's text shows an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Evidence {
    /// Half-open byte offsets in the job's text; `start < end`.
    Span {
        /// The first byte.
        start: u64,
        /// The byte after the last.
        end: u64,
    },
    /// The very words.
    Quote(String),
}

/// A judgement of one job and one attribute. Several rows of one pair are several pieces of evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// The job.
    pub job_id: String,
    /// The attribute.
    pub attribute_id: String,
    /// Whether the attribute is right for the job.
    pub label: bool,
    /// How right it is, if the file says; higher is more.
    pub grade: Option<f32>,
    /// Where the job's text shows it, if the file says; offsets count more than a quote.
    pub evidence: Option<Evidence>,
    /// The name of the file it comes from.
    pub source: String,
    /// The line (row, for Parquet) of that file, for messages.
    pub line: u64,
}

impl FromRow for Label {
    const FIELDS: &'static [Field] = &[
        required("job_id"),
        required("attribute_id"),
        optional("label"),
        optional("grade"),
        optional("start"),
        optional("end"),
        optional("evidence"),
    ];

    fn from_row(mut row: Row, source: &str) -> std::result::Result<Self, String> {
        let line = row.number;
        let label = row.converted("label", "1 or 0", |value| match value {
            "1" | "1.0" | "true" | "True" => Some(true),
            "0" | "0.0" | "false" | "False" => Some(false),
            _ => None,
        })?;
        let grade = row.converted("grade", "a number", |value| {
            value.parse().ok().filter(|grade: &f32| grade.is_finite())
        })?;
        let evidence = match (
            row.bytes("start")?,
            row.bytes("end")?,
            row.filled("evidence"),
        ) {
            (Some(start), Some(end), _) if start < end => Some(Evidence::Span { start, end }),
            (Some(start), Some(end), _) => {
                return Err(format!(
                    "`{}` is {start} and `{}` is {end}; start must come before end",
                    row.theirs("start"),
                    row.theirs("end")
                ));
            }
            (None, None, quote) => quote.map(Evidence::Quote),
            _ => {
                return Err(format!(
                    "one of `{}` and `{}` is empty; give both or neither",
                    row.theirs("start"),
                    row.theirs("end")
                ));
            }
        };
        Ok(Self {
            job_id: row.needed("job_id")?,
            attribute_id: row.needed("attribute_id")?,
            label: label.unwrap_or(true),
            grade,
            evidence,
            source: source.to_owned(),
            line,
        })
    }
}

/// Labels of one file, read as they are asked for.
pub type LabelReader = Reader<Label>;

/// All labels of several files, in their order, and the rows that were set aside (none unless the options say so).
///
/// # Errors
/// When a file cannot be read or holds no label.
pub fn read_labels(
    paths: &[PathBuf],
    options: &ReadOptions,
) -> Result<(Vec<Label>, Vec<Rejected>)> {
    let (mut labels, mut rejected) = (Vec::new(), Vec::new());
    for path in paths {
        let before = labels.len();
        let mut reader = LabelReader::open(path, options)?;
        for label in reader.by_ref() {
            labels.push(label?);
        }
        reader.check_not_empty(labels.len() - before)?;
        rejected.extend_from_slice(reader.rejected());
    }
    Ok((labels, rejected))
}

/// Refuses the first label whose job or attribute nobody knows.
///
/// # Errors
/// Names the label's file and line, the unknown id, and what to do.
pub fn check_labels(
    labels: &[Label],
    job_ids: &HashSet<&str>,
    attribute_ids: &HashSet<&str>,
) -> Result<()> {
    for label in labels {
        let (what, id, file, known) = if !job_ids.contains(label.job_id.as_str()) {
            ("job_id", &label.job_id, "jobs", job_ids)
        } else if !attribute_ids.contains(label.attribute_id.as_str()) {
            (
                "attribute_id",
                &label.attribute_id,
                "definitions",
                attribute_ids,
            )
        } else {
            continue;
        };
        let meant = match alike(id, known) {
            Some(other) => format!("; is `{other}` meant?"),
            None => "; add it there, or remove the label".to_owned(),
        };
        let path = PathBuf::from(&label.source);
        return Err(Error::BadRow {
            place: place(&path),
            path,
            number: label.line,
            reason: format!("{what} `{id}` is not in the {file}{meant}"),
        });
    }
    Ok(())
}

/// The known id that differs only in case or in white space around it; the first by name if there are several.
fn alike<'k>(id: &str, known: &HashSet<&'k str>) -> Option<&'k str> {
    let same = |other: &&&str| other.trim().eq_ignore_ascii_case(id.trim());
    known.iter().filter(same).min().copied()
}
