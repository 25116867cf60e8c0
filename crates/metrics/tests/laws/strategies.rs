//! Inputs full of ties, in any order.

use jobmatch_metrics::Candidate;
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};

/// Few levels, so that ties are everywhere; both zeros and both infinities among them.
pub fn score() -> impl Strategy<Value = f32> {
    prop_oneof![
        8 => (-4i8..=4).prop_map(|level| f32::from(level) / 4.0),
        1 => prop::sample::select(vec![-0.0, f32::INFINITY, f32::NEG_INFINITY, f32::MIN_POSITIVE]),
    ]
}

pub fn scored() -> impl Strategy<Value = Vec<(f32, bool)>> {
    prop::collection::vec((score(), any::<bool>()), 0..40)
}

/// Candidates of a few queries, and the grades of each query's positives: those among its candidates and some more.
pub fn pool() -> impl Strategy<Value = (Vec<Candidate>, Vec<Vec<i32>>)> {
    let documents: Vec<u32> = (0..12).collect();
    let ranked = subsequence(documents, 0..=12).prop_flat_map(|documents| {
        prop::collection::vec((score(), -1..3i32), documents.len())
            .prop_map(move |scored| documents.iter().copied().zip(scored).collect::<Vec<_>>())
    });
    let query = (ranked, prop::collection::vec(1..3i32, 0..3));
    prop::collection::vec(query, 0..6).prop_map(|queries| {
        let mut candidates = Vec::new();
        let mut positives = Vec::new();
        for (query, (ranked, mut missed)) in (0..).zip(queries) {
            for (document, (score, grade)) in ranked {
                missed.push(grade);
                candidates.push(Candidate {
                    query,
                    document,
                    score,
                    grade,
                });
            }
            positives.push(missed);
        }
        (candidates, positives)
    })
}

/// The same things in an order that the indices choose.
pub fn shuffled<T: Clone>(items: &[T], picks: &[Index]) -> Vec<T> {
    let mut items = items.to_vec();
    for (place, pick) in picks.iter().enumerate().take(items.len()) {
        let other = pick.index(items.len());
        items.swap(place, other);
    }
    items
}

pub fn picks() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), 80)
}
