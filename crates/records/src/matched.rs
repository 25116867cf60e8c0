//! An attribute that a new job asks for, with the sentence that proves it.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float32Array, RecordBatch, StringArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::{DataType, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::columns::{BatchColumns, column, maybe, nullable, schema};
use crate::parquet_file::Record;

/// One of a job's attributes: the columns of a [`Prediction`](crate::Prediction), the attribute's name and the proof's text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// The attribute.
    pub attribute_id: String,
    /// Its name.
    pub name: String,
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
    /// First byte of the proof in the job's text.
    pub sentence_start: u64,
    /// The byte after its last.
    pub sentence_end: u64,
    /// The proof as it stands in the job's text.
    pub sentence: String,
}

/// A [`Match`] with its job: a row of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchRow {
    /// The job, by the id that its file gives it.
    pub job_id: String,
    /// What it asks for.
    pub matched: Match,
}

impl Record for MatchRow {
    fn schema() -> SchemaRef {
        schema(vec![
            column("job_id", DataType::Utf8),
            column("attribute_id", DataType::Utf8),
            column("name", DataType::Utf8),
            column("rank", DataType::UInt32),
            column("score", DataType::Float32),
            column("bi_score", DataType::Float32),
            nullable("cross_score", DataType::Float32),
            column("decided", DataType::Boolean),
            column("sentence_start", DataType::UInt64),
            column("sentence_end", DataType::UInt64),
            column("sentence", DataType::Utf8),
        ])
    }

    fn to_columns(rows: &[Self]) -> Vec<ArrayRef> {
        let texts = |of: fn(&Self) -> &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
        };
        let matches = || rows.iter().map(|row| &row.matched);
        vec![
            texts(|row| &row.job_id),
            texts(|row| &row.matched.attribute_id),
            texts(|row| &row.matched.name),
            Arc::new(UInt32Array::from_iter_values(matches().map(|m| m.rank))),
            Arc::new(Float32Array::from_iter_values(matches().map(|m| m.score))),
            Arc::new(Float32Array::from_iter_values(
                matches().map(|m| m.bi_score),
            )),
            Arc::new(matches().map(|m| m.cross_score).collect::<Float32Array>()),
            Arc::new(matches().map(|m| Some(m.decided)).collect::<BooleanArray>()),
            Arc::new(UInt64Array::from_iter_values(
                matches().map(|m| m.sentence_start),
            )),
            Arc::new(UInt64Array::from_iter_values(
                matches().map(|m| m.sentence_end),
            )),
            texts(|row| &row.matched.sentence),
        ]
    }

    fn from_batch(batch: &RecordBatch) -> Result<Vec<Self>> {
        let columns = BatchColumns(batch);
        let job_id = columns.texts("job_id")?;
        let attribute_id = columns.texts("attribute_id")?;
        let name = columns.texts("name")?;
        let rank = columns.u32s("rank")?;
        let score = columns.f32s("score")?;
        let bi_score = columns.f32s("bi_score")?;
        let cross_score = columns.maybe_f32s("cross_score")?;
        let decided = columns.booleans("decided")?;
        let sentence_start = columns.u64s("sentence_start")?;
        let sentence_end = columns.u64s("sentence_end")?;
        let sentence = columns.texts("sentence")?;
        let matched = |row: usize| Match {
            attribute_id: attribute_id.value(row).to_owned(),
            name: name.value(row).to_owned(),
            rank: rank.value(row),
            score: score.value(row),
            bi_score: bi_score.value(row),
            cross_score: maybe!(cross_score, row),
            decided: decided.value(row),
            sentence_start: sentence_start.value(row),
            sentence_end: sentence_end.value(row),
            sentence: sentence.value(row).to_owned(),
        };
        Ok((0..batch.num_rows())
            .map(|row| Self {
                job_id: job_id.value(row).to_owned(),
                matched: matched(row),
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ParquetWriter, Prediction, read_all};

    #[test]
    fn rows_come_back_and_are_predictions_too() {
        let row = |number: u32| MatchRow {
            job_id: format!("J{}", number / 2),
            matched: Match {
                attribute_id: format!("A{number}"),
                name: "Weld pipes".to_owned(),
                rank: number + 1,
                score: 0.75,
                bi_score: -0.5,
                cross_score: (number == 1).then_some(2.5),
                decided: number == 0,
                sentence_start: 3,
                sentence_end: u64::from(number) + 20,
                sentence: "You weld,\n\"naïvely\".".to_owned(),
            },
        };
        let rows: Vec<MatchRow> = (0..3).map(row).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        let mut writer = ParquetWriter::create(&path).unwrap();
        writer.write(&rows).unwrap();
        writer.finish().unwrap();
        assert_eq!(read_all::<MatchRow>(&path).unwrap(), rows);
        let predictions: Vec<Prediction> = read_all(&path).unwrap();
        for (row, prediction) in rows.iter().zip(&predictions) {
            assert_eq!(prediction.job_id, row.job_id);
            assert_eq!(prediction.rank, row.matched.rank);
            assert_eq!(prediction.cross_score, row.matched.cross_score);
            assert_eq!(prediction.sentence_end, Some(row.matched.sentence_end));
        }
    }
}
