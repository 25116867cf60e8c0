use std::cmp::Ordering;

use crate::order::check_finite;
use crate::{Calibrator, Error, Result};

/// Knots of an isotonic fit: scores that rise, and probabilities that never fall.
///
/// In serde's formats it is two lists of one length, `scores` and `probabilities`; anything else is refused on reading.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Knots"))]
pub struct Isotonic {
    scores: Vec<f32>,
    probabilities: Vec<f64>,
}

#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Knots {
    scores: Vec<f32>,
    probabilities: Vec<f64>,
}

#[cfg(feature = "serde")]
impl TryFrom<Knots> for Isotonic {
    type Error = Error;

    fn try_from(knots: Knots) -> Result<Self> {
        Self::new(knots.scores, knots.probabilities)
    }
}

impl Isotonic {
    /// From knots: at least one score, as many probabilities.
    ///
    /// # Errors
    /// [`Error::BadKnots`] unless the scores are finite and each is above the one before, and the probabilities lie
    /// between 0 and 1 and never fall.
    pub fn new(scores: Vec<f32>, probabilities: Vec<f64>) -> Result<Self> {
        let expected = if scores.is_empty() || scores.len() != probabilities.len() {
            "as many of both, at least one"
        } else if !scores.iter().all(|score| score.is_finite())
            || !scores.is_sorted_by(|a, b| a < b)
        {
            "finite scores, each above the one before"
        } else if !probabilities
            .iter()
            .all(|value| (0.0..=1.0).contains(value))
            || !probabilities.is_sorted()
        {
            "probabilities between 0 and 1, none below the one before"
        } else {
            return Ok(Self {
                scores,
                probabilities,
            });
        };
        Err(Error::BadKnots {
            scores: scores.len(),
            probabilities: probabilities.len(),
            expected,
        })
    }

    /// The knots' scores, rising.
    pub fn scores(&self) -> &[f32] {
        &self.scores
    }

    /// The probability at each of [`Isotonic::scores`].
    pub fn probabilities(&self) -> &[f64] {
        &self.probabilities
    }

    /// On the straight line between the two nearest knots; beyond the ends, the end's. NaN for a NaN score.
    pub(crate) fn probability(&self, score: f32) -> f64 {
        if score.is_nan() {
            return f64::NAN;
        }
        let above = self.scores.partition_point(|&knot| knot <= score);
        let (Some(below), true) = (above.checked_sub(1), above < self.scores.len()) else {
            return self.probabilities[above.min(self.scores.len() - 1)];
        };
        let [x, x0, x1] = [score, self.scores[below], self.scores[above]].map(f64::from);
        let (y0, y1) = (self.probabilities[below], self.probabilities[above]);
        // Rounding must not carry a probability beyond the knot that bounds it.
        (y0 + (y1 - y0) * ((x - x0) / (x1 - x0))).min(y1)
    }
}

/// Neighbouring scores that share a probability: the share of their examples that is relevant.
struct Block {
    lowest: f32,
    highest: f32,
    relevant: u64,
    count: u64,
}

impl Block {
    /// Without rounding, so equal shares are equal whatever counts they come from.
    fn cmp_share(&self, other: &Self) -> Ordering {
        let left = u128::from(self.relevant) * u128::from(other.count);
        left.cmp(&(u128::from(other.relevant) * u128::from(self.count)))
    }
}

