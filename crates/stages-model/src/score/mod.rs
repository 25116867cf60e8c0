//! Pairs of texts to a cross-encoder's scores: unit by unit, on one process or several.

mod lines;
mod soft_labels;

use std::path::Path;

use anyhow::ensure;
use jobmatch_artifact::Work;
use jobmatch_crossencoder::{CrossEncoder, sigmoid};
use jobmatch_encoder::{CutCounts, InferenceConfig, PairScores, Precision, TokenBudget};
use jobmatch_records::{Columns, OnBadRow, ReadOptions, ScoredPair, TextPair, TextPairReader};
use jobmatch_stage::Progress;
use serde::{Deserialize, Serialize};

use crate::units::{heard, in_units, write_rejected, write_rows};

pub use lines::score_lines;
pub use soft_labels::{SoftLabels, soften};

/// The settings of the score stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The numbers the model computes with.
    pub precision: Precision,
    /// Whether a pair's score must not depend on the pairs beside it, on a GPU too.
    pub batch_invariant: bool,
    /// Tokens and rows of one pass; absent: what suits the device.
    pub budget: Option<TokenBudget>,
    /// Rows of one unit of work, and of one file.
    pub rows_per_file: usize,
    /// Which of the file's columns holds which of ours, such as `passage = "skill"`.
    pub columns: Columns,
    /// Whether a bad row ends the run (`stop`) or goes to `rejected.jsonl` (`skip`).
    pub on_bad_row: OnBadRow,
    /// With a data set: its labels become `sigmoid(logit / temperature)`, above 0.
    pub temperature: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            precision: Precision::default(),
            batch_invariant: false,
            budget: None,
            rows_per_file: 65_536,
            columns: Columns::default(),
            on_bad_row: OnBadRow::Stop,
            temperature: 1.0,
        }
    }
}

impl Config {
    /// Refuses nonsense.
    ///
    /// # Errors
    /// Names the first setting that makes no sense.
    pub fn validate(&self) -> anyhow::Result<()> {
        ensure!(
            self.rows_per_file > 0,
            "setting `rows_per_file` is 0: 1 or more"
        );
        ensure!(
            self.temperature.is_finite() && self.temperature > 0.0,
            "setting `temperature` is {}: a number above 0",
            self.temperature
        );
        Ok(())
    }

    /// How the model computes.
    pub fn inference(&self) -> InferenceConfig {
        InferenceConfig {
            precision: self.precision,
            budget: self.budget,
            batch_invariant: self.batch_invariant,
            dimensions: None,
        }
    }
}

/// What was scored: the stage's `report.json`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Pairs scored.
    pub rows: u64,
    /// Tokens that were computed.
    pub tokens: u64,
    /// What was cut off pairs that are longer than the model takes.
    pub cut: CutCounts,
    /// Rows that were set aside.
    pub rejected_rows: u64,
}

impl std::ops::AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.tokens += other.tokens;
        self.cut += other.cut;
        self.rejected_rows += other.rejected_rows;
    }
}

impl Report {
    fn of(scores: &PairScores) -> Self {
        Self {
            rows: scores.logits.len() as u64,
            tokens: scores.usage.tokens,
            cut: scores.cut,
            rejected_rows: 0,
        }
    }
}

/// Scores the pairs of `input` in `work`. Each process reads all of it and scores its units; the first gets the report, others
/// get none. The bytes do not depend on the number of processes, or on interruptions.
///
/// # Errors
/// A setting that makes no sense, a bad row unless it is to be skipped, and what cannot be written.
pub fn score(
    model: &CrossEncoder,
    input: &Path,
    config: &Config,
    work: &Work,
) -> anyhow::Result<Option<Report>> {
    let options = ReadOptions {
        columns: config.columns.clone(),
        on_bad_row: config.on_bad_row,
    };
    let mut reader = TextPairReader::open(input, &options)?;
    let progress = Progress::new("scoring", "pairs", None);
    let size = config.rows_per_file;
    let units = in_units(&mut reader, "score", size, work, |number, pairs| {
        let path = work.path(&format!("part-{number:05}.parquet"))?;
        let report = score_unit(model, pairs, &path, &progress)?;
        Ok((vec![path], report))
    })?;
    progress.finish();
    let Some(units) = units else {
        return Ok(None);
    };
    let mut report = Report {
        rejected_rows: write_rejected(reader.rejected(), work)?,
        ..Report::default()
    };
    units.into_iter().for_each(|unit| report += unit);
    work.write_json("report.json", &report)?;
    Ok(Some(report))
}

fn score_unit(
    model: &CrossEncoder,
    pairs: &[TextPair],
    path: &Path,
    progress: &Progress,
) -> anyhow::Result<Report> {
    let texts: Vec<(&str, &str)> = pairs
        .iter()
        .map(|pair| (pair.text.as_str(), pair.passage.as_str()))
        .collect();
    let scores = model.score_with_counts(&texts, &mut heard(progress))?;
    let rows: Vec<ScoredPair> = pairs
        .iter()
        .zip(&scores.logits)
        .map(|(pair, &logit)| ScoredPair {
            id: pair.id.clone(),
            logit,
            probability: sigmoid(logit),
        })
        .collect();
    write_rows(path, &rows)?;
    Ok(Report::of(&scores))
}
