//! The shape of `metrics.json`.

mod breakdown;

use std::collections::BTreeMap;

use jobmatch_metrics::Interval;
use jobmatch_records::Split;
use serde::{Deserialize, Serialize};

use crate::choose::AlphaPoint;
use crate::config::RetrievalSettings;
use crate::leaks::LeakCheck;
use crate::promises::PromiseKept;

pub use breakdown::{AttributeRow, Calibration, RecallAt, Slice, SliceBy, SliceQuality};

/// Everything that was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Version of this file: 2.
    pub schema_version: u32,
    /// The result in one sentence.
    pub verdict: String,
    /// On what.
    pub evaluated: Evaluated,
    /// How candidates were found.
    pub retrieval: RetrievalSettings,
    /// Whether the decision was chosen on these very jobs; its numbers are then better than elsewhere.
    pub chosen_here: bool,
    /// Whether the models learned from the evaluated jobs, nearly; `None` when it is not known what they learned from.
    pub leaks: Option<LeakCheck>,
    /// Each system, the floors first, the one that is decided with last.
    pub systems: Vec<SystemMetrics>,
    /// Mean differences on the same jobs between the last system and each other one, of the main measures.
    pub differences: Vec<Difference>,
    /// What no re-ranking can exceed.
    pub ceiling: Ceiling,
    /// The thresholds that promised a recall on dev, and what they give here.
    pub promises: Vec<PromiseKept>,
    /// The bi-encoder decided by a threshold on the job's best cosine, over all attributes (over the candidates, where the index is
    /// approximate).
    pub cosine_thresholds: Vec<AtThreshold>,
    /// What each share of the bi-encoder gave, where a decision with a cross-encoder was chosen.
    pub alphas: Vec<AlphaPoint>,
    /// How often the sentence shown as proof is one that was labelled as evidence.
    pub proof: Option<Proof>,
    /// Every attribute that is positive or decided for an evaluated job, in byte order of the ids.
    pub attributes: Vec<AttributeRow>,
    /// The jobs with the worst rankings by the last system, the worst first.
    pub worst_jobs: Vec<JobMeasures>,
}

impl Metrics {
    /// The only version of `metrics.json` that is read.
    pub const SCHEMA_VERSION: u32 = 2;
}

/// What was evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluated {
    /// The split.
    pub split: Split,
    /// Jobs evaluated.
    pub jobs: usize,
    /// Jobs of the split.
    pub jobs_in_split: usize,
    /// Jobs of the split that were set aside because they selected the models.
    pub jobs_set_aside: usize,
    /// Jobs left out by `limit_jobs`: the evaluated ones are a fixed part, drawn evenly over groups by `seed`.
    pub jobs_left_out: usize,
    /// The seed of that draw and of the intervals.
    pub seed: u64,
    /// Groups of jobs; intervals resample these.
    pub groups: usize,
    /// Jobs without a sentence: nothing is found for them, and they count as misses.
    pub jobs_without_sentences: usize,
    /// Jobs without a positive: they count in precision, not in means over jobs.
    pub jobs_without_positives: usize,
    /// Attributes in the index.
    pub attributes: usize,
    /// Positive pairs.
    pub positives: usize,
    /// Sentences or windows searched for.
    pub queries: usize,
    /// Distinct texts among them.
    pub distinct_texts: usize,
    /// Candidates kept, over all jobs.
    pub candidates: usize,
    /// Distinct pairs that the cross-encoder scored.
    pub reranked_pairs: usize,
    /// Training jobs with labels, if any were given.
    pub training_jobs: usize,
}

/// One system's numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemMetrics {
    /// Its name.
    pub name: String,
    /// What it does.
    pub what: String,
    /// Mean of each ranking measure over the jobs with a positive. Measures at a cut-off above the number of candidates
    /// kept are left out.
    pub ranking: BTreeMap<String, f64>,
    /// 95 % bootstrap intervals by group, of the main measures and of `f1` at the decision; none with fewer than two
    /// groups.
    pub intervals: BTreeMap<String, Interval>,
    /// Decided by its own threshold chosen on dev; `None` when the decision does not know this system.
    pub decided: Option<AtThreshold>,
    /// The first N attributes of each job.
    pub top_n: Vec<AtTop>,
    /// Average precision over all pairs at once; attributes never found are misses.
    pub pooled_average_precision: f64,
    /// All attributes; then those of each kind, if kinds are given; then by how many training jobs have them, if those
    /// are known.
    pub slices: Vec<Slice>,
    /// Recall over the cut-off, up to the candidates kept.
    pub recall_curve: Vec<RecallAt>,
    /// Some points of precision and recall over its scores, the highest first.
    pub curve: Vec<CurveRow>,
    /// What its scores are worth as probabilities; `None` for a system whose scores are none.
    pub calibration: Option<Calibration>,
}

/// Quality of a decision over pairs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct QualityRow {
    /// Over all pairs at once.
    pub precision: f64,
    /// Over all pairs at once.
    pub recall: f64,
    /// Over all pairs at once.
    pub f1: f64,
    /// Mean over jobs with a positive.
    pub macro_precision: f64,
    /// Mean over jobs with a positive.
    pub macro_recall: f64,
    /// Mean of each job's F1, over jobs with a positive.
    pub macro_f1: f64,
    /// Pairs decided yes that are positive.
    pub true_positives: u64,
    /// Pairs decided yes.
    pub decided: u64,
    /// Positive pairs.
    pub positives: u64,
}

/// Quality at a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AtThreshold {
    /// Everything with this score or more is decided yes.
    pub threshold: f32,
    /// How good that is.
    pub quality: QualityRow,
}

/// Quality of the first attributes of each job.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AtTop {
    /// How many attributes of each job are decided yes.
    pub n: usize,
    /// How good that is.
    pub quality: QualityRow,
}

/// One point of a curve over thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurveRow {
    /// The threshold.
    pub threshold: f32,
    /// Micro precision.
    pub precision: f64,
    /// Micro recall.
    pub recall: f64,
    /// Micro F1.
    pub f1: f64,
}

/// A mean difference of two systems on the same jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// The system that is compared.
    pub system: String,
    /// With which other.
    pub with: String,
    /// The measure.
    pub measure: String,
    /// Mean of system minus other.
    pub difference: f64,
    /// Its 95 % bootstrap interval by group; one without 0 is a difference.
    pub interval: Option<Interval>,
    /// The two-sided p-value of a paired randomization test by group, where one was made.
    pub p_value: Option<f64>,
}

/// The share of positives among the candidates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ceiling {
    /// Candidates kept per job.
    pub candidates: usize,
    /// Over all pairs.
    pub recall: f64,
    /// Mean over jobs with a positive.
    pub macro_recall: f64,
    /// The same over the first candidates, which the cross-encoder sees; 0 without one.
    pub reranked_recall: f64,
}

/// How often the proof is right.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Candidates that are positive and have labelled evidence.
    pub pairs: usize,
    /// Those whose proof overlaps the evidence.
    pub right: usize,
    /// `right / pairs`.
    pub share: f64,
}

/// How one job fares under the last system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobMeasures {
    /// The job's id.
    pub job_id: String,
    /// R-precision@5.
    pub r_precision_at_5: f64,
    /// Average precision.
    pub average_precision: f64,
}
