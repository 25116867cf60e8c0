//! Choosing the decision on dev: calibrators, the bi-encoder's share, the threshold.

use std::collections::BTreeMap;

use jobmatch_metrics::{Calibrator, Measure, Pool, best_f1, threshold_curve};
use jobmatch_records::Split;
use serde::{Deserialize, Serialize};

use crate::config::RetrievalSettings;
use crate::decision::{Aggregation, Decision, Promise, blend};
use crate::inputs::Prepared;
use crate::passages::PassageIndex;
use crate::retrieve::Candidate;
use crate::systems::{System, pool};
use crate::{EvaluationConfig, Result, promises};

/// What `alpha` maximizes: graded and by rank, so it is smoother over few jobs than a measure of the first five.
const ALPHA_MEASURE: Measure = Measure::Ndcg(10);
/// `alpha` is tried from 0 to 1 in this many steps.
const ALPHA_STEPS: u32 = 20;
/// Gains under this are rounding.
const NO_GAIN: f64 = 1e-12;

/// What one share of the bi-encoder gave on dev.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AlphaPoint {
    /// The bi-encoder's share.
    pub alpha: f64,
    /// Mean nDCG@10.
    pub ndcg_at_10: f64,
}

/// Everything of a decision but its thresholds, which need the systems that it makes.
pub(crate) fn scoring(
    prepared: &Prepared<'_>,
    passages: &PassageIndex,
    candidates: &[Vec<Candidate>],
    retrieval: RetrievalSettings,
    models: (&str, Option<&str>),
    split: Split,
) -> Result<(Decision, Vec<AlphaPoint>)> {
    let judged = |job: usize, found: &Candidate| prepared.grade(job, found.row) > 0;
    let mut by_cosine = Vec::new();
    let mut by_cross = Vec::new();
    for (job, list) in candidates.iter().enumerate() {
        by_cosine.extend(list.iter().map(|found| (found.bi, judged(job, found))));
        by_cross.extend(
            list.iter()
                .filter_map(|found| Some((found.cross?, judged(job, found)))),
        );
    }
    let bi_calibrator = rising("bi-encoder", &by_cosine)?;
    let cross_calibrator = match models.1 {
        Some(_) => Some(rising("cross-encoder", &by_cross)?),
        None => None,
    };

    let mut alpha = 1.0;
    let mut points = Vec::new();
    if let Some(cross) = &cross_calibrator {
        let mut best = f64::NEG_INFINITY;
        // Downwards, and only a real gain moves it: among equals the bi-encoder alone is the cheaper one.
        for step in (0..=ALPHA_STEPS).rev() {
            let tried = f64::from(step) / f64::from(ALPHA_STEPS);
            let scores: Vec<Vec<(u32, f32)>> = candidates
                .iter()
                .map(|list| {
                    let pairs: Vec<_> = list.iter().map(|found| (found.bi, found.cross)).collect();
                    let scores = blend(tried, &bi_calibrator, Some(cross), &pairs);
                    list.iter().map(|found| found.row).zip(scores).collect()
                })
                .collect();
            let pool = pool(&scores, prepared, passages)?;
            let value = ALPHA_MEASURE.mean(pool.rankings()).unwrap_or(0.0);
            points.push(AlphaPoint {
                alpha: tried,
                ndcg_at_10: value,
            });
            if value > best + NO_GAIN {
                (best, alpha) = (value, tried);
            }
        }
        points.reverse();
    }
    let decision = Decision {
        schema_version: Decision::SCHEMA_VERSION,
        retrieval,
        aggregation: Aggregation::Max,
        alpha,
        bi_calibrator,
        cross_calibrator,
        threshold: 0.0,
        system_thresholds: BTreeMap::new(),
        recall_promises: Vec::new(),
        promise: Promise {
            split,
            part: part(prepared),
            jobs: prepared.jobs.len(),
            positives: 0,
            alpha_rule: match models.1 {
                Some(_) => format!(
                    "highest mean {ALPHA_MEASURE} over 0, 0.05 to 1; among equals the highest alpha"
                ),
                None => "1: there is no cross-encoder".to_owned(),
            },
            threshold_rule: String::new(),
            precision: 0.0,
            recall: 0.0,
            f1: 0.0,
        },
        bi_encoder: models.0.to_owned(),
        cross_encoder: models.1.map(str::to_owned),
    };
    Ok((decision, points))
}

