//! Sentences of jobs: what the segment stage writes.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::columns::{BatchColumns, column, schema};
use crate::parquet_file::Record;
use crate::{Error, Result};

/// What a sentence is in its job's layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A heading.
    Heading,
    /// An item of a list.
    Bullet,
    /// Anything else.
    Prose,
}

impl Kind {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Heading => "heading",
            Self::Bullet => "bullet",
            Self::Prose => "prose",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Heading, Self::Bullet, Self::Prose]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// A sentence of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// The job.
    pub job_id: String,
    /// Its number in the job, from 0.
    pub index: u32,
    /// Its first byte in the job's text.
    pub start: u64,
    /// The byte after its last.
    pub end: u64,
    /// The text as it stands in the job.
    pub text: String,
    /// The text as training wants it.
    pub clean: String,
    /// What it is in the layout.
    pub kind: Kind,
}

impl Record for Sentence {
    fn schema() -> SchemaRef {
        schema(vec![
            column("job_id", DataType::Utf8),
            column("index", DataType::UInt32),
            column("start", DataType::UInt64),
            column("end", DataType::UInt64),
            column("text", DataType::Utf8),
            column("clean", DataType::Utf8),
            column("kind", DataType::Utf8),
        ])
    }

    fn to_columns(rows: &[Self]) -> Vec<ArrayRef> {
        vec![
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|r| &r.job_id),
            )),
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|r| r.index))),
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|r| r.start))),
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|r| r.end))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|r| &r.text))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|r| &r.clean))),
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|r| r.kind.name()),
            )),
        ]
    }

    fn from_batch(batch: &RecordBatch) -> Result<Vec<Self>> {
        let columns = BatchColumns(batch);
        let job_id = columns.texts("job_id")?;
        let index = columns.u32s("index")?;
        let start = columns.u64s("start")?;
        let end = columns.u64s("end")?;
        let text = columns.texts("text")?;
        let clean = columns.texts("clean")?;
        let kind = columns.texts("kind")?;
        (0..batch.num_rows())
            .map(|row| {
                Ok(Self {
                    job_id: job_id.value(row).to_owned(),
                    index: index.value(row),
                    start: start.value(row),
                    end: end.value(row),
                    text: text.value(row).to_owned(),
                    clean: clean.value(row).to_owned(),
                    kind: Kind::from_name(kind.value(row)).ok_or_else(|| Error::Column {
                        path: "".into(),
                        column: "kind".to_owned(),
                        problem: format!(
                            "is `{}`; heading, bullet and prose are known",
                            kind.value(row)
                        ),
                    })?,
                })
            })
            .collect()
    }
}
