use crate::Isotonic;
use crate::platt::logistic;

/// Turns scores into probabilities. Fitted on one part of the data, applied to others.
///
/// Platt scaling has two numbers and does with few examples; isotonic regression follows any rising shape and wants
/// many, a thousand or more (Niculescu-Mizil and Caruana 2005, "Predicting good probabilities with supervised
/// learning").
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Calibrator {
    /// Platt scaling: probability = 1 / (1 + exp(-(slope · score + intercept))).
    Platt {
        /// How steeply the probability rises with the score; -A in Platt's notation.
        slope: f64,
        /// The log-odds at a score of 0; -B in Platt's notation.
        intercept: f64,
    },
    /// Isotonic regression: straight lines between knots that never fall.
    Isotonic(Isotonic),
}

impl Calibrator {
    /// The probability that a pair with this score is relevant, between 0 and 1. NaN for a NaN score.
    pub fn probability(&self, score: f32) -> f64 {
        match self {
            // A slope of 0 says nothing by the score, an infinite one included.
            Self::Platt {
                slope: 0.0,
                intercept,
            } => logistic(*intercept),
            Self::Platt { slope, intercept } => logistic(slope * f64::from(score) + intercept),
            Self::Isotonic(isotonic) => isotonic.probability(score),
        }
    }
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;

    const SCORED: [(f32, bool); 4] = [(1.0, true), (0.5, false), (0.7, true), (0.1, false)];

    #[test]
    fn a_calibrator_comes_back_from_json() {
        let calibrator = Calibrator::fit_platt(&SCORED).unwrap();
        let text = serde_json::to_string(&calibrator).unwrap();
        assert!(text.starts_with(r#"{"platt":{"slope":"#), "{text}");
        let back: Calibrator = serde_json::from_str(&text).unwrap();
        assert!((back.probability(0.6) - calibrator.probability(0.6)).abs() < 1e-15);
        let calibrator = Calibrator::fit_isotonic(&SCORED).unwrap();
        let text = serde_json::to_string(&calibrator).unwrap();
        assert_eq!(
            text,
            r#"{"isotonic":{"scores":[0.1,0.5,0.7,1.0],"probabilities":[0.0,0.0,1.0,1.0]}}"#
        );
        assert_eq!(
            serde_json::from_str::<Calibrator>(&text).unwrap(),
            calibrator
        );
    }
}
