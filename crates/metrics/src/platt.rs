use crate::order::{Sum, check_finite};
use crate::{Calibrator, Error, Result};

impl Calibrator {
    /// Fits Platt scaling to scores and whether each is relevant, in any order: the order changes nothing, not in the
    /// last bit.
    ///
    /// Minimizes the cross-entropy between the probabilities and Platt's softened targets, (N₊ + 1) / (N₊ + 2) for
    /// relevant examples and 1 / (N₋ + 2) for others, which keep the fit finite when the classes are perfectly
    /// separated or one is missing. Newton's method with backtracking, on standardized scores. When all scores are
    /// equal the slope is 0.
    ///
    /// Platt 1999, "Probabilistic outputs for support vector machines"; Lin, Lin and Weng 2007, "A note on Platt's
    /// probabilistic outputs for support vector machines", whose numerically stable forms are used here.
    ///
    /// # Errors
    /// [`Error::NothingToFit`] for empty input; [`Error::BadValue`] for a score that is NaN or infinite;
    /// [`Error::NotConverged`].
    pub fn fit_platt(scored: &[(f32, bool)]) -> Result<Self> {
        if scored.is_empty() {
            return Err(Error::NothingToFit);
        }
        check_finite(scored)?;
        let mut sorted = scored.to_vec();
        sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let count = sorted.len() as f64;
        let relevant = sorted.iter().filter(|(_, relevant)| *relevant).count() as f64;
        let high = (relevant + 1.0) / (relevant + 2.0);
        let low = 1.0 / (count - relevant + 2.0);
        let mean = sum(&sorted, |&(score, _)| f64::from(score)) / count;
        let square = |&(score, _): &(f32, bool)| (f64::from(score) - mean).powi(2);
        let deviation = (sum(&sorted, square) / count).sqrt();
        if sorted[0].0 == sorted[sorted.len() - 1].0 || deviation == 0.0 {
            let target = (relevant * high + (count - relevant) * low) / count;
            return Ok(Self::Platt {
                slope: 0.0,
                intercept: (target / (1.0 - target)).ln(),
            });
        }
        let examples: Vec<Example> = sorted
            .iter()
            .map(|&(score, relevant)| Example {
                score: (f64::from(score) - mean) / deviation,
                target: if relevant { high } else { low },
            })
            .collect();
        let prior = ((relevant + 1.0) / (count - relevant + 1.0)).ln();
        let (slope, intercept) = newton(&examples, prior)?;
        Ok(Self::Platt {
            slope: slope / deviation,
            intercept: intercept - slope * mean / deviation,
        })
    }
}

/// A standardized score and the softened target.
struct Example {
    score: f64,
    target: f64,
}

/// Steps after which a fit that still moves is given up; usual fits take under ten.
const MAX_STEPS: usize = 100;
/// The largest entry of the mean gradient at which a fit is done.
const DONE: f64 = 1e-13;
/// The same where rounding lets no step improve any more.
const GOOD_ENOUGH: f64 = 1e-7;

/// The slope and intercept that minimize the mean cross-entropy.
fn newton(examples: &[Example], prior: f64) -> Result<(f64, f64)> {
    let count = examples.len() as f64;
    let (mut slope, mut intercept) = (0.0, prior);
    let mut loss = cross_entropy(examples, slope, intercept);
    let mut largest = f64::INFINITY;
    for _ in 0..MAX_STEPS {
        let mut gradient = [Sum::default(); 2];
        let mut hessian = [Sum::default(); 3];
        for Example { score, target } in examples {
            let log_odds = slope * score + intercept;
            let probability = logistic(log_odds);
            let error = probability - target;
            // p (1 - p) without the cancellation in 1 - p.
            let weight = probability * logistic(-log_odds);
            gradient[0].add(error * score);
            gradient[1].add(error);
            hessian[0].add(weight * score * score);
            hessian[1].add(weight * score);
            hessian[2].add(weight);
        }
        let [g_slope, g_intercept] = gradient.map(|sum| sum.value() / count);
        // The ridge of Lin and others keeps the matrix positive definite.
        let ridge = 1e-12;
        let [ss, si, ii] = hessian.map(|sum| sum.value() / count);
        let (ss, ii) = (ss + ridge, ii + ridge);
        largest = g_slope.abs().max(g_intercept.abs());
        if largest < DONE {
            return Ok((slope, intercept));
        }
        let determinant = ss * ii - si * si;
        let d_slope = -(ii * g_slope - si * g_intercept) / determinant;
        let d_intercept = -(ss * g_intercept - si * g_slope) / determinant;
        let descent = g_slope * d_slope + g_intercept * d_intercept;
        let mut step = 1.0;
        loop {
            let (next_slope, next_intercept) =
                (slope + step * d_slope, intercept + step * d_intercept);
            let next = cross_entropy(examples, next_slope, next_intercept);
            if next < loss + 1e-4 * step * descent {
                (slope, intercept, loss) = (next_slope, next_intercept, next);
                break;
            }
            step /= 2.0;
            if step < 1e-10 {
                // Near the minimum the loss is flat to the last bit: the full Newton step is then the better end.
                if largest < GOOD_ENOUGH {
                    return Ok((slope + d_slope, intercept + d_intercept));
                }
                return Err(Error::NotConverged {
                    iterations: MAX_STEPS,
                    gradient: largest,
                });
            }
        }
    }
    if largest < GOOD_ENOUGH {
        return Ok((slope, intercept));
    }
    Err(Error::NotConverged {
        iterations: MAX_STEPS,
        gradient: largest,
    })
}

