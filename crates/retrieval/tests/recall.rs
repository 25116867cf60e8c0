//! Measured recall on vectors that lie in clusters, as texts' embeddings do.
#![allow(clippy::unwrap_used, reason = "a test's panic is its failure")]

mod support;

use jobmatch_retrieval::{Error, FLAT, VectorIndex};
use support::unit_vectors;

const DIMENSION: usize = 16;
const KS: [usize; 3] = [1, 10, 100];

/// Unit vectors around 8 centres.
fn clustered(rows: usize, seed: u64) -> Vec<f32> {
    let centres = unit_vectors(8, DIMENSION, 7);
    let mut values = unit_vectors(rows, DIMENSION, seed);
    for (row, vector) in values.chunks_mut(DIMENSION).enumerate() {
        let centre = &centres[row % 8 * DIMENSION..][..DIMENSION];
        vector
            .iter_mut()
            .zip(centre)
            .for_each(|(value, at)| *value = 0.5 * *value + at);
        let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
        vector.iter_mut().for_each(|value| *value /= length);
    }
    values
}

#[test]
fn graphs_recall_much_codes_less_and_the_exact_index_all() {
    let vectors = clustered(1000, 1);
    let queries = clustered(100, 2);
    let exact = VectorIndex::build(DIMENSION, FLAT, &vectors).unwrap();
    let recall = |factory| {
        let index = VectorIndex::build(DIMENSION, factory, &vectors).unwrap();
        index.recall_against(&exact, &queries, &KS).unwrap()
    };
    assert_eq!(recall(FLAT), [1.0, 1.0, 1.0]);
    let graph = recall("HNSW32");
    let codes = recall("IVF8,PQ16x4");
    for (k, (graph, codes)) in KS.iter().zip(graph.iter().zip(&codes)) {
        assert!(*graph > 0.95, "HNSW32 recalls {graph} at {k}");
        assert!(
            (0.2..0.95).contains(codes),
            "IVF8,PQ16x4 recalls {codes} at {k}"
        );
    }
}

/// Two of three rows are found of the first three, by a count on fingers; rows that tie at rank k are worth the same.
#[test]
fn it_is_a_share_and_forgives_ties() {
    let exact = VectorIndex::build(1, FLAT, &[4.0, 3.0, 2.0, 2.0, 1.0]).unwrap();
    let recall = |approximate: &[f32], k| {
        let index = VectorIndex::build(1, FLAT, approximate).unwrap();
        index.recall_against(&exact, &[1.0], &[k]).unwrap()[0]
    };
    // It takes the rows to have other vectors, and so puts other rows first.
    assert_eq!(recall(&[4.0, 3.0, 1.0, 1.0, 2.0], 3), 2.0 / 3.0);
    assert_eq!(
        recall(&[4.0, 3.0, 1.0, 2.0, 1.0], 3),
        1.0,
        "row 3 ties with row 2"
    );
    assert_eq!(recall(&[1.0, 3.0, 2.0, 2.0, 4.0], 1), 0.0);
    assert_eq!(
        recall(&[1.0, 3.0, 2.0, 2.0, 4.0], 9),
        1.0,
        "there are five rows"
    );
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let vectors = unit_vectors(50, 4, 1);
    let flat = VectorIndex::build(4, FLAT, &vectors).unwrap();
    let graph = VectorIndex::build(4, "HNSW8", &vectors).unwrap();
    let fewer = VectorIndex::build(4, FLAT, &vectors[4..]).unwrap();
    let query = &vectors[..4];
    assert!(matches!(
        flat.recall_against(&graph, query, &[1]),
        Err(Error::NotExact)
    ));
    assert!(matches!(
        graph.recall_against(&fewer, query, &[1]),
        Err(Error::OtherRows { .. })
    ));
    assert!(matches!(
        graph.recall_against(&flat, query, &[0]),
        Err(Error::NothingToRecall)
    ));
    assert!(matches!(
        graph.recall_against(&flat, &[], &[1]),
        Err(Error::NothingToRecall)
    ));
}
