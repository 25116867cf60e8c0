//! Decisions over one pooled set of scored pairs.

use crate::order::{Sum, checked_score, descending};
use crate::{Counts, Error, Result};

/// What is decided at one threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CurvePoint {
    /// Everything with a score of this or more is decided yes.
    pub threshold: f32,
    /// What that gets right.
    pub counts: Counts,
}

/// Precision, recall and F1 at every distinct score, highest first, in one sorted pass.
///
/// `scored` holds a score and whether it is relevant for every retrieved pair, in any order; `total_positives` counts
/// every relevant pair, so those that retrieval never returned are misses at every threshold. Empty input gives no
/// points.
///
/// # Errors
/// [`Error::BadValue`] for a NaN score; [`Error::TooManyRelevant`] when more are relevant than there are positives.
pub fn threshold_curve(scored: &[(f32, bool)], total_positives: usize) -> Result<Vec<CurvePoint>> {
    let mut sorted = Vec::with_capacity(scored.len());
    for (index, &(score, relevant)) in scored.iter().enumerate() {
        sorted.push((checked_score(index, score)?, relevant));
    }
    let found = sorted.iter().filter(|(_, relevant)| *relevant).count();
    if found > total_positives {
        return Err(Error::TooManyRelevant {
            found,
            total: total_positives,
        });
    }
    sorted.sort_unstable_by(|a, b| descending(a.0, b.0));
    let mut counts = Counts {
        positives: total_positives as u64,
        ..Counts::default()
    };
    let tied = sorted.chunk_by(|a, b| a.0 == b.0);
    Ok(tied
        .map(|tied| {
            counts.decided += tied.len() as u64;
            counts.true_positives += tied.iter().filter(|(_, relevant)| *relevant).count() as u64;
            CurvePoint {
                threshold: tied[0].0,
                counts,
            }
        })
        .collect())
}

/// The point with the best F1; among equals the one with the highest threshold, so the one that decides the least.
/// `None` without points. When no point has a hit, that is the first one, with an F1 of 0.
pub fn best_f1(points: &[CurvePoint]) -> Option<CurvePoint> {
    points.iter().copied().reduce(|best, point| {
        let better = point
            .counts
            .cmp_f1(&best.counts)
            .then(descending(point.threshold, best.threshold).reverse());
        if better.is_gt() { point } else { best }
    })
}

/// Average precision over the pooled set: Σ over the distinct scores n, highest first, of (R_n - R_(n-1)) · P_n, with
/// precision P and recall R when everything down to that score is decided yes. Tied scores are one step, so their order
/// earns nothing. It equals scikit-learn's `average_precision_score` when every positive was retrieved; those that
/// were not count as never found.
///
/// `None` when there are no positives; 0 when there are but nothing was retrieved.
///
/// # Errors
/// As [`threshold_curve`].
pub fn average_precision(scored: &[(f32, bool)], total_positives: usize) -> Result<Option<f64>> {
    let points = threshold_curve(scored, total_positives)?;
    if total_positives == 0 {
        return Ok(None);
    }
    let mut before = 0;
    let steps = points.iter().map(|CurvePoint { counts, .. }| {
        let gained = counts.true_positives - before;
        before = counts.true_positives;
        gained as f64 * counts.precision()
    });
    Ok(Some(
        steps.collect::<Sum>().value() / total_positives as f64,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two tied at 0.8, one of them relevant; one positive was never retrieved.
    const SCORED: [(f32, bool); 5] = [
        (0.3, true),
        (0.8, false),
        (0.9, true),
        (0.8, true),
        (0.1, false),
    ];

    #[test]
    fn computed_by_hand() {
        let points = threshold_curve(&SCORED, 4).unwrap();
        let rows: Vec<_> = points
            .iter()
            .map(|p| (p.threshold, p.counts.true_positives, p.counts.decided))
            .collect();
        assert_eq!(rows, [(0.9, 1, 1), (0.8, 2, 3), (0.3, 3, 4), (0.1, 3, 5)]);
        assert_eq!(best_f1(&points).unwrap().threshold, 0.3);
        let expected = (1.0 + 2.0 / 3.0 + 3.0 / 4.0) / 4.0;
        let value = average_precision(&SCORED, 4).unwrap().unwrap();
        assert!((value - expected).abs() < 1e-15);
    }

    #[test]
    fn among_equal_f1_the_highest_threshold() {
        // F1 is 2/4 at 0.9 and 4/8 at 0.5.
        let mut scored = vec![(0.9, true), (0.5, true)];
        scored.extend([(0.5, false); 3]);
        let points = threshold_curve(&scored, 3).unwrap();
        assert_eq!(points[0].counts.f1(), points[1].counts.f1());
        assert_eq!(best_f1(&points).unwrap().threshold, 0.9);
        let reversed: Vec<_> = points.into_iter().rev().collect();
        assert_eq!(best_f1(&reversed).unwrap().threshold, 0.9);
    }

    #[test]
    fn edges() {
        assert!(threshold_curve(&[], 3).unwrap().is_empty());
        assert_eq!(best_f1(&[]), None);
        assert_eq!(average_precision(&[], 3).unwrap(), Some(0.0));
        assert_eq!(average_precision(&[(0.5, false)], 0).unwrap(), None);
        let zeros = threshold_curve(&[(0.0, true), (-0.0, false)], 1).unwrap();
        assert_eq!(zeros.len(), 1);
        let nan = threshold_curve(&[(0.0, true), (f32::NAN, false)], 1).unwrap_err();
        assert_eq!(
            nan.to_string(),
            "score at position 1 is NaN, expected a number"
        );
        let many = threshold_curve(&[(0.0, true)], 0).unwrap_err();
        assert!(many.to_string().starts_with("1 relevant entries"), "{many}");
    }
}
