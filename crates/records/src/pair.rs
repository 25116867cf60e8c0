//! Training pairs: what the dataset stage writes.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::columns::{BatchColumns, column, maybe, nullable, schema};
use crate::parquet_file::Record;
use crate::{Error, Result};

/// How a pair came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PairSource {
    /// A positive: the label's evidence points at the sentence.
    Evidence,
    /// A positive: of the job's sentences this one is most like the passage.
    Aligned,
    /// A negative drawn at random.
    Random,
    /// A negative that a model takes for right.
    Hard,
    /// A negative that the labels state.
    Given,
}

impl PairSource {
    const ALL: [Self; 5] = [
        Self::Evidence,
        Self::Aligned,
        Self::Random,
        Self::Hard,
        Self::Given,
    ];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::Aligned => "aligned",
            Self::Random => "random",
            Self::Hard => "hard",
            Self::Given => "given",
        }
    }

    /// The source of this name in files.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.name() == name)
    }
}

/// A text of a job with a passage that is right (label 1) or wrong (label 0) for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// Its number in the data set, from 0.
    pub pair_id: u64,
    /// The job.
    pub job_id: String,
    /// The sentence's number in the job; absent when the text is the whole job.
    pub sentence_index: Option<u32>,
    /// The text's first byte in the job's text.
    pub start: Option<u64>,
    /// The byte after its last.
    pub end: Option<u64>,
    /// The attribute.
    pub attribute_id: String,
    /// The cleaned sentence, or the job's text.
    pub text: String,
    /// The attribute's passage.
    pub passage: String,
    /// 1 when the passage is right for the text, 0 when it is wrong.
    pub label: f32,
    /// How the pair came to be.
    pub source: PairSource,
    /// How like the passage the sentence is, for an aligned positive (a BM25 score, or a cosine once a model has aligned it).
    pub alignment_score: Option<f32>,
    /// Of a negative that was drawn: the positive that it was drawn for.
    pub positive_id: Option<u64>,
}

impl Record for Pair {
    const RISING: &'static [&'static str] = &["pair_id", "positive_id"];

    fn schema() -> SchemaRef {
        schema(vec![
            column("pair_id", DataType::UInt64),
            column("job_id", DataType::Utf8),
            nullable("sentence_index", DataType::UInt32),
            nullable("start", DataType::UInt64),
            nullable("end", DataType::UInt64),
            column("attribute_id", DataType::Utf8),
            column("text", DataType::Utf8),
            column("passage", DataType::Utf8),
            column("label", DataType::Float32),
            column("source", DataType::Utf8),
            nullable("alignment_score", DataType::Float32),
            nullable("positive_id", DataType::UInt64),
        ])
    }

    fn to_columns(rows: &[Self]) -> Vec<ArrayRef> {
        vec![
            Arc::new(UInt64Array::from_iter_values(
                rows.iter().map(|r| r.pair_id),
            )),
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|r| &r.job_id),
            )),
            Arc::new(
                rows.iter()
                    .map(|r| r.sentence_index)
                    .collect::<UInt32Array>(),
            ),
            Arc::new(rows.iter().map(|r| r.start).collect::<UInt64Array>()),
            Arc::new(rows.iter().map(|r| r.end).collect::<UInt64Array>()),
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|r| &r.attribute_id),
            )),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|r| &r.text))),
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|r| &r.passage),
            )),
            Arc::new(Float32Array::from_iter_values(rows.iter().map(|r| r.label))),
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|r| r.source.name()),
            )),
            Arc::new(
                rows.iter()
                    .map(|r| r.alignment_score)
                    .collect::<Float32Array>(),
            ),
            Arc::new(rows.iter().map(|r| r.positive_id).collect::<UInt64Array>()),
        ]
    }

    fn from_batch(batch: &RecordBatch) -> Result<Vec<Self>> {
        let columns = BatchColumns(batch);
        let pair_id = columns.u64s("pair_id")?;
        let job_id = columns.texts("job_id")?;
        let sentence_index = columns.maybe_u32s("sentence_index")?;
        let start = columns.maybe_u64s("start")?;
        let end = columns.maybe_u64s("end")?;
        let attribute_id = columns.texts("attribute_id")?;
        let text = columns.texts("text")?;
        let passage = columns.texts("passage")?;
        let label = columns.f32s("label")?;
        let source = columns.texts("source")?;
        let alignment_score = columns.maybe_f32s("alignment_score")?;
        let positive_id = columns.maybe_u64s("positive_id")?;
        let source_of = |row: usize| {
            let name = source.value(row);
            PairSource::of(name).ok_or_else(|| Error::Column {
                path: "".into(),
                column: "source".to_owned(),
                problem: format!("is `{name}`, which is no known source"),
            })
        };
        (0..batch.num_rows())
            .map(|row| {
                Ok(Self {
                    pair_id: pair_id.value(row),
                    job_id: job_id.value(row).to_owned(),
                    sentence_index: maybe!(sentence_index, row),
                    start: maybe!(start, row),
                    end: maybe!(end, row),
                    attribute_id: attribute_id.value(row).to_owned(),
                    text: text.value(row).to_owned(),
                    passage: passage.value(row).to_owned(),
                    label: label.value(row),
                    source: source_of(row)?,
                    alignment_score: maybe!(alignment_score, row),
                    positive_id: maybe!(positive_id, row),
                })
            })
            .collect()
    }
}

/// A known positive: what must not be taken for a negative.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Positive {
    /// The job.
    pub job_id: String,
    /// BLAKE3, in hexadecimal, of the cleaned sentence, or of the job's text at job unit.
    pub text_digest: String,
    /// The attribute.
    pub attribute_id: String,
}

impl Record for Positive {
    fn schema() -> SchemaRef {
        schema(vec![
            column("job_id", DataType::Utf8),
            column("text_digest", DataType::Utf8),
            column("attribute_id", DataType::Utf8),
        ])
    }

    fn to_columns(rows: &[Self]) -> Vec<ArrayRef> {
        vec![
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|r| &r.job_id),
            )),
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|r| &r.text_digest),
            )),
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|r| &r.attribute_id),
            )),
        ]
    }

    fn from_batch(batch: &RecordBatch) -> Result<Vec<Self>> {
        let columns = BatchColumns(batch);
        let job_id = columns.texts("job_id")?;
        let text_digest = columns.texts("text_digest")?;
        let attribute_id = columns.texts("attribute_id")?;
        Ok((0..batch.num_rows())
            .map(|row| Self {
                job_id: job_id.value(row).to_owned(),
                text_digest: text_digest.value(row).to_owned(),
                attribute_id: attribute_id.value(row).to_owned(),
            })
            .collect())
    }
}
