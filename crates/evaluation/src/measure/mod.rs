//! Measuring: from scores and judgements to the numbers of `metrics.json`.

mod attributes;
mod curves;
mod groups;
mod slices;
mod verdict;
mod whole;

use std::collections::BTreeMap;

use jobmatch_metrics::{Measure, Pool, Quality, Randomization, average_precision};

use crate::inputs::Prepared;
use crate::numbers::{AtThreshold, AtTop, Difference, QualityRow, SystemMetrics};
use crate::passages::PassageIndex;
use crate::systems::System;
use crate::{EvaluationConfig, Result};

pub(crate) use attributes::{Kinds, attributes, kinds};
pub(crate) use curves::at_thresholds;
pub(crate) use groups::{bootstrap, sum};
pub(crate) use verdict::{best, verdict};
pub(crate) use whole::{ceiling, evaluated, proof};

/// R-precision at the first five: what the verdict speaks of.
pub(crate) const MAIN: Measure = Measure::RPrecision(5);

const MEASURES: [Measure; 13] = [
    MAIN,
    Measure::Recall(1),
    Measure::Recall(5),
    Measure::Recall(10),
    Measure::Recall(50),
    Measure::Recall(100),
    Measure::Precision(5),
    Measure::Precision(10),
    Measure::HitRate(1),
    Measure::HitRate(5),
    Measure::ReciprocalRank,
    Measure::AveragePrecision,
    Measure::Ndcg(10),
];

/// The measures with intervals, and those that systems are compared by.
const MAIN_MEASURES: [Measure; 4] = [
    MAIN,
    Measure::Ndcg(10),
    Measure::ReciprocalRank,
    Measure::Recall(10),
];

/// What every system is measured on.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub prepared: &'a Prepared<'a>,
    pub passages: &'a PassageIndex,
    pub kinds: &'a Kinds<'a>,
    /// Candidates kept per job.
    pub kept: usize,
    pub config: &'a EvaluationConfig,
}

impl Ground<'_> {
    /// Whether so many candidates are kept that the measure can be taken.
    fn can_take(&self, measure: Measure) -> bool {
        let cut_off = match measure {
            Measure::Precision(k)
            | Measure::Recall(k)
            | Measure::RPrecision(k)
            | Measure::HitRate(k)
            | Measure::Ndcg(k) => k,
            Measure::ReciprocalRank | Measure::AveragePrecision => 0,
        };
        cut_off <= self.kept
    }
}

/// Measures one system.
pub(crate) fn system(
    system: &System,
    pool: &Pool,
    threshold: Option<f32>,
    ground: &Ground<'_>,
) -> Result<SystemMetrics> {
    let taken = |measure: &&Measure| ground.can_take(**measure);
    let means = MEASURES
        .iter()
        .filter(taken)
        .filter_map(|measure| Some((measure.to_string(), measure.mean(pool.rankings())?)));
    let bootstrap = groups::bootstrap(ground.config);
    let mut intervals = BTreeMap::new();
    for measure in MAIN_MEASURES.iter().filter(taken) {
        let samples: Vec<(&str, f64)> = groups::by_job(pool, *measure, ground.prepared);
        if let Some(interval) = bootstrap.mean(&samples)? {
            intervals.insert(measure.to_string(), interval);
        }
    }
    let mut decided = None;
    if let Some(threshold) = threshold {
        let counts = groups::by_group(&pool.counts_at_threshold(threshold)?, ground.prepared);
        let f1 = |drawn: &[usize]| groups::sum(drawn.iter().map(|group| counts[*group])).f1();
        if let Some(interval) = bootstrap.of_statistic(counts.len(), f1)? {
            intervals.insert("f1".to_owned(), interval);
        }
        let quality = row(&pool.at_threshold(threshold)?);
        decided = Some(AtThreshold { threshold, quality });
    }
    let scored: Vec<(f32, bool)> = pool.scored().collect();
    let top_n = ground.config.top_n.iter().map(|&n| AtTop {
        n,
        quality: row(&pool.at_top(n)),
    });
    Ok(SystemMetrics {
        name: system.name.to_owned(),
        what: system.what.to_owned(),
        ranking: means.collect(),
        intervals,
        decided,
        top_n: top_n.collect(),
        pooled_average_precision: average_precision(&scored, pool.positives())?.unwrap_or(0.0),
        slices: slices::slices(pool, threshold, ground),
        recall_curve: curves::over_cut_offs(pool, ground.kept),
        curve: curves::over_thresholds(&scored, pool.positives())?,
        calibration: curves::calibration(system.name, &scored)?,
    })
}

/// The last system against each other one, on each of the main measures.
pub(crate) fn differences(
    systems: &[(&str, &Pool)],
    ground: &Ground<'_>,
) -> Result<Vec<Difference>> {
    let Some(((last, last_pool), others)) = systems.split_last() else {
        return Ok(Vec::new());
    };
    let bootstrap = groups::bootstrap(ground.config);
    let test = Randomization::new(ground.config.seed);
    let mut differences = Vec::new();
    for (other, pool) in others {
        for measure in MAIN_MEASURES.into_iter().filter(|it| ground.can_take(*it)) {
            let own = groups::by_job(last_pool, measure, ground.prepared);
            let samples: Vec<(&str, f64, f64)> = own
                .into_iter()
                .zip(groups::by_job(pool, measure, ground.prepared))
                .map(|((group, a), (_, b))| (group, a, b))
                .collect();
            let sum = samples.iter().map(|(_, a, b)| a - b).sum::<f64>();
            differences.push(Difference {
                system: (*last).to_owned(),
                with: (*other).to_owned(),
                measure: measure.to_string(),
                difference: sum / samples.len().max(1) as f64,
                interval: bootstrap.paired_difference(&samples)?,
                p_value: test.paired_difference(&samples)?.map(|found| found.p_value),
            });
        }
    }
    Ok(differences)
}

pub(crate) fn row(quality: &Quality) -> QualityRow {
    QualityRow {
        precision: quality.micro.precision(),
        recall: quality.micro.recall(),
        f1: quality.micro.f1(),
        macro_precision: quality.macro_precision,
        macro_recall: quality.macro_recall,
        macro_f1: quality.macro_f1,
        true_positives: quality.micro.true_positives,
        decided: quality.micro.decided,
        positives: quality.micro.positives,
    }
}
