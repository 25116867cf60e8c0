//! An evaluation's folder, read again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use jobmatch_metrics::{Qrels, Run};
use jobmatch_records::{EvaluatedJob, Prediction, read_all};

use crate::output::{JOBS_PARQUET, METRICS_JSON, PREDICTIONS_PARQUET, QRELS_TREC, RUN_TREC};
use crate::ranked::trec_id;
use crate::{Error, Metrics, Result};

/// What an evaluation found and decided, and what was right.
#[derive(Debug, Clone)]
pub struct EvaluatedRun {
    /// The system that was decided with.
    pub(crate) system: String,
    /// By job id.
    pub(crate) jobs: BTreeMap<String, RunJob>,
    pub(crate) run: Run,
    pub(crate) qrels: Qrels,
    /// Names of attributes, by id.
    pub(crate) names: BTreeMap<String, String>,
}

/// One job of an evaluation.
#[derive(Debug, Clone)]
pub(crate) struct RunJob {
    pub about: EvaluatedJob,
    /// Attributes that the decision says yes to.
    pub decided: BTreeSet<String>,
}

impl EvaluatedRun {
    /// Reads the folder that [`Evaluation::write`](crate::Evaluation::write) made. Whether its files are whole is for others to check.
    ///
    /// # Errors
    /// A file that is missing or damaged, or of an earlier version.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(METRICS_JSON);
        let text = fs::read_to_string(&path).map_err(|source| Error::Io {
            action: "read",
            path: path.clone(),
            source,
        })?;
        let json = |source| Error::Json {
            path: path.clone(),
            source,
        };
        // The version first: another one has other fields, and that is the thing to say then.
        let value: serde_json::Value = serde_json::from_str(&text).map_err(json)?;
        if value["schema_version"] != Metrics::SCHEMA_VERSION {
            return Err(Error::OldEvaluation {
                found: value["schema_version"].to_string(),
                expected: Metrics::SCHEMA_VERSION,
                path,
            });
        }
        let metrics: Metrics = serde_json::from_value(value).map_err(json)?;
        let rows: Vec<EvaluatedJob> = read_all(&folder.join(JOBS_PARQUET))?;
        let mut jobs: BTreeMap<String, RunJob> = rows
            .into_iter()
            .map(|about| {
                let decided = BTreeSet::new();
                (about.job_id.clone(), RunJob { about, decided })
            })
            .collect();
        let predictions: Vec<Prediction> = read_all(&folder.join(PREDICTIONS_PARQUET))?;
        for prediction in predictions.into_iter().filter(|row| row.decided) {
            if let Some(job) = jobs.get_mut(&prediction.job_id) {
                job.decided.insert(prediction.attribute_id);
            }
        }
        let systems = metrics.systems.last();
        Ok(Self {
            system: systems.map_or_else(String::new, |system| system.name.clone()),
            jobs,
            run: Run::read(&folder.join(RUN_TREC))?,
            qrels: Qrels::read(&folder.join(QRELS_TREC))?,
            names: metrics
                .attributes
                .into_iter()
                .map(|row| (row.attribute_id, row.name))
                .collect(),
        })
    }

    /// The grade of an attribute for a job; 0 when nobody judged it.
    pub(crate) fn grade(&self, job_id: &str, attribute_id: &str) -> i32 {
        let grade = self.qrels.grade(&trec_id(job_id), &trec_id(attribute_id));
        grade.unwrap_or(0)
    }

    /// Whether both know the same to be right for a job.
    pub(crate) fn agrees(&self, other: &Self, job_id: &str) -> bool {
        let id = trec_id(job_id);
        let right = |run: &Self| -> Vec<(String, i32)> {
            let judged = run.qrels.judged(&id).filter(|(_, grade)| *grade > 0);
            judged
                .map(|(document, grade)| (document.to_owned(), grade))
                .collect()
        };
        right(self) == right(other)
    }
}
