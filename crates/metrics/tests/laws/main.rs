//! What must hold for every input.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod constant;
mod statistics;
mod strategies;

use std::path::Path;

use jobmatch_metrics::{
    Counts, Measure, Pool, Qrels, Ranking, Run, average_precision, best_f1, best_macro_f1,
    best_micro_f1, evaluate, threshold_curve,
};
use proptest::prelude::*;
use strategies::{picks, pool, scored, shuffled};

/// A query's and a document's id: whatever is not ASCII white space.
fn ids() -> impl Strategy<Value = (String, String)> {
    ("[a-c]", "[^\\x00- \\x7f]{1,4}")
}

fn any_score() -> impl Strategy<Value = f32> {
    any::<f32>().prop_filter("NaN is refused", |score| !score.is_nan())
}

const SOME: [Measure; 7] = [
    Measure::Precision(3),
    Measure::Recall(3),
    Measure::RPrecision(3),
    Measure::HitRate(3),
    Measure::Ndcg(3),
    Measure::ReciprocalRank,
    Measure::AveragePrecision,
];

proptest! {
    #[test]
    fn the_order_of_candidates_changes_nothing((candidates, positives) in pool(), picks in picks()) {
        let one = Pool::new(candidates.clone(), &positives).unwrap();
        let other = Pool::new(shuffled(&candidates, &picks), &positives).unwrap();
        prop_assert_eq!(one.rankings(), other.rankings());
        // Bit for bit, the means included.
        prop_assert_eq!(format!("{:?}", one.threshold_curve()), format!("{:?}", other.threshold_curve()));
        prop_assert_eq!(one.top_curve(13), other.top_curve(13));
    }

    #[test]
    fn one_sorted_pass_equals_one_pass_for_each_threshold((candidates, positives) in pool()) {
        let pool = Pool::new(candidates.clone(), &positives).unwrap();
        let points = pool.threshold_curve();
        let mut thresholds: Vec<f32> = candidates.iter().map(|c| c.score).collect();
        thresholds.sort_by(|a, b| b.partial_cmp(a).unwrap());
        thresholds.dedup();
        prop_assert_eq!(points.iter().map(|p| p.threshold).collect::<Vec<_>>(), thresholds);
        for point in &points {
            let of_query = |query: usize| {
                let own = candidates.iter().filter(|c| c.query as usize == query);
                let decided: Vec<_> = own.filter(|c| c.score >= point.threshold).collect();
                Counts {
                    true_positives: decided.iter().filter(|c| c.grade > 0).count() as u64,
                    decided: decided.len() as u64,
                    positives: positives[query].iter().filter(|grade| **grade > 0).count() as u64,
                }
            };
            let counts: Vec<Counts> = (0..positives.len()).map(of_query).collect();
            prop_assert_eq!(&counts, &pool.counts_at_threshold(point.threshold).unwrap());
            let judged: Vec<&Counts> = counts.iter().filter(|c| c.positives > 0).collect();
            let mean = |of: fn(&Counts) -> f64| {
                let sum: f64 = judged.iter().map(|counts| of(counts)).sum();
                sum / judged.len().max(1) as f64
            };
            let quality = point.quality;
            prop_assert_eq!(quality.micro.decided, counts.iter().map(|c| c.decided).sum::<u64>());
            prop_assert_eq!(quality.micro.true_positives, counts.iter().map(|c| c.true_positives).sum::<u64>());
            prop_assert_eq!(quality.micro.positives, pool.positives() as u64);
            prop_assert!((quality.macro_precision - mean(Counts::precision)).abs() < 1e-14);
            prop_assert!((quality.macro_recall - mean(Counts::recall)).abs() < 1e-14);
            prop_assert!((quality.macro_f1 - mean(Counts::f1)).abs() < 1e-14);
        }
        for n in 0..14 {
            let quality = pool.at_top(n);
            let hits: usize = pool.rankings().iter().map(|ranking| ranking.hits_at(n)).sum();
            prop_assert_eq!(quality.micro.true_positives, hits as u64);
            if n > 0 {
                let step = pool.top_curve(n)[n - 1];
                prop_assert_eq!(step.micro, quality.micro);
                prop_assert!((step.macro_f1 - quality.macro_f1).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn the_best_threshold_is_the_best_and_highest((candidates, positives) in pool()) {
        let points = Pool::new(candidates, &positives).unwrap().threshold_curve();
        if let Some(best) = best_micro_f1(&points) {
            for point in &points {
                let order = point.quality.micro.cmp_f1(&best.quality.micro);
                prop_assert!(order.is_lt() || (order.is_eq() && point.threshold <= best.threshold));
            }
        }
        if let Some(best) = best_macro_f1(&points) {
            for point in &points {
                prop_assert!(point.quality.macro_f1 <= best.quality.macro_f1 + 1e-12);
            }
        }
    }

    #[test]
    fn measures_of_a_ranking_keep_their_bounds((candidates, positives) in pool()) {
        let pool = Pool::new(candidates, &positives).unwrap();
        for ranking in pool.rankings() {
            let mut before = 0.0;
            for k in 0..15 {
                let recall = ranking.recall_at(k);
                prop_assert!(recall >= before, "recall falls at {}", k);
                before = recall;
                prop_assert!(ranking.precision_at(k) <= ranking.r_precision_at(k));
                prop_assert!(ranking.recall_at(k) <= ranking.r_precision_at(k));
                prop_assert!(ranking.r_precision_at(k) <= 1.0);
                prop_assert!((0.0..=1.0 + 1e-12).contains(&ranking.ndcg_at(k)));
            }
            prop_assert!((0.0..=1.0).contains(&ranking.average_precision()));
            prop_assert!(ranking.average_precision() <= ranking.recall_at(usize::MAX) + 1e-12);
        }
    }

    #[test]
    fn the_ideal_ranking_reaches_one(mut grades in prop::collection::vec(1..5i32, 1..10), k in 1..12usize) {
        grades.sort_unstable_by(|a, b| b.cmp(a));
        let ranking = Ranking::new(&grades, &grades).unwrap();
        let full = [Measure::RPrecision(k), Measure::HitRate(k), Measure::Ndcg(k)];
        for measure in full.into_iter().chain([Measure::ReciprocalRank, Measure::AveragePrecision]) {
            prop_assert!((measure.of(&ranking) - 1.0).abs() < 1e-12, "{}", measure);
        }
    }

    #[test]
    fn pooled_curves_do_not_see_the_order(scored in scored(), missed in 0..4usize, picks in picks()) {
        let total = scored.iter().filter(|(_, relevant)| *relevant).count() + missed;
        let other = shuffled(&scored, &picks);
        let points = threshold_curve(&scored, total).unwrap();
        prop_assert_eq!(&points, &threshold_curve(&other, total).unwrap());
        let value = average_precision(&scored, total).unwrap();
        prop_assert_eq!(value, average_precision(&other, total).unwrap());
        prop_assert_eq!(value.is_none(), total == 0);
        prop_assert!((0.0..=1.0).contains(&value.unwrap_or(0.0)));
        for point in &points {
            let decided = scored.iter().filter(|(score, _)| *score >= point.threshold);
            prop_assert_eq!(point.counts.decided, decided.clone().count() as u64);
            prop_assert_eq!(point.counts.true_positives, decided.filter(|(_, relevant)| *relevant).count() as u64);
        }
        if let Some(best) = best_f1(&points) {
            prop_assert!(points.iter().all(|point| point.counts.f1() <= best.counts.f1()));
        }
    }

    #[test]
    fn runs_and_qrels_come_back(
        rows in prop::collection::btree_map(ids(), (any_score(), any::<i32>()), 0..30),
        picks in picks(),
    ) {
        let rows: Vec<_> = rows.into_iter().collect();
        let (mut qrels, mut run) = (Qrels::new(), Run::new());
        for ((query, document), (_, grade)) in shuffled(&rows, &picks) {
            qrels.insert(&query, &document, grade).unwrap();
        }
        for id in ["a", "b", "c"] {
            let own: Vec<_> = rows.iter().filter(|((query, _), _)| query == id).collect();
            if !own.is_empty() {
                let scored = own.iter().map(|((_, document), (score, _))| (document.clone(), *score));
                run.insert(id, scored.collect::<Vec<_>>().into_iter().rev()).unwrap();
            }
        }
        let name = Path::new("memory");
        let (mut qrels_file, mut run_file) = (Vec::new(), Vec::new());
        qrels.write_to(&mut qrels_file, name).unwrap();
        run.write_to(&mut run_file, name, "tag").unwrap();
        prop_assert_eq!(&Qrels::read_from(qrels_file.as_slice(), name).unwrap(), &qrels);
        let back = Run::read_from(run_file.as_slice(), name).unwrap();
        prop_assert_eq!(&back, &run);
        let once = evaluate(&run, &qrels, &SOME).unwrap();
        prop_assert_eq!(once, evaluate(&back, &qrels, &SOME).unwrap());
    }
}