fn part(prepared: &Prepared<'_>) -> String {
    let mut part = match prepared.set_aside {
        0 => "all its jobs".to_owned(),
        aside => format!(
            "the calibration half by group; {aside} jobs of the other half are for selecting models"
        ),
    };
    if prepared.left_out > 0 {
        part.push_str(&format!(
            "; {} more jobs left out by the limit",
            prepared.left_out
        ));
    }
    part
}

/// Fills in the thresholds: for each system the one with the best micro F1. The last system is the one decided with: when the settings
/// ask for a recall, its threshold is the one that promises it.
pub(crate) fn thresholds(
    decision: &mut Decision,
    systems: &[System],
    prepared: &Prepared<'_>,
    passages: &PassageIndex,
    config: &EvaluationConfig,
) -> Result<()> {
    let Some((last, others)) = systems.split_last() else {
        return Ok(());
    };
    for system in others {
        let pool = system.pool(prepared, passages)?;
        let threshold = best_threshold(&pool)?;
        decision
            .system_thresholds
            .insert(system.name.to_owned(), threshold);
    }
    let pool = last.pool(prepared, passages)?;
    let promised = promises::deciding(&pool, prepared, config)?;
    decision.threshold = match promised {
        Some(threshold) => threshold,
        None => best_threshold(&pool)?,
    };
    decision
        .system_thresholds
        .insert(last.name.to_owned(), decision.threshold);
    decision.recall_promises = promises::choose(&pool, prepared, config)?;
    let counts = pool.at_threshold(decision.threshold)?.micro;
    let promise = &mut decision.promise;
    promise.threshold_rule = match config.promise_recall {
        Some(recall) => format!(
            "the highest that promises a recall of {recall} of a new group of jobs, at a confidence of {}",
            config.promise_confidence
        ),
        None => "highest micro F1 over all scores; among equals the highest threshold".to_owned(),
    };
    promise.positives = counts.positives;
    (promise.precision, promise.recall, promise.f1) =
        (counts.precision(), counts.recall(), counts.f1());
    Ok(())
}

/// The threshold with the best micro F1. A system that found nothing can be given any.
fn best_threshold(pool: &Pool) -> Result<f32> {
    let scored: Vec<(f32, bool)> = pool.scored().collect();
    let points = threshold_curve(&scored, pool.positives())?;
    Ok(best_f1(&points).map_or(0.0, |best| best.threshold))
}

/// Platt scaling that never turns an order round. Scores that fall with relevance on dev belong to a model that does not
/// suit the data; turning them round would hide that, so they keep their order and the share of positives.
fn rising(model: &str, scored: &[(f32, bool)]) -> Result<Calibrator> {
    let fitted = Calibrator::fit_platt(scored)?;
    let Calibrator::Platt { slope, .. } = fitted else {
        return Ok(fitted);
    };
    if slope >= 0.0 {
        return Ok(fitted);
    }
    tracing::warn!(
        model,
        slope,
        "on dev the model's scores fall with relevance: it does not suit these data"
    );
    let count = scored.len() as f64;
    let positives = scored.iter().filter(|(_, positive)| *positive).count() as f64;
    let mut scores: Vec<f32> = scored.iter().map(|(score, _)| *score).collect();
    scores.sort_unstable_by(f32::total_cmp);
    let mean = scores.iter().copied().map(f64::from).sum::<f64>() / count;
    let log_odds = ((positives + 1.0) / (count - positives + 1.0)).ln();
    Ok(Calibrator::Platt {
        slope: 1.0,
        intercept: log_odds - mean,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calibration_never_turns_an_order_round() {
        let right = [
            (0.1, false),
            (0.2, false),
            (0.8, true),
            (0.9, true),
            (0.5, false),
        ];
        let wrong = [
            (0.1, true),
            (0.2, true),
            (0.8, false),
            (0.9, false),
            (0.5, false),
        ];
        for scored in [right, wrong] {
            let calibrator = rising("toy", &scored).unwrap();
            assert!(calibrator.probability(0.9) > calibrator.probability(0.1));
        }
        let flat = rising("toy", &[(0.5, true), (0.5, false)]).unwrap();
        assert_eq!(flat.probability(0.9), flat.probability(0.1));
        assert!(rising("toy", &[]).is_err());
    }
}