/// Mean of -(t ln p + (1 - t) ln(1 - p)), in the form that neither overflows nor cancels.
fn cross_entropy(examples: &[Example], slope: f64, intercept: f64) -> f64 {
    let total: Sum = examples
        .iter()
        .map(|Example { score, target }| {
            let log_odds = slope * score + intercept;
            log_odds.max(0.0) - target * log_odds + (-log_odds.abs()).exp().ln_1p()
        })
        .collect();
    total.value() / examples.len() as f64
}

pub(crate) fn logistic(log_odds: f64) -> f64 {
    if log_odds >= 0.0 {
        1.0 / (1.0 + (-log_odds).exp())
    } else {
        let odds = log_odds.exp();
        odds / (1.0 + odds)
    }
}

fn sum<T>(values: &[T], of: impl Fn(&T) -> f64) -> f64 {
    values.iter().map(of).collect::<Sum>().value()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(scored: &[(f32, bool)]) -> (f64, f64) {
        match Calibrator::fit_platt(scored).unwrap() {
            Calibrator::Platt { slope, intercept } => (slope, intercept),
            other => panic!("not Platt scaling: {other:?}"),
        }
    }

    #[test]
    fn two_scores_meet_their_targets() {
        // With two distinct scores the fit goes through the mean target of each: of the 6 at 1.0, 4 are relevant
        // (target 6/7 each, others 1/5), of the 2 at -1.0 one.
        let mut scored = vec![(1.0, true); 4];
        scored.extend([(1.0, false), (1.0, false), (-1.0, true), (-1.0, false)]);
        let calibrator = Calibrator::fit_platt(&scored).unwrap();
        let (high, low) = (6.0 / 7.0, 1.0 / 5.0);
        let upper = (4.0 * high + 2.0 * low) / 6.0;
        let lower = (high + low) / 2.0;
        assert!((calibrator.probability(1.0) - upper).abs() < 1e-12);
        assert!((calibrator.probability(-1.0) - lower).abs() < 1e-12);
    }

    #[test]
    fn degenerate_sets_have_finite_fits() {
        let (slope, intercept) = fit(&[(3.0, true), (3.0, false)]);
        assert_eq!(slope, 0.0);
        assert!(intercept.abs() < 1e-12);
        let (slope, intercept) = fit(&[(1.0, true), (2.0, true)]);
        assert!(slope.abs() < 1e-9 && (intercept - 3f64.ln()).abs() < 1e-9);
        let (slope, _) = fit(&[(-1.0, false), (-2.0, false), (5.0, true), (6.0, true)]);
        assert!(slope.is_finite() && slope > 0.0);
        let (slope, _) = fit(&[(1e-40, false), (2e-40, true)]);
        assert!(slope.is_finite() && slope > 0.0);
        let (slope, _) = fit(&[(-3e38, true), (3e38, false), (0.0, true)]);
        assert!(slope.is_finite() && slope < 0.0);
        let flat = Calibrator::Platt {
            slope: 0.0,
            intercept: 0.0,
        };
        assert_eq!(flat.probability(f32::INFINITY), 0.5);
    }

    #[test]
    fn what_cannot_be_fitted_is_refused() {
        assert!(matches!(
            Calibrator::fit_platt(&[]),
            Err(Error::NothingToFit)
        ));
        for bad in [f32::NAN, f32::INFINITY] {
            let error = Calibrator::fit_platt(&[(0.0, true), (bad, true)]).unwrap_err();
            assert!(
                error.to_string().starts_with("score at position 1"),
                "{error}"
            );
        }
    }
}
