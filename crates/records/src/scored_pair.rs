//! Pairs of texts to be scored, and their scores.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::columns::{BatchColumns, column, schema};
use crate::parquet_file::Record;
use crate::read::{FromRow, Reader};
use crate::table::{Field, Row, required};

/// A text and a passage with an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextPair {
    /// Its id; what it is worth is up to whoever gave it.
    pub id: String,
    /// A job's sentence, or a whole job; possibly empty.
    pub text: String,
    /// An attribute's text; possibly empty.
    pub passage: String,
}

impl FromRow for TextPair {
    const FIELDS: &'static [Field] = &[required("id"), required("text"), required("passage")];

    fn from_row(mut row: Row, _source: &str) -> std::result::Result<Self, String> {
        Ok(Self {
            id: row.needed("id")?,
            text: row.present("text")?,
            passage: row.present("passage")?,
        })
    }
}

/// Pairs of one file, read as they are asked for.
pub type TextPairReader = Reader<TextPair>;

/// What a cross-encoder says of a pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoredPair {
    /// The pair's id.
    pub id: String,
    /// The logit.
    pub logit: f32,
    /// Its sigmoid: the probability that the passage is right for the text.
    pub probability: f32,
}

impl Record for ScoredPair {
    fn schema() -> SchemaRef {
        schema(vec![
            column("id", DataType::Utf8),
            column("logit", DataType::Float32),
            column("probability", DataType::Float32),
        ])
    }

    fn to_columns(rows: &[Self]) -> Vec<ArrayRef> {
        vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|r| &r.id))),
            Arc::new(Float32Array::from_iter_values(rows.iter().map(|r| r.logit))),
            Arc::new(Float32Array::from_iter_values(
                rows.iter().map(|r| r.probability),
            )),
        ]
    }

    fn from_batch(batch: &RecordBatch) -> Result<Vec<Self>> {
        let columns = BatchColumns(batch);
        let id = columns.texts("id")?;
        let logit = columns.f32s("logit")?;
        let probability = columns.f32s("probability")?;
        Ok((0..batch.num_rows())
            .map(|row| Self {
                id: id.value(row).to_owned(),
                logit: logit.value(row),
                probability: probability.value(row),
            })
            .collect())
    }
}
