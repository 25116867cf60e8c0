//! Search by threshold against a search by hand, and against the search of the best rows.
#![allow(clippy::unwrap_used, reason = "a test's panic is its failure")]

mod support;

use jobmatch_retrieval::{Error, FLAT, Hit, VectorIndex};
use proptest::prelude::*;
use support::{by_hand, unit_vectors, whole_numbers};

fn above(mut hits: Vec<Hit>, threshold: f32) -> Vec<Hit> {
    hits.retain(|hit| hit.score >= threshold);
    hits
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Scores are whole numbers, and so are most thresholds: rows stand right at them.
    #[test]
    fn equals_a_search_by_hand(
        rows in 1usize..300, queries in 0usize..60, dimension in 1usize..20, half in -40i16..80, seed: u64,
    ) {
        let threshold = f32::from(half) / 2.0;
        let vectors = whole_numbers(rows, dimension, seed);
        let asked = whole_numbers(queries, dimension, seed ^ 0x5555);
        let found = VectorIndex::build(dimension, FLAT, &vectors).unwrap().range(&asked, threshold).unwrap();
        prop_assert_eq!(found.len(), queries);
        for (query, hits) in asked.chunks(dimension).zip(found) {
            prop_assert_eq!(hits, above(by_hand(dimension, &vectors, query, rows), threshold));
        }
    }

    /// Products that round: a threshold that is itself a score keeps its row, and the next number above it does not.
    #[test]
    fn agrees_with_the_best_rows_to_the_bit(rows in 1usize..200, dimension in 1usize..70, at: prop::sample::Index, seed: u64) {
        let index = VectorIndex::build(dimension, FLAT, &unit_vectors(rows, dimension, seed)).unwrap();
        let query = unit_vectors(1, dimension, seed ^ 0x5555);
        let all = index.search(&query, rows).unwrap().remove(0);
        let score = all[at.index(rows)].score;
        for threshold in [score, score.next_up(), score.next_down(), f32::NEG_INFINITY, f32::INFINITY] {
            prop_assert_eq!(&index.range(&query, threshold).unwrap()[0], &above(all.clone(), threshold));
        }
    }
}

#[test]
fn equal_rows_at_the_threshold_all_come_in_row_order() {
    let index = VectorIndex::build(2, FLAT, &[0.6f32, 0.8].repeat(3000)).unwrap();
    let score = index.search(&[0.6, 0.8], 1).unwrap()[0][0].score;
    let hits = index.range(&[0.6, 0.8].repeat(30), score).unwrap();
    assert_eq!(hits.len(), 30);
    for hits in hits {
        assert!(hits.iter().map(|hit| hit.row).eq(0..3000));
    }
    let none = index.range(&[0.6, 0.8], score.next_up()).unwrap();
    assert_eq!(none, [vec![]]);
}

#[test]
fn approximate_indexes_find_what_they_visit() {
    let vectors = unit_vectors(600, 16, 3);
    let queries = unit_vectors(40, 16, 4);
    let exact = VectorIndex::build(16, FLAT, &vectors).unwrap();
    let wanted = exact.range(&queries, 0.5).unwrap();
    for (factory, at_least) in [("HNSW16", 0.9), ("IVF8,Flat", 0.2), ("IVF8,SQ8", 0.2)] {
        let index = VectorIndex::build(16, factory, &vectors).unwrap();
        let found = index.range(&queries, 0.5).unwrap();
        let mut hits = 0;
        for (found, wanted) in found.iter().zip(&wanted) {
            assert!(found.iter().all(|hit| hit.score >= 0.5));
            assert!(found.is_sorted_by(|a, b| (b.score, a.row) < (a.score, b.row)));
            hits += found
                .iter()
                .filter(|hit| wanted.iter().any(|w| w.row == hit.row))
                .count();
        }
        let share = hits as f64 / wanted.iter().map(Vec::len).sum::<usize>() as f64;
        assert!(share >= at_least, "{factory} finds {share}");
    }
}

#[test]
fn what_cannot_be_searched_by_threshold_says_so() {
    let vectors = unit_vectors(600, 16, 5);
    let fast = VectorIndex::build(16, "PQ8x4fs", &vectors).unwrap();
    let error = fast.range(&vectors[..16], 0.5).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("cannot search this kind of index by threshold"),
        "{error}"
    );

    let exact = VectorIndex::build(1, FLAT, &[f32::MAX, 1.0]).unwrap();
    assert!(matches!(
        exact.range(&[1.0], f32::NAN),
        Err(Error::Threshold)
    ));
    assert!(matches!(
        exact.range(&[f32::INFINITY], 0.0),
        Err(Error::NonFinite { .. })
    ));
    assert!(matches!(
        exact.range(&[-f32::MAX], 0.0),
        Err(Error::NonFiniteScore {
            row: 0,
            query: 0,
            ..
        })
    ));
}
