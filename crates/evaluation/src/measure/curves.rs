//! What a system gives over its threshold and over the cut-off, and what its scores are worth as probabilities.

use std::collections::BTreeSet;

use jobmatch_metrics::{
    Measure, Pool, brier, expected_calibration_error, reliability, threshold_curve,
};

use super::row;
use crate::Result;
use crate::numbers::{AtThreshold, Calibration, CurveRow, RecallAt};
use crate::systems::name;

/// Points of a curve in `metrics.json`, at most.
const CURVE_POINTS: usize = 100;

/// Cut-offs of the curve of recall; the number of candidates kept is the last one.
const CUT_OFFS: [usize; 8] = [1, 2, 3, 5, 10, 20, 50, 100];

/// Bins of a reliability diagram.
const BINS: usize = 10;

/// Some points of precision and recall over the scores.
pub(super) fn over_thresholds(scored: &[(f32, bool)], positives: usize) -> Result<Vec<CurveRow>> {
    let points = threshold_curve(scored, positives)?;
    let row = |place: usize| CurveRow {
        threshold: points[place].threshold,
        precision: points[place].counts.precision(),
        recall: points[place].counts.recall(),
        f1: points[place].counts.f1(),
    };
    Ok(sampled(points.len()).into_iter().map(row).collect())
}

/// Recall at each cut-off up to the number of candidates kept.
pub(super) fn over_cut_offs(pool: &Pool, kept: usize) -> Vec<RecallAt> {
    let cut_offs = CUT_OFFS.iter().copied().filter(|k| *k < kept);
    let at = |k: usize| {
        let recall = Measure::Recall(k).mean(pool.rankings())?;
        Some(RecallAt { k, recall })
    };
    cut_offs.chain([kept]).filter_map(at).collect()
}

/// What the scores are worth as probabilities; `None` for a system whose scores are none, and without candidates.
pub(super) fn calibration(system: &str, scored: &[(f32, bool)]) -> Result<Option<Calibration>> {
    if !matches!(
        system,
        name::BI_ENCODER | name::CROSS_ENCODER | name::TWO_STAGE
    ) {
        return Ok(None);
    }
    let predictions: Vec<(f64, bool)> = scored
        .iter()
        .map(|(score, relevant)| (f64::from(*score), *relevant))
        .collect();
    let (Some(brier), Some(expected_calibration_error)) = (
        brier(&predictions)?,
        expected_calibration_error(&predictions, BINS)?,
    ) else {
        return Ok(None);
    };
    Ok(Some(Calibration {
        brier,
        expected_calibration_error,
        bins: reliability(&predictions, BINS)?,
    }))
}

/// Quality at each of some thresholds.
pub(crate) fn at_thresholds(pool: &Pool, thresholds: &[f32]) -> Result<Vec<AtThreshold>> {
    let at = |&threshold: &f32| {
        let quality = row(&pool.at_threshold(threshold)?);
        Ok(AtThreshold { threshold, quality })
    };
    thresholds.iter().map(at).collect()
}

/// Places of at most [`CURVE_POINTS`] of `count` points: the first and the last, and denser towards the first, where the
/// scores are that matter.
fn sampled(count: usize) -> BTreeSet<usize> {
    if count <= CURVE_POINTS {
        return (0..count).collect();
    }
    let last = (CURVE_POINTS - 1) as f64;
    (0..CURVE_POINTS)
        .map(|point| ((point as f64 / last).powi(2) * (count - 1) as f64).round() as usize)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sampled_points_hold_both_ends_and_are_few() {
        assert_eq!(sampled(3).into_iter().collect::<Vec<_>>(), [0, 1, 2]);
        let many = sampled(100_000);
        assert!(many.len() <= CURVE_POINTS && many.len() > CURVE_POINTS / 2);
        assert_eq!((many.first(), many.last()), (Some(&0), Some(&99_999)));
    }

    #[test]
    fn only_models_give_probabilities() {
        let scored = [(0.8, true), (0.2, false)];
        assert_eq!(calibration(name::BM25, &[(31.5, true)]).unwrap(), None);
        assert_eq!(calibration(name::BI_ENCODER, &[]).unwrap(), None);
        let found = calibration(name::BI_ENCODER, &scored).unwrap().unwrap();
        assert!((found.brier - 0.04).abs() < 1e-7, "{found:?}");
        assert!((found.expected_calibration_error - 0.2).abs() < 1e-7);
        assert_eq!(found.bins.len(), 2);
        assert!(calibration(name::BI_ENCODER, &[(1.5, true)]).is_err());
    }
}
