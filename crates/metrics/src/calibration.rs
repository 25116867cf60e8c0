//! How well probabilities say what happens.

use crate::order::Sum;
use crate::{Error, Result};

/// One interval of probabilities and what happened to the examples in it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ReliabilityBin {
    /// The interval's lower end, not included (0 is, in the first interval).
    pub lower: f64,
    /// The interval's upper end, included.
    pub upper: f64,
    /// How many examples fall into it; at least 1.
    pub count: u64,
    /// Their mean probability.
    pub mean_probability: f64,
    /// The share of them that is relevant.
    pub observed: f64,
}

/// The Brier score: the mean of (probability - outcome)², outcome 1 or 0 (Brier 1950; scikit-learn's
/// `brier_score_loss`). 0 is perfect, 0.25 is what a constant 0.5 gets. `None` for empty input.
///
/// # Errors
/// [`Error::BadValue`] for a probability that is not between 0 and 1.
pub fn brier(predictions: &[(f64, bool)]) -> Result<Option<f64>> {
    check(predictions)?;
    let squares = predictions.iter().map(|&(probability, relevant)| {
        let error = probability - outcome(relevant);
        error * error
    });
    let sum: Sum = squares.collect();
    Ok((!predictions.is_empty()).then(|| sum.value() / predictions.len() as f64))
}

/// The reliability diagram: `bins` intervals of equal width, those without examples left out.
///
/// Interval i of M holds the probabilities in (i / M, (i + 1) / M], the first one 0 as well (Guo and others 2017).
///
/// # Errors
/// [`Error::BadValue`] for a probability that is not between 0 and 1; [`Error::BadSetting`] for 0 bins.
pub fn reliability(predictions: &[(f64, bool)], bins: usize) -> Result<Vec<ReliabilityBin>> {
    check(predictions)?;
    if bins == 0 {
        return Err(Error::BadSetting {
            setting: "bins",
            value: bins.to_string(),
            expected: "1 or more",
        });
    }
    let edge = |i: usize| i as f64 / bins as f64;
    // Sorted, the intervals are slices; and the sums do not depend on the order of the input.
    let mut sorted = predictions.to_vec();
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut rest = sorted.as_slice();
    let mut found = Vec::new();
    while let Some(&(first, _)) = rest.first() {
        // The arithmetic is right up to rounding; the comparisons with the very edges decide.
        let mut bin = ((first * bins as f64).ceil() as usize)
            .saturating_sub(1)
            .min(bins - 1);
        while bin > 0 && first <= edge(bin) {
            bin -= 1;
        }
        while bin + 1 < bins && first > edge(bin + 1) {
            bin += 1;
        }
        let upper = if bin + 1 == bins { 1.0 } else { edge(bin + 1) };
        let (inside, above) =
            rest.split_at(rest.partition_point(|&(probability, _)| probability <= upper));
        rest = above;
        let sum: Sum = inside.iter().map(|&(probability, _)| probability).collect();
        let relevant = inside.iter().filter(|(_, relevant)| *relevant).count();
        found.push(ReliabilityBin {
            lower: edge(bin),
            upper,
            count: inside.len() as u64,
            mean_probability: sum.value() / inside.len() as f64,
            observed: relevant as f64 / inside.len() as f64,
        });
    }
    Ok(found)
}

/// The expected calibration error: Σ over the intervals of [`reliability`] of (count / all) · |observed - mean
/// probability| (Naeini and others 2015). `None` for empty input.
///
/// # Errors
/// As [`reliability`].
pub fn expected_calibration_error(predictions: &[(f64, bool)], bins: usize) -> Result<Option<f64>> {
    let bins = reliability(predictions, bins)?;
    let gaps = bins
        .iter()
        .map(|bin| bin.count as f64 * (bin.observed - bin.mean_probability).abs());
    let sum: Sum = gaps.collect();
    Ok((!predictions.is_empty()).then(|| sum.value() / predictions.len() as f64))
}

fn outcome(relevant: bool) -> f64 {
    if relevant { 1.0 } else { 0.0 }
}

fn check(predictions: &[(f64, bool)]) -> Result<()> {
    let bad = |&(_, &(probability, _)): &(usize, &(f64, bool))| !(0.0..=1.0).contains(&probability);
    match predictions.iter().enumerate().find(bad) {
        Some((index, &(value, _))) => Err(Error::BadValue {
            what: "probability",
            index,
            value,
            expected: "a number between 0 and 1",
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computed_by_hand() {
        let predictions = [
            (0.9, true),
            (0.6, false),
            (0.6, true),
            (0.0, false),
            (1.0, true),
        ];
        let value = brier(&predictions).unwrap().unwrap();
        assert!((value - (0.01 + 0.36 + 0.16) / 5.0).abs() < 1e-15);
        let bins = reliability(&predictions, 2).unwrap();
        let rows: Vec<_> = bins
            .iter()
            .map(|b| (b.lower, b.upper, b.count, b.observed))
            .collect();
        assert_eq!(rows, [(0.0, 0.5, 1, 0.0), (0.5, 1.0, 4, 0.75)]);
        let error = expected_calibration_error(&predictions, 2)
            .unwrap()
            .unwrap();
        assert!((error - 4.0 / 5.0 * (3.1 / 4.0 - 0.75)).abs() < 1e-15);
    }

    #[test]
    fn an_edge_belongs_to_the_interval_below() {
        for bins in 1..60usize {
            for i in 0..=bins {
                let edge = i as f64 / bins as f64;
                let found = reliability(&[(edge, true)], bins).unwrap()[0];
                assert_eq!(found.upper, i.max(1) as f64 / bins as f64, "{i} of {bins}");
            }
        }
    }

    #[test]
    fn edges() {
        assert_eq!(brier(&[]).unwrap(), None);
        assert_eq!(expected_calibration_error(&[], 10).unwrap(), None);
        assert!(expected_calibration_error(&[], 0).is_err());
        for bad in [f64::NAN, -0.1, 1.1, f64::INFINITY] {
            let error = brier(&[(0.5, true), (bad, true)]).unwrap_err().to_string();
            assert!(error.starts_with("probability at position 1"), "{error}");
        }
    }
}
