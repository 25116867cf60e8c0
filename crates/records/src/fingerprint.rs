//! What tells a job that models learned from, without its text.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, SchemaRef};

use crate::columns::{BatchColumns, column, schema};
use crate::parquet_file::Record;
use crate::{Error, Result, Split};

/// A job that models learned from or were chosen on. Its signature tells near copies of its text, and not the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// The job.
    pub job_id: String,
    /// `train` or `dev`.
    pub split: Split,
    /// The signature of its text; whoever makes signatures says what they are.
    pub signature: Vec<u8>,
}

impl Record for Fingerprint {
    fn schema() -> SchemaRef {
        schema(vec![
            column("job_id", DataType::Utf8),
            column("split", DataType::Utf8),
            column("signature", DataType::Binary),
        ])
    }

    fn to_columns(rows: &[Self]) -> Vec<ArrayRef> {
        let splits = rows.iter().map(|row| row.split.name());
        vec![
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|row| &row.job_id),
            )),
            Arc::new(StringArray::from_iter_values(splits)),
            Arc::new(BinaryArray::from_iter_values(
                rows.iter().map(|row| &row.signature),
            )),
        ]
    }

    fn from_batch(batch: &RecordBatch) -> Result<Vec<Self>> {
        let columns = BatchColumns(batch);
        let job_id = columns.texts("job_id")?;
        let split = columns.texts("split")?;
        let signature = columns.bytes("signature")?;
        let row = |row| {
            let split = split.value(row).parse().map_err(|problem| Error::Column {
                path: std::path::PathBuf::new(),
                column: "split".to_owned(),
                problem,
            })?;
            Ok(Self {
                job_id: job_id.value(row).to_owned(),
                split,
                signature: signature.value(row).to_vec(),
            })
        };
        (0..batch.num_rows()).map(row).collect()
    }
}
