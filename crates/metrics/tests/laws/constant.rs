//! A scorer that gives everything one score gains nothing from the order in which candidates arrive.

use jobmatch_metrics::{
    Candidate, Pool, Qrels, Run, average_precision, best_f1, evaluate, threshold_curve,
};
use proptest::prelude::*;

use crate::SOME;
use crate::strategies::{picks, pool, scored, shuffled};

proptest! {
    #[test]
    fn in_a_run(grades in prop::collection::vec(-1..3i32, 1..20), picks in picks(), score in -2.0..2.0f32) {
        let documents: Vec<(String, i32)> = (0..).zip(&grades).map(|(i, &grade)| (format!("d{i}"), grade)).collect();
        let mut qrels = Qrels::new();
        for (document, grade) in &documents {
            qrels.insert("q", document, *grade).unwrap();
        }
        let values = |arriving: &[(String, i32)]| {
            let mut run = Run::new();
            run.insert("q", arriving.iter().map(|(document, _)| (document.clone(), score))).unwrap();
            evaluate(&run, &qrels, &SOME).unwrap()
        };
        // The best and the worst order that there could be, and any other.
        let mut best = documents.clone();
        best.sort_by_key(|(_, grade)| -grade);
        let worst: Vec<_> = best.iter().rev().cloned().collect();
        let found = values(&best);
        prop_assert_eq!(&found, &values(&worst));
        prop_assert_eq!(&found, &values(&shuffled(&documents, &picks)));
        // Ids decide: byte order, descending.
        best.sort_by(|a, b| b.0.cmp(&a.0));
        let first = best[0].1 > 0;
        if let Some(query) = found.queries.first() {
            prop_assert_eq!(query.values[5] == 1.0, first, "reciprocal rank");
        }
    }

    #[test]
    fn in_a_pool((mut candidates, positives) in pool(), picks in picks(), score in -2.0..2.0f32) {
        for candidate in &mut candidates {
            candidate.score = score;
        }
        let mut best = candidates.clone();
        best.sort_by_key(|candidate| -candidate.grade);
        let worst: Vec<Candidate> = best.iter().rev().copied().collect();
        let one = Pool::new(best, &positives).unwrap();
        for arriving in [worst, shuffled(&candidates, &picks)] {
            let other = Pool::new(arriving, &positives).unwrap();
            prop_assert_eq!(one.rankings(), other.rankings());
            prop_assert_eq!(one.top_curve(13), other.top_curve(13));
            prop_assert_eq!(one.threshold_curve(), other.threshold_curve());
        }
        // All or nothing: one threshold, which decides everything; above it nothing is.
        let points = one.threshold_curve();
        prop_assert_eq!(points.len(), usize::from(!candidates.is_empty()));
        for point in &points {
            prop_assert_eq!(point.threshold, score);
            prop_assert_eq!(point.quality.micro.decided, candidates.len() as u64);
            let found = candidates.iter().filter(|candidate| candidate.grade > 0).count();
            prop_assert_eq!(point.quality.micro.true_positives, found as u64);
        }
        prop_assert_eq!(one.at_threshold(score.next_up()).unwrap().micro.decided, 0);
    }

    #[test]
    fn in_a_curve(scored in scored(), missed in 0..4usize, picks in picks()) {
        let flat: Vec<(f32, bool)> = scored.iter().map(|&(_, relevant)| (0.5, relevant)).collect();
        let found = flat.iter().filter(|(_, relevant)| *relevant).count();
        let total = found + missed;
        let points = threshold_curve(&flat, total).unwrap();
        prop_assert_eq!(&points, &threshold_curve(&shuffled(&flat, &picks), total).unwrap());
        prop_assert_eq!(points.len(), usize::from(!flat.is_empty()));
        if let Some(best) = best_f1(&points) {
            let counts = (best.counts.true_positives, best.counts.decided);
            prop_assert_eq!(counts, (found as u64, flat.len() as u64));
        }
        // It earns the share of positives.
        if let (Some(value), false) = (average_precision(&flat, total).unwrap(), flat.is_empty()) {
            let found = found as f64;
            prop_assert!((value - found / flat.len() as f64 * found / total as f64).abs() < 1e-12);
        }
    }
}
