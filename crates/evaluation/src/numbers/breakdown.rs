//! Numbers of parts: attributes one by one, groups of attributes, and what probabilities are worth.

use jobmatch_metrics::ReliabilityBin;
use serde::{Deserialize, Serialize};

/// One attribute under the last system, decided by the decision's threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeRow {
    /// Its id.
    pub attribute_id: String,
    /// Its name.
    pub name: String,
    /// Its kind, if the definitions give one.
    pub kind: Option<String>,
    /// How many training jobs have it; `None` without labels of training jobs.
    pub training_jobs: Option<u32>,
    /// Evaluated jobs that have it.
    pub positives: u64,
    /// Jobs that it is decided for.
    pub decided: u64,
    /// Those that have it.
    pub true_positives: u64,
    /// Those that do not.
    pub false_positives: u64,
    /// Jobs that have it, and for which it is not decided.
    pub false_negatives: u64,
    /// `true_positives / decided`; `None` when it is never decided.
    pub precision: Option<f64>,
    /// `true_positives / positives`; `None` without positives.
    pub recall: Option<f64>,
    /// `2 * true_positives / (decided + positives)`.
    pub f1: f64,
    /// Average precision over the jobs, ordered by this attribute's score; jobs that it is no candidate of are misses.
    /// `None` without positives.
    pub average_precision: Option<f64>,
}

/// What the attributes of a [`Slice`] have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SliceBy {
    /// Nothing: these are all attributes.
    All,
    /// Their kind, as the definitions give it.
    Kind,
    /// In how many training jobs they are.
    TrainingJobs,
}

/// How some of the attributes fare in one system. Ranks are among all attributes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// What they have in common.
    pub by: SliceBy,
    /// Its value: a kind (empty for attributes without one), or a range of training jobs: `0`, `1-4`, `5-19`, `20-99`,
    /// `100+`; `all` for all attributes.
    pub value: String,
    /// How many attributes of the index these are.
    pub attributes: usize,
    /// Those that an evaluated job has.
    pub attributes_with_positives: usize,
    /// Their positive pairs.
    pub positives: u64,
    /// Share of these pairs among the first 10 of their job. `None` without positives, or with fewer than 10 candidates
    /// kept.
    pub recall_at_10: Option<f64>,
    /// Share of these pairs among all candidates of their job; `None` without positives.
    pub recall: Option<f64>,
    /// Decided by the system's own threshold, over these pairs at once; `None` when the decision does not know the system.
    pub decided: Option<SliceQuality>,
}

/// Quality of a decision over the pairs of some attributes, all at once. As everywhere, a precision without decisions and
/// a recall without positives are 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SliceQuality {
    /// `true_positives / decided`.
    pub precision: f64,
    /// `true_positives / positives`.
    pub recall: f64,
    /// Their harmonic mean.
    pub f1: f64,
    /// Pairs decided yes that are positive.
    pub true_positives: u64,
    /// Pairs decided yes.
    pub decided: u64,
}

/// Recall at a cut-off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecallAt {
    /// The cut-off.
    pub k: usize,
    /// Mean recall of the first `k` attributes, over jobs with a positive.
    pub recall: f64,
}

/// What a system's scores are worth as probabilities, over all candidates. Pairs that are no candidate have no score, and
/// are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Mean squared difference of score and outcome (1 or 0): [`brier`](jobmatch_metrics::brier).
    pub brier: f64,
    /// Over the bins: [`expected_calibration_error`](jobmatch_metrics::expected_calibration_error).
    pub expected_calibration_error: f64,
    /// Ten bins of equal width, the empty ones left out: [`reliability`](jobmatch_metrics::reliability).
    pub bins: Vec<ReliabilityBin>,
}
