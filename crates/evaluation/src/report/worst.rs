//! The worst jobs, with what was predicted and what was right.

use jobmatch_metrics::{Measure, Pool};

use crate::inputs::Prepared;
use crate::measure::MAIN;
use crate::passages::PassageIndex;
use crate::ranked::Ranked;

/// Attributes shown as predicted.
const SHOWN: usize = 5;

/// A job as the report shows it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WorstJob {
    pub job_id: String,
    pub title: Option<String>,
    pub text: String,
    /// The first of the ranking.
    pub predicted: Vec<Predicted>,
    /// All positives, found ones first, by rank; then by name.
    pub positives: Vec<Positive>,
}

/// An attribute that the last system ranks first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Predicted {
    pub attribute_id: String,
    pub name: String,
    pub score: f32,
    pub right: bool,
    pub decided: bool,
    /// Half-open bytes of the proof in the job's text.
    pub proof: (u64, u64),
}

/// An attribute that is right.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Positive {
    pub attribute_id: String,
    pub name: String,
    /// From 1; `None` when it was not among the candidates.
    pub rank: Option<usize>,
}

/// The jobs with a positive and the worst rankings, the worst first: R-precision@5, then average precision, then more
/// positives missed, then the job's id.
pub(crate) fn worst_jobs(pool: &Pool, count: usize) -> Vec<usize> {
    let rankings = pool.rankings();
    let mut jobs: Vec<usize> = (0..rankings.len())
        .filter(|job| rankings[*job].positives() > 0)
        .collect();
    let measures = |job: usize, measure: Measure| measure.of(&rankings[job]);
    jobs.sort_by(|&a, &b| {
        let by = |measure| measures(a, measure).total_cmp(&measures(b, measure));
        by(MAIN)
            .then(by(Measure::AveragePrecision))
            .then(rankings[b].positives().cmp(&rankings[a].positives()))
    });
    jobs.truncate(count);
    jobs
}

/// Gathers what the report shows of one job.
pub(crate) fn shown(
    job: usize,
    prepared: &Prepared<'_>,
    passages: &PassageIndex,
    ranked: &[Ranked],
    threshold: f32,
) -> WorstJob {
    let attribute = |row: u32| &passages.attributes()[row as usize];
    let predicted = ranked
        .iter()
        .take(SHOWN)
        .map(|Ranked { found, score }| Predicted {
            attribute_id: attribute(found.row).attribute_id.clone(),
            name: attribute(found.row).name.clone(),
            score: *score,
            right: prepared.grade(job, found.row) > 0,
            decided: *score >= threshold,
            proof: (found.proof.start, found.proof.end),
        });
    let mut positives: Vec<Positive> = prepared
        .positives(job)
        .map(|(row, _)| Positive {
            attribute_id: attribute(row).attribute_id.clone(),
            name: attribute(row).name.clone(),
            rank: ranked
                .iter()
                .position(|ranked| ranked.found.row == row)
                .map(|place| place + 1),
        })
        .collect();
    positives.sort_by(|a, b| {
        let rank = |positive: &Positive| positive.rank.unwrap_or(usize::MAX);
        rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(&b.name))
    });
    let source = prepared.jobs[job];
    WorstJob {
        job_id: source.job_id.clone(),
        title: source.title.clone(),
        text: source.text.clone(),
        predicted: predicted.collect(),
        positives,
    }
}
