//! Isotonic regression, the randomization test and promised thresholds.

use jobmatch_metrics::{Calibrator, PositiveScores, Promised, Randomization, RecallGuarantee};
use serde::Deserialize;

use crate::{check, reference};

#[derive(Deserialize)]
pub struct Isotonic {
    scores: Vec<f32>,
    relevant: Vec<u8>,
    at: Vec<f32>,
    probabilities: Vec<f64>,
    /// Scores, then probabilities.
    knots: (Vec<f32>, Vec<f64>),
}

#[derive(Deserialize)]
pub struct Paired {
    a: Vec<f64>,
    b: Vec<f64>,
    difference: f64,
    p_value: f64,
}

#[derive(Deserialize)]
pub struct Guarantee {
    /// For each group its jobs: the scores of the retrieved positives, and how many positives there are.
    groups: Vec<Vec<(Vec<f32>, usize)>>,
    recall: f64,
    confidence: f64,
    judged: usize,
    threshold: Option<f32>,
    observed: f64,
    bound: f64,
}

#[test]
fn isotonic_regression_equals_scikit_learn() {
    for case in reference().isotonic {
        let relevant = case.relevant.iter().map(|&relevant| relevant == 1);
        let scored: Vec<(f32, bool)> = case.scores.iter().copied().zip(relevant).collect();
        let calibrator = Calibrator::fit_isotonic(&scored).unwrap();
        for (&score, expected) in case.at.iter().zip(&case.probabilities) {
            check(
                &format!("at {score}"),
                calibrator.probability(score),
                *expected,
            );
        }
        let Calibrator::Isotonic(isotonic) = calibrator else {
            panic!("not isotonic: {calibrator:?}");
        };
        assert_eq!(isotonic.scores(), case.knots.0);
        for (value, expected) in isotonic.probabilities().iter().zip(&case.knots.1) {
            check("knot", *value, *expected);
        }
    }
}

#[test]
fn all_exchanges_equal_scipy() {
    for case in reference().randomization {
        let samples: Vec<_> = (0..)
            .zip(case.a.iter().zip(&case.b))
            .map(|(i, (a, b))| (i, *a, *b))
            .collect();
        let samples: Vec<(u32, f64, f64)> = samples;
        let found = Randomization::new(1)
            .paired_difference(&samples)
            .unwrap()
            .unwrap();
        assert!(found.exact);
        check("difference", found.difference, case.difference);
        check("p-value", found.p_value, case.p_value);
    }
}

#[test]
fn promised_thresholds_equal_one_pass_for_each_threshold() {
    let cases = reference().guarantee;
    assert!(cases.iter().any(|case| case.threshold.is_none()));
    for case in cases {
        let queries: Vec<(usize, PositiveScores)> = (0..)
            .zip(&case.groups)
            .flat_map(|(group, jobs)| jobs.iter().map(move |job| (group, job)))
            .map(|(group, (retrieved, positives))| {
                (
                    group,
                    PositiveScores {
                        retrieved: retrieved.clone(),
                        positives: *positives,
                    },
                )
            })
            .collect();
        let wanted = RecallGuarantee {
            recall: case.recall,
            confidence: case.confidence,
        };
        let (found, recall, lower, groups) = match wanted.threshold(&queries).unwrap() {
            Promised::Threshold {
                threshold,
                bound,
                recall,
                groups,
            } => (Some(threshold), recall, bound, groups),
            Promised::OutOfReach {
                bound,
                recall,
                groups,
            } => (None, recall, bound, groups),
        };
        assert_eq!((found, groups), (case.threshold, case.judged));
        check("observed recall", recall, case.observed);
        check("bound", lower, case.bound);
    }
}
