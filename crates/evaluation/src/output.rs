//! The folder of an evaluation.

use std::fs;
use std::path::Path;

use jobmatch_records::{ParquetWriter, Record};
use serde::Serialize;

use crate::decision::DECISION_JSON;
use crate::report::{self, ReportContext};
use crate::{Error, Evaluation, Result};

/// All numbers: [`Metrics`](crate::Metrics).
pub const METRICS_JSON: &str = "metrics.json";
/// Every candidate: [`Prediction`](jobmatch_records::Prediction).
pub const PREDICTIONS_PARQUET: &str = "predictions.parquet";
/// What it came to for each job: [`EvaluatedJob`](jobmatch_records::EvaluatedJob).
pub const JOBS_PARQUET: &str = "jobs.parquet";
/// The final ranking as `trec_eval` reads it.
pub const RUN_TREC: &str = "run.trec";
/// The judgements as `trec_eval` reads them.
pub const QRELS_TREC: &str = "qrels.trec";
/// The page for people.
pub const REPORT_HTML: &str = "report.html";

impl Evaluation {
    /// Writes the files of an evaluation into an existing folder.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, folder: &Path, context: &ReportContext) -> Result<()> {
        write_json(&folder.join(METRICS_JSON), &self.metrics)?;
        self.decision.write(&folder.join(DECISION_JSON))?;
        write_rows(&folder.join(PREDICTIONS_PARQUET), &self.predictions)?;
        write_rows(&folder.join(JOBS_PARQUET), &self.jobs)?;
        let tag = self
            .metrics
            .systems
            .last()
            .map_or("jobmatch", |system| system.name.as_str());
        self.run.write(&folder.join(RUN_TREC), tag)?;
        self.qrels.write(&folder.join(QRELS_TREC))?;
        write_text(&folder.join(REPORT_HTML), &report::page(self, context)?)
    }
}

fn write_rows<R: Record>(path: &Path, rows: &[R]) -> Result<()> {
    let mut writer = ParquetWriter::create(path)?;
    writer.write(rows)?;
    writer.finish()?;
    Ok(())
}

/// Indented JSON with a newline at its end.
pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let mut text = serde_json::to_string_pretty(value).map_err(|source| Error::Json {
        path: path.to_path_buf(),
        source,
    })?;
    text.push('\n');
    write_text(path, &text)
}

fn write_text(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|source| Error::Io {
        action: "write",
        path: path.to_path_buf(),
        source,
    })
}
