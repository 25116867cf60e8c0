//! Calibration, intervals, tests and promises.

use jobmatch_metrics::{
    Bootstrap, Calibrator, PositiveScores, Promised, Randomization, RecallGuarantee,
    expected_calibration_error,
};
use proptest::prelude::*;

use crate::strategies::{picks, shuffled};

/// Positives of queries, each with its group: scores with ties, and how many positives were never retrieved.
fn grouped() -> impl Strategy<Value = Vec<(u8, PositiveScores)>> {
    let scores = prop::collection::vec((0..8u8).prop_map(f32::from), 0..5);
    let query = (0..30u8, scores, 0..2usize).prop_map(|(group, retrieved, missed)| {
        let positives = retrieved.len() + missed;
        (
            group,
            PositiveScores {
                retrieved,
                positives,
            },
        )
    });
    prop::collection::vec(query, 0..80)
}

proptest! {
    #[test]
    fn platt_scaling_keeps_its_promises(
        scored in prop::collection::vec((-5.0..5.0f32, any::<bool>()), 1..40),
        picks in picks(),
    ) {
        let calibrator = Calibrator::fit_platt(&scored).unwrap();
        prop_assert_eq!(&calibrator, &Calibrator::fit_platt(&shuffled(&scored, &picks)).unwrap());
        // The minimum of the cross-entropy: the mean probability is the mean target.
        let relevant = scored.iter().filter(|(_, relevant)| *relevant).count() as f64;
        let count = scored.len() as f64;
        let targets = relevant * (relevant + 1.0) / (relevant + 2.0) + (count - relevant) / (count - relevant + 2.0);
        let probability = |&(score, relevant): &(f32, bool)| (calibrator.probability(score), relevant);
        let probabilities: Vec<(f64, bool)> = scored.iter().map(probability).collect();
        let sum: f64 = probabilities.iter().map(|(probability, _)| probability).sum();
        prop_assert!((sum - targets).abs() < 1e-8 * count, "{} is not {}", sum, targets);
        let error = expected_calibration_error(&probabilities, 10).unwrap().unwrap();
        prop_assert!((0.0..=1.0).contains(&error));
    }

    #[test]
    fn intervals_hold_their_estimate_and_do_not_see_the_order(
        samples in prop::collection::vec((0..8u8, 0.0..1.0f64), 0..40),
        picks in picks(),
        seed in any::<u64>(),
    ) {
        let bootstrap = Bootstrap { resamples: 200, ..Bootstrap::new(seed) };
        let interval = bootstrap.mean(&samples).unwrap();
        prop_assert_eq!(interval, bootstrap.mean(&shuffled(&samples, &picks)).unwrap());
        let mut groups: Vec<u8> = samples.iter().map(|sample| sample.0).collect();
        groups.sort_unstable();
        groups.dedup();
        prop_assert_eq!(interval.is_some(), groups.len() > 1);
        if let Some(interval) = interval {
            let mean = samples.iter().map(|sample| sample.1).sum::<f64>() / samples.len() as f64;
            prop_assert!((interval.estimate - mean).abs() < 1e-12);
            prop_assert!(interval.lower <= interval.upper);
            prop_assert_eq!(interval.groups, groups.len());
            let paired: Vec<_> = samples.iter().map(|&(group, value)| (group, 2.0 * value, value)).collect();
            let difference = bootstrap.paired_difference(&paired).unwrap().unwrap();
            prop_assert!((difference.upper - interval.upper).abs() < 1e-12);
        }
    }

    #[test]
    fn isotonic_regression_keeps_its_promises(
        scored in prop::collection::vec(((-20..20i8).prop_map(|level| f32::from(level) / 8.0), any::<bool>()), 1..60),
        picks in picks(),
        at in prop::collection::vec(-4.0..4.0f32, 2..30),
    ) {
        let calibrator = Calibrator::fit_isotonic(&scored).unwrap();
        prop_assert_eq!(&calibrator, &Calibrator::fit_isotonic(&shuffled(&scored, &picks)).unwrap());
        let mut at = at;
        at.sort_unstable_by(f32::total_cmp);
        let probabilities: Vec<f64> = at.iter().map(|&score| calibrator.probability(score)).collect();
        prop_assert!(probabilities.is_sorted(), "{:?}", probabilities);
        prop_assert!(probabilities.iter().all(|value| (0.0..=1.0).contains(value)));
        // Least squares among functions that never fall (Barlow and others 1972, theorem 1.7): the residuals add up to
        // 0, and from any score on upwards to 0 or less, so that no step there would lower the error.
        let residuals = |from: f32| {
            let above = scored.iter().filter(|(score, _)| *score >= from);
            above.map(|&(score, relevant)| f64::from(u8::from(relevant)) - calibrator.probability(score)).sum::<f64>()
        };
        prop_assert!(residuals(f32::MIN).abs() < 1e-9);
        for (score, _) in &scored {
            prop_assert!(residuals(*score) < 1e-9, "from {}", score);
        }
    }

    #[test]
    fn a_p_value_is_no_chance_and_does_not_see_the_order(
        samples in prop::collection::vec((0..12u8, 0.0..1.0f64, 0.0..1.0f64), 0..40),
        picks in picks(),
        seed in any::<u64>(),
        permutations in prop::sample::select(vec![1, 100, 5000]),
    ) {
        let test = Randomization { permutations, seed };
        let found = test.paired_difference(&samples).unwrap();
        prop_assert_eq!(found, test.paired_difference(&shuffled(&samples, &picks)).unwrap());
        if let Some(found) = found {
            let drawn = 1.0 / (1.0 + permutations as f64);
            let least = if found.exact { 2.0 / f64::from(1u32 << found.groups) } else { drawn };
            prop_assert!((least..=1.0).contains(&found.p_value));
            let turned: Vec<_> = samples.iter().map(|&(group, a, b)| (group, b, a)).collect();
            let turned = test.paired_difference(&turned).unwrap().unwrap();
            prop_assert_eq!((turned.p_value, turned.difference), (found.p_value, -found.difference));
        }
    }

    #[test]
    fn promises_are_backed_and_do_not_see_the_order(queries in grouped(), picks in picks()) {
        let wanted = RecallGuarantee { recall: 0.6, confidence: 0.8 };
        let found = wanted.threshold(&queries).unwrap();
        prop_assert_eq!(found, wanted.threshold(&shuffled(&queries, &picks)).unwrap());
        match found {
            Promised::Threshold { threshold, bound, recall, .. } => {
                prop_assert!(wanted.recall <= bound && bound <= recall, "{:?}", found);
                prop_assert!(queries.iter().any(|(_, query)| query.retrieved.contains(&threshold)));
                // Who wants less, or is content with less confidence, gets no lower threshold.
                for less in [RecallGuarantee { recall: 0.5, ..wanted }, RecallGuarantee { confidence: 0.6, ..wanted }] {
                    match less.threshold(&queries).unwrap() {
                        Promised::Threshold { threshold: other, .. } => prop_assert!(other >= threshold),
                        other => prop_assert!(false, "{:?}", other),
                    }
                }
            }
            Promised::OutOfReach { bound, recall, groups } => {
                prop_assert!(bound < wanted.recall && bound <= recall + 1e-12);
                prop_assert!(groups <= 30);
            }
        }
    }
}
