//! The one order of scores, and sums that do not drift.

use std::cmp::Ordering;

use crate::{Error, Result};

/// Highest first. Scores are checked for NaN before they come here.
pub(crate) fn descending(a: f32, b: f32) -> Ordering {
    b.partial_cmp(&a).unwrap_or(Ordering::Equal)
}

/// A number that falls as the score rises, for a score that is neither NaN nor `-0.0`.
pub(crate) fn descending_key(score: f32) -> u32 {
    let bits = score.to_bits();
    // The bits of positive numbers rise with them; those of negative ones, sign bit set, fall as they rise.
    if score < 0.0 {
        bits
    } else {
        !bits & (u32::MAX >> 1)
    }
}

/// The score with `-0.0` as `0.0`, so that equal scores are equal bytes, or an error when it is NaN.
pub(crate) fn checked_score(index: usize, score: f32) -> Result<f32> {
    if score.is_nan() {
        return Err(Error::BadValue {
            what: "score",
            index,
            value: f64::from(score),
            expected: "a number",
        });
    }
    Ok(score + 0.0)
}

/// Refuses scores that nothing can be fitted to.
pub(crate) fn check_finite(scored: &[(f32, bool)]) -> Result<()> {
    let bad = |&(_, &(score, _)): &(usize, &(f32, bool))| !score.is_finite();
    match scored.iter().enumerate().find(bad) {
        Some((index, &(score, _))) => Err(Error::BadValue {
            what: "score",
            index,
            value: f64::from(score),
            expected: "a finite number",
        }),
        None => Ok(()),
    }
}

/// `numerator / denominator`, and 0 for a denominator of 0 (scikit-learn's `zero_division=0`).
pub(crate) fn ratio(numerator: u64, denominator: u64) -> f64 {
    if denominator == 0 {
        0.0
    } else {
        numerator as f64 / denominator as f64
    }
}

/// A running sum with a correction term (Neumaier's variant of Kahan's sum, 1974): millions of additions and
/// subtractions leave an error near one rounding, not near millions of them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    total: f64,
    correction: f64,
}

impl Sum {
    pub(crate) fn add(&mut self, value: f64) {
        let total = self.total + value;
        self.correction += if self.total.abs() >= value.abs() {
            (self.total - total) + value
        } else {
            (value - total) + self.total
        };
        self.total = total;
    }

    pub(crate) fn value(self) -> f64 {
        self.total + self.correction
    }
}

impl FromIterator<f64> for Sum {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut sum = Sum::default();
        for value in values {
            sum.add(value);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_parts_survive_large_ones() {
        let sum: Sum = [1.0, 1e100, 1.0, -1e100].into_iter().collect();
        assert_eq!(sum.value(), 2.0);
    }

    #[test]
    fn zeros_become_one_zero() {
        assert_eq!(checked_score(0, -0.0).unwrap().to_bits(), 0.0f32.to_bits());
        assert!(
            checked_score(3, f32::NAN)
                .unwrap_err()
                .to_string()
                .contains("position 3")
        );
    }

    #[test]
    fn keys_fall_as_scores_rise() {
        let scores = [
            f32::INFINITY,
            f32::MAX,
            1.5,
            1.0,
            1e-45,
            0.0,
            -1e-45,
            -1.0,
            -1.5,
            f32::MIN,
            f32::NEG_INFINITY,
        ];
        assert!(
            scores
                .windows(2)
                .all(|pair| descending_key(pair[0]) < descending_key(pair[1]))
        );
    }
}