impl Calibrator {
    /// Fits isotonic regression to scores and whether each is relevant, in any order: of all functions that never fall
    /// as the score rises, the one with the least squared error (Ayer and others 1955; Zadrozny and Elkan 2002).
    ///
    /// Equal scores are pooled first, then neighbours whose shares of relevant examples fall (pool adjacent violators);
    /// each pool is a flat piece from its lowest score to its highest, with straight lines in between and the end's
    /// probability beyond the ends: scikit-learn's `IsotonicRegression(out_of_bounds="clip")`. Nothing is
    /// smoothed, so the ends may be 0 and 1. Scores that fall with relevance are not turned round: they become one
    /// flat piece.
    ///
    /// # Errors
    /// [`Error::NothingToFit`] for empty input; [`Error::BadValue`] for a score that is NaN or infinite.
    pub fn fit_isotonic(scored: &[(f32, bool)]) -> Result<Self> {
        check_finite(scored)?;
        // Adding zero makes the two zeros one score.
        let mut sorted: Vec<(f32, bool)> = scored.iter().map(|&(s, r)| (s + 0.0, r)).collect();
        sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut blocks: Vec<Block> = Vec::new();
        for tied in sorted.chunk_by(|a, b| a.0 == b.0) {
            let mut block = Block {
                lowest: tied[0].0,
                highest: tied[0].0,
                relevant: tied.iter().filter(|(_, relevant)| *relevant).count() as u64,
                count: tied.len() as u64,
            };
            while let Some(before) = blocks.pop_if(|before| before.cmp_share(&block).is_ge()) {
                block.lowest = before.lowest;
                block.relevant += before.relevant;
                block.count += before.count;
            }
            blocks.push(block);
        }
        if blocks.is_empty() {
            return Err(Error::NothingToFit);
        }
        let (mut scores, mut probabilities) = (Vec::new(), Vec::new());
        for block in &blocks {
            let probability = block.relevant as f64 / block.count as f64;
            scores.push(block.lowest);
            probabilities.push(probability);
            if block.highest > block.lowest {
                scores.push(block.highest);
                probabilities.push(probability);
            }
        }
        Ok(Self::Isotonic(Isotonic {
            scores,
            probabilities,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(scored: &[(f32, bool)]) -> Isotonic {
        match Calibrator::fit_isotonic(scored).unwrap() {
            Calibrator::Isotonic(isotonic) => isotonic,
            other => panic!("not isotonic: {other:?}"),
        }
    }

    #[test]
    fn computed_by_hand() {
        // 1: none of one; 2: one of two; 3 falls to none of one, so 2 and 3 are pooled to one of three; 5: one of one.
        let scored = [
            (5.0, true),
            (2.0, true),
            (3.0, false),
            (2.0, false),
            (1.0, false),
        ];
        let isotonic = fit(&scored);
        assert_eq!(isotonic.scores(), [1.0, 2.0, 3.0, 5.0]);
        assert_eq!(isotonic.probabilities(), [0.0, 1.0 / 3.0, 1.0 / 3.0, 1.0]);
        let points = [
            (0.0, 0.0),
            (1.5, 1.0 / 6.0),
            (2.5, 1.0 / 3.0),
            (4.0, 2.0 / 3.0),
        ];
        for (score, expected) in points {
            assert!(
                (isotonic.probability(score) - expected).abs() < 1e-15,
                "{score}"
            );
        }
        assert_eq!(isotonic.probability(f32::INFINITY), 1.0);
        assert_eq!(isotonic.probability(f32::NEG_INFINITY), 0.0);
        assert!(isotonic.probability(f32::NAN).is_nan());
    }

    #[test]
    fn degenerate_sets() {
        let one = fit(&[(-0.0, true), (0.0, false)]);
        assert_eq!(
            (one.scores(), one.probabilities()),
            (&[0.0][..], &[0.5][..])
        );
        assert_eq!(one.probability(-3.0), 0.5);
        let falling = fit(&[(1.0, true), (2.0, true), (3.0, false), (4.0, false)]);
        assert_eq!(falling.scores(), [1.0, 4.0]);
        assert_eq!(falling.probabilities(), [0.5, 0.5]);
        let wide = fit(&[(f32::MIN, false), (f32::MAX, true)]);
        assert_eq!(wide.probability(0.0), 0.5);
    }

    #[test]
    fn what_cannot_be_fitted_or_read_is_refused() {
        assert!(matches!(
            Calibrator::fit_isotonic(&[]),
            Err(Error::NothingToFit)
        ));
        let error = Calibrator::fit_isotonic(&[(0.0, true), (f32::NAN, true)]).unwrap_err();
        assert!(
            error.to_string().starts_with("score at position 1"),
            "{error}"
        );
        for (scores, probabilities, expected) in [
            (vec![], vec![], "as many of both"),
            (vec![1.0], vec![0.5, 0.6], "as many of both"),
            (vec![1.0, 1.0], vec![0.5, 0.6], "finite scores"),
            (vec![f32::NAN], vec![0.5], "finite scores"),
            (vec![1.0, 2.0], vec![0.6, 0.5], "probabilities between"),
            (vec![1.0, 2.0], vec![0.6, 1.5], "probabilities between"),
            (vec![1.0], vec![f64::NAN], "probabilities between"),
        ] {
            let error = Isotonic::new(scores, probabilities)
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn knots_are_checked_on_reading() {
        let text = r#"{"isotonic":{"scores":[1.0,0.5],"probabilities":[0.1,0.2]}}"#;
        let error = serde_json::from_str::<Calibrator>(text).unwrap_err();
        assert!(
            error.to_string().contains("each above the one before"),
            "{error}"
        );
    }
}
