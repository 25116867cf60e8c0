//! Thresholds that promise a recall: chosen on dev, checked elsewhere.

use std::collections::BTreeMap;

use jobmatch_dataset::group_or_job;
use jobmatch_metrics::{Interval, Pool, Promised, RecallGuarantee};
use serde::{Deserialize, Serialize};

use crate::inputs::Prepared;
use crate::measure::{bootstrap, row};
use crate::numbers::QualityRow;
use crate::{Error, EvaluationConfig, Result};

/// A recall that is asked for, and the threshold on the final score that promises it.
///
/// Promised is the expected recall of a new group of jobs: the mean over the group's jobs of the share of their positives that are
/// decided yes. [`RecallGuarantee`] says how the threshold is chosen, and when the promise holds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecallPromise {
    /// The recall.
    pub recall: f64,
    /// How sure the promise is.
    pub confidence: f64,
    /// What came of it on the jobs that chose the decision.
    pub promised: Promised,
}

/// A promise, and what its threshold gives on the evaluated jobs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromiseKept {
    /// The promise.
    pub promise: RecallPromise,
    /// What the threshold gives here; `None` when there is no threshold that promises so much.
    pub here: Option<PromiseHere>,
}

/// What a promised threshold gives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromiseHere {
    /// The mean recall over groups: what was promised.
    pub recall: f64,
    /// Its 95 % bootstrap interval by group.
    pub interval: Option<Interval>,
    /// Precision, recall and F1 over pairs and jobs.
    pub quality: QualityRow,
}

/// The thresholds that promise each of the recalls asked for, on the scores of `pool`.
pub(crate) fn choose(
    pool: &Pool,
    prepared: &Prepared<'_>,
    config: &EvaluationConfig,
) -> Result<Vec<RecallPromise>> {
    let asked = config.promised_recalls.iter().copied();
    asked
        .map(|recall| promise(pool, prepared, recall, config.promise_confidence))
        .collect()
}

/// The threshold that promises the recall that the settings decide by; `None` when they decide by F1.
///
/// # Errors
/// [`Error::OutOfReach`].
pub(crate) fn deciding(
    pool: &Pool,
    prepared: &Prepared<'_>,
    config: &EvaluationConfig,
) -> Result<Option<f32>> {
    let Some(recall) = config.promise_recall else {
        return Ok(None);
    };
    let confidence = config.promise_confidence;
    match promise(pool, prepared, recall, confidence)?.promised {
        Promised::Threshold { threshold, .. } => Ok(Some(threshold)),
        Promised::OutOfReach {
            bound,
            recall: observed,
            groups,
        } => Err(Error::OutOfReach {
            recall,
            confidence,
            bound,
            observed,
            groups,
        }),
    }
}

fn promise(
    pool: &Pool,
    prepared: &Prepared<'_>,
    recall: f64,
    confidence: f64,
) -> Result<RecallPromise> {
    let groups: Vec<&str> = prepared.jobs.iter().map(|job| group_or_job(job)).collect();
    let promised = RecallGuarantee { recall, confidence }.threshold_of_pool(pool, &groups)?;
    Ok(RecallPromise {
        recall,
        confidence,
        promised,
    })
}

/// What becomes of the promises on the evaluated jobs.
pub(crate) fn kept(
    promises: &[RecallPromise],
    pool: &Pool,
    prepared: &Prepared<'_>,
    config: &EvaluationConfig,
) -> Result<Vec<PromiseKept>> {
    let kept = promises.iter().map(|promise| {
        let here = match promise.promised {
            Promised::Threshold { threshold, .. } => here(threshold, pool, prepared, config)?,
            Promised::OutOfReach { .. } => None,
        };
        Ok(PromiseKept {
            promise: *promise,
            here,
        })
    });
    kept.collect()
}

fn here(
    threshold: f32,
    pool: &Pool,
    prepared: &Prepared<'_>,
    config: &EvaluationConfig,
) -> Result<Option<PromiseHere>> {
    let mut groups: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (job, counts) in prepared
        .jobs
        .iter()
        .zip(pool.counts_at_threshold(threshold)?)
    {
        if counts.positives > 0 {
            let of_group = groups.entry(group_or_job(job)).or_default();
            of_group.push(counts.recall());
        }
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let means: Vec<(&str, f64)> = groups
        .iter()
        .map(|(group, recalls)| (*group, mean(recalls)))
        .collect();
    if means.is_empty() {
        return Ok(None);
    }
    let values: Vec<f64> = means.iter().map(|(_, recall)| *recall).collect();
    Ok(Some(PromiseHere {
        recall: mean(&values),
        interval: bootstrap(config).mean(&means)?,
        quality: row(&pool.at_threshold(threshold)?),
    }))
}
