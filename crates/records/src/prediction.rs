//! What an evaluation or a match says of one job and one attribute.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float32Array, RecordBatch, StringArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::{DataType, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::columns::{BatchColumns, column, maybe, nullable, schema};
use crate::parquet_file::Record;

/// One candidate of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The job.
    pub job_id: String,
    /// The attribute.
    pub attribute_id: String,
    /// Its rank among the job's candidates, from 1.
    pub rank: u32,
    /// The final score; higher is better.
    pub score: f32,
    /// The bi-encoder's cosine.
    pub bi_score: f32,
    /// The cross-encoder's logit, where the pair was scored.
    pub cross_score: Option<f32>,
    /// Whether the decision says yes.
    pub decided: bool,
    /// First byte of the proof sentence in the job's text; absent when the whole job is the query.
    pub sentence_start: Option<u64>,
    /// The byte after its last.
    pub sentence_end: Option<u64>,
}

impl Record for Prediction {
    fn schema() -> SchemaRef {
        schema(vec![
            column("job_id", DataType::Utf8),
            column("attribute_id", DataType::Utf8),
            column("rank", DataType::UInt32),
            column("score", DataType::Float32),
            column("bi_score", DataType::Float32),
            nullable("cross_score", DataType::Float32),
            column("decided", DataType::Boolean),
            nullable("sentence_start", DataType::UInt64),
            nullable("sentence_end", DataType::UInt64),
        ])
    }

    fn to_columns(rows: &[Self]) -> Vec<ArrayRef> {
        vec![
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|r| &r.job_id),
            )),
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|r| &r.attribute_id),
            )),
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|r| r.rank))),
            Arc::new(Float32Array::from_iter_values(rows.iter().map(|r| r.score))),
            Arc::new(Float32Array::from_iter_values(
                rows.iter().map(|r| r.bi_score),
            )),
            Arc::new(rows.iter().map(|r| r.cross_score).collect::<Float32Array>()),
            Arc::new(
                rows.iter()
                    .map(|r| Some(r.decided))
                    .collect::<BooleanArray>(),
            ),
            Arc::new(
                rows.iter()
                    .map(|r| r.sentence_start)
                    .collect::<UInt64Array>(),
            ),
            Arc::new(rows.iter().map(|r| r.sentence_end).collect::<UInt64Array>()),
        ]
    }

    fn from_batch(batch: &RecordBatch) -> Result<Vec<Self>> {
        let columns = BatchColumns(batch);
        let job_id = columns.texts("job_id")?;
        let attribute_id = columns.texts("attribute_id")?;
        let rank = columns.u32s("rank")?;
        let score = columns.f32s("score")?;
        let bi_score = columns.f32s("bi_score")?;
        let cross_score = columns.maybe_f32s("cross_score")?;
        let decided = columns.booleans("decided")?;
        let sentence_start = columns.maybe_u64s("sentence_start")?;
        let sentence_end = columns.maybe_u64s("sentence_end")?;
        Ok((0..batch.num_rows())
            .map(|row| Self {
                job_id: job_id.value(row).to_owned(),
                attribute_id: attribute_id.value(row).to_owned(),
                rank: rank.value(row),
                score: score.value(row),
                bi_score: bi_score.value(row),
                cross_score: maybe!(cross_score, row),
                decided: decided.value(row),
                sentence_start: maybe!(sentence_start, row),
                sentence_end: maybe!(sentence_end, row),
            })
            .collect())
    }
}
