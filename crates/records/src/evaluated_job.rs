//! What an evaluation came to for each job.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt32Array};
use arrow::datatypes::{DataType, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::columns::{BatchColumns, column, maybe, nullable, schema};
use crate::parquet_file::Record;

/// A job that was evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluatedJob {
    /// The job.
    pub job_id: String,
    /// Its group, if it has one: intervals and tests draw whole groups.
    pub group_id: Option<String>,
    /// Its title, if it has one.
    pub title: Option<String>,
    /// Sentences or windows that were searched for.
    pub queries: u32,
    /// Attributes that are right for it.
    pub positives: u32,
    /// Attributes that the decision says yes to.
    pub decided: u32,
    /// Those of them that are right.
    pub true_positives: u32,
}

impl Record for EvaluatedJob {
    fn schema() -> SchemaRef {
        schema(vec![
            column("job_id", DataType::Utf8),
            nullable("group_id", DataType::Utf8),
            nullable("title", DataType::Utf8),
            column("queries", DataType::UInt32),
            column("positives", DataType::UInt32),
            column("decided", DataType::UInt32),
            column("true_positives", DataType::UInt32),
        ])
    }

    fn to_columns(rows: &[Self]) -> Vec<ArrayRef> {
        let numbers = |of: fn(&Self) -> u32| -> ArrayRef {
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(of)))
        };
        let texts = |of: fn(&Self) -> Option<&str>| -> ArrayRef {
            Arc::new(rows.iter().map(of).collect::<StringArray>())
        };
        vec![
            texts(|row| Some(&row.job_id)),
            texts(|row| row.group_id.as_deref()),
            texts(|row| row.title.as_deref()),
            numbers(|row| row.queries),
            numbers(|row| row.positives),
            numbers(|row| row.decided),
            numbers(|row| row.true_positives),
        ]
    }

    fn from_batch(batch: &RecordBatch) -> Result<Vec<Self>> {
        let columns = BatchColumns(batch);
        let job_id = columns.texts("job_id")?;
        let group_id = columns.maybe_texts("group_id")?;
        let title = columns.maybe_texts("title")?;
        let queries = columns.u32s("queries")?;
        let positives = columns.u32s("positives")?;
        let decided = columns.u32s("decided")?;
        let true_positives = columns.u32s("true_positives")?;
        Ok((0..batch.num_rows())
            .map(|row| Self {
                job_id: job_id.value(row).to_owned(),
                group_id: maybe!(group_id, row).map(str::to_owned),
                title: maybe!(title, row).map(str::to_owned),
                queries: queries.value(row),
                positives: positives.value(row),
                decided: decided.value(row),
                true_positives: true_positives.value(row),
            })
            .collect())
    }
}
