//! Rows that come and go: the index afterwards is the one that would have been built.
#![allow(clippy::unwrap_used, reason = "a test's panic is its failure")]

mod support;

use jobmatch_retrieval::{Error, FLAT, VectorIndex};
use proptest::prelude::*;
use support::{unit_vectors, whole_numbers};

/// The rows of `vectors` that stay when `gone` go, and those of `added`.
fn changed(dimension: usize, vectors: &[f32], gone: &[usize], added: &[f32]) -> Vec<f32> {
    let rows = vectors.chunks(dimension).enumerate();
    let kept = rows.filter(|(row, _)| !gone.contains(row));
    let mut left: Vec<f32> = kept.flat_map(|(_, vector)| vector.to_vec()).collect();
    left.extend(added);
    left
}

fn bytes(index: &VectorIndex) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap();
    index.save(file.path()).unwrap();
    std::fs::read(file.path()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn an_exact_index_becomes_the_one_built_anew_to_the_byte(
        rows in 2usize..80, dimension in 1usize..12, added in 0usize..20,
        gone in proptest::collection::vec(any::<prop::sample::Index>(), 0..20), seed: u64,
    ) {
        let vectors = whole_numbers(rows, dimension, seed);
        let new = whole_numbers(added, dimension, seed ^ 0x5555);
        // At least one row stays.
        let gone: Vec<usize> = gone.iter().map(|at| 1 + at.index(rows - 1)).collect();
        let mut index = VectorIndex::build(dimension, FLAT, &vectors).unwrap();
        index.remove(&gone).unwrap();
        index.add(&new).unwrap();
        let anew = VectorIndex::build(dimension, FLAT, &changed(dimension, &vectors, &gone, &new)).unwrap();
        prop_assert_eq!(bytes(&index), bytes(&anew));
        prop_assert_eq!(index.search(&vectors, 7).unwrap(), anew.search(&vectors, 7).unwrap());
        prop_assert_eq!(index.range(&vectors, 2.0).unwrap(), anew.range(&vectors, 2.0).unwrap());
    }
}

/// Every cell visited and vectors kept as they are: an IVF index is then exact, and its rows must be the right ones.
#[test]
fn an_index_of_cells_keeps_its_rows_apart_through_many_changes_and_a_file() {
    let dimension = 8;
    let mut vectors = unit_vectors(300, dimension, 1);
    let mut index = VectorIndex::build(dimension, "IVF1,Flat", &vectors).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    for round in 0..6usize {
        let gone: Vec<usize> = (0..40)
            .map(|step| (step * 7 + round * 13) % index.rows())
            .collect();
        let new = unit_vectors(10 + round, dimension, 100 + round as u64);
        index.remove(&gone).unwrap();
        index.add(&new).unwrap();
        vectors = changed(dimension, &vectors, &gone, &new);
        let exact = VectorIndex::build(dimension, FLAT, &vectors).unwrap();
        assert_eq!(index.rows(), exact.rows());
        let queries = unit_vectors(25, dimension, 200 + round as u64);
        let rows = |index: &VectorIndex| -> Vec<Vec<usize>> {
            let found = index.search(&queries, 5).unwrap();
            found
                .iter()
                .map(|hits| hits.iter().map(|hit| hit.row).collect())
                .collect()
        };
        assert_eq!(rows(&index), rows(&exact), "round {round}");

        index.save(file.path()).unwrap();
        let ids: Vec<u64> = (0..index.rows()).map(|row| index.id(row)).collect();
        assert!(ids.is_sorted() && ids.iter().zip(0..).any(|(id, row)| *id != row));
        let loaded = VectorIndex::load(file.path()).unwrap();
        assert!(
            matches!(loaded.search(&queries, 50), Err(Error::UnknownId { .. })),
            "without its ids it would give wrong rows"
        );
        index = loaded.with_ids(ids).unwrap();
        assert_eq!(rows(&index), rows(&exact), "round {round}, loaded");
    }
}

#[test]
fn codes_lose_rows_and_graphs_only_gain_them() {
    let vectors = unit_vectors(400, 16, 1);
    let more = unit_vectors(30, 16, 2);
    let best = |index: &VectorIndex, vectors: &[f32]| -> Vec<usize> {
        let found = index.search(vectors, 1).unwrap();
        found.iter().map(|hits| hits[0].row).collect()
    };
    let mut codes = VectorIndex::build(16, "SQ8", &vectors).unwrap();
    codes.remove(&(0..100).collect::<Vec<_>>()).unwrap();
    codes.add(&more).unwrap();
    assert_eq!(
        best(&codes, &vectors[100 * 16..]),
        (0..300).collect::<Vec<_>>()
    );
    assert_eq!(best(&codes, &more), (300..330).collect::<Vec<_>>());

    for factory in ["HNSW16", "PCA8,Flat"] {
        let mut index = VectorIndex::build(16, factory, &vectors).unwrap();
        index.add(&more).unwrap();
        assert_eq!(index.rows(), 430, "{factory}");
        let error = index.remove(&[3]).unwrap_err();
        assert!(
            error.to_string().contains("build it anew"),
            "{factory}: {error}"
        );
        assert_eq!(index.rows(), 430, "{factory}");
    }
    let mut graph = VectorIndex::build(16, "HNSW16", &vectors).unwrap();
    graph.add(&more).unwrap();
    assert_eq!(best(&graph, &more), (400..430).collect::<Vec<_>>());
}

#[test]
fn impossible_changes_are_named_and_change_nothing() {
    let mut index = VectorIndex::build(2, FLAT, &[1.0, 0.0, 0.0, 1.0]).unwrap();
    let before = bytes(&index);
    assert!(matches!(
        index.remove(&[0, 2]),
        Err(Error::NoSuchRow { row: 2, rows: 2 })
    ));
    assert!(matches!(index.remove(&[1, 0, 1]), Err(Error::NothingLeft)));
    assert!(matches!(index.add(&[1.0]), Err(Error::Shape { .. })));
    assert!(matches!(
        index.add(&[1.0, f32::NAN]),
        Err(Error::NonFinite {
            row: 0,
            component: 1,
            ..
        })
    ));
    index.remove(&[]).unwrap();
    index.add(&[]).unwrap();
    assert_eq!(bytes(&index), before);

    let index = |factory| VectorIndex::build(2, factory, &[1.0, 0.0, 0.0, 1.0]).unwrap();
    let ids = |factory, ids: &[u64]| {
        index(factory)
            .with_ids(ids.to_vec())
            .map(|index| index.id(1))
    };
    assert_eq!(ids(FLAT, &[0, 1]).unwrap(), 1);
    assert_eq!(ids("IVF1,Flat", &[3, 9]).unwrap(), 9);
    let refused = |result: Result<u64, Error>| result.unwrap_err().to_string();
    assert!(refused(ids(FLAT, &[0])).contains("there are 1 for 2 rows"));
    assert!(refused(ids(FLAT, &[0, 7])).contains("row 1 has id 7"));
    assert!(refused(ids("IVF1,Flat", &[7, 7])).contains("an id stands twice"));
    assert!(refused(ids("IVF1,Flat", &[7, u64::MAX])).contains("too large"));
}
