//! The index against a search by hand, and against files that are not what they say.
#![allow(clippy::unwrap_used, reason = "a test's panic is its failure")]

mod support;

use std::path::PathBuf;

use jobmatch_retrieval::{Error, FLAT, Hit, VectorIndex};
use proptest::prelude::*;
use support::{by_hand, unit_vectors, whole_numbers};
use tempfile::TempDir;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn equals_a_search_by_hand(
        rows in 1usize..300, queries in 0usize..150, dimension in 1usize..20, k in 0usize..320, seed: u64,
    ) {
        let vectors = whole_numbers(rows, dimension, seed);
        let asked = whole_numbers(queries, dimension, seed ^ 0x5555);
        let found = VectorIndex::build(dimension, FLAT, &vectors).unwrap().search(&asked, k).unwrap();
        prop_assert_eq!(found.len(), queries);
        for (query, hits) in asked.chunks(dimension).zip(found) {
            prop_assert_eq!(hits, by_hand(dimension, &vectors, query, k));
        }
    }
}

#[test]
fn a_query_scores_the_same_bits_alone_and_in_company() {
    let small = [
        "IVF16,Flat",
        "IVF16,PQ8x4",
        "IVF16,SQ8",
        "HNSW16",
        "PCA8,Flat",
    ];
    let cases = [(FLAT, 2087, 384), ("PCA64,Flat", 500, 384)];
    let cases = cases
        .into_iter()
        .chain(small.map(|factory| (factory, 1000, 32)));
    for (factory, rows, dimension) in cases {
        let vectors = unit_vectors(rows, dimension, 1);
        let queries = unit_vectors(60, dimension, 2);
        let index = VectorIndex::build(dimension, factory, &vectors).unwrap();
        let together = index.search(&queries, 50).unwrap();
        let near = index.range(&queries, 0.1).unwrap();
        assert!(near.iter().any(|hits| !hits.is_empty()), "{factory}");
        for (number, query) in queries.chunks(dimension).enumerate() {
            assert_eq!(
                index.search(query, 50).unwrap()[0],
                together[number],
                "{factory}"
            );
            assert_eq!(
                index.range(query, 0.1).unwrap()[0],
                near[number],
                "{factory}"
            );
        }
    }
}

#[test]
fn saved_and_loaded_it_answers_the_same() {
    let folder = TempDir::new().unwrap();
    let vectors = unit_vectors(700, 32, 3);
    let queries = unit_vectors(30, 32, 4);
    for factory in [FLAT, "HNSW16", "IVF8,Flat", "IVF8,PQ8x4", "PCA16,Flat"] {
        let path = folder.path().join("attributes.faiss");
        let index = VectorIndex::build(32, factory, &vectors).unwrap();
        index.save(&path).unwrap();
        let loaded = VectorIndex::load(&path).unwrap();
        assert_eq!((loaded.dimension(), loaded.rows()), (32, 700), "{factory}");
        assert_eq!(
            loaded.search(&queries, 10).unwrap(),
            index.search(&queries, 10).unwrap(),
            "{factory}"
        );
    }
}

#[test]
fn more_than_there_is_gives_all_there_is() {
    let index = VectorIndex::build(2, FLAT, &[1.0, 0.0, 0.0, 1.0]).unwrap();
    let hits = index.search(&[1.0, 0.0], usize::MAX).unwrap();
    assert_eq!(hits[0].len(), 2);
    assert!(index.search(&[], 5).unwrap().is_empty());
}

#[test]
fn equal_rows_come_in_row_order_also_at_the_cut() {
    let vectors = [0.6f32, 0.8].repeat(5000);
    let index = VectorIndex::build(2, FLAT, &vectors).unwrap();
    let hits = index.search(&[0.6, 0.8], 7).unwrap();
    let rows: Vec<usize> = hits[0].iter().map(|hit| hit.row).collect();
    assert_eq!(rows, [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn bad_numbers_are_named() {
    let index = VectorIndex::build(2, FLAT, &[1.0, 0.0]).unwrap();
    let message =
        |result: Result<_, Error>| result.map(|_: Vec<Vec<Hit>>| ()).unwrap_err().to_string();
    assert_eq!(
        message(index.search(&[1.0, 0.0, 1.0], 1)),
        "queries hold 3 numbers, which is not a multiple of the index's dimension 2: they were made by another model"
    );
    assert_eq!(
        message(index.search(&[1.0, 0.0, 1.0, f32::NAN], 1)),
        "query 1, component 1, is NaN: every number must be finite"
    );
    let built = |dimension, factory, vectors: &[f32]| {
        VectorIndex::build(dimension, factory, vectors).unwrap_err()
    };
    assert!(matches!(
        built(0, FLAT, &[]),
        Error::Dimension { dimension: 0 }
    ));
    assert!(matches!(built(2, FLAT, &[]), Error::Empty));
    assert!(matches!(built(2, FLAT, &[1.0]), Error::Shape { .. }));
    assert!(matches!(
        built(2, FLAT, &[f32::INFINITY, 0.0]),
        Error::NonFinite {
            row: 0,
            component: 0,
            ..
        }
    ));
    assert!(matches!(
        built(2, "Flatt", &[1.0, 0.0]),
        Error::Factory { .. }
    ));
    assert!(
        matches!(built(2, "IVF16,Flat", &[1.0, 0.0]), Error::Factory { .. }),
        "too few vectors to train on"
    );
    assert!(matches!(
        VectorIndex::build(1, FLAT, &[f32::MAX])
            .unwrap()
            .search(&[f32::MAX], 1),
        Err(Error::NonFiniteScore { .. })
    ));
}

#[test]
fn a_damaged_file_is_refused_wherever_it_is_cut() {
    let folder = TempDir::new().unwrap();
    for factory in [FLAT, "HNSW8", "IVF4,Flat"] {
        let path = folder.path().join("whole.faiss");
        VectorIndex::build(4, factory, &unit_vectors(200, 4, 5))
            .unwrap()
            .save(&path)
            .unwrap();
        let whole = std::fs::read(&path).unwrap();
        let cut = folder.path().join("cut.faiss");
        for length in (0..whole.len())
            .step_by(97)
            .chain([36, 37, whole.len() - 1])
        {
            std::fs::write(&cut, &whole[..length]).unwrap();
            let error = VectorIndex::load(&cut).unwrap_err();
            assert!(
                matches!(error, Error::Damaged { .. } | Error::Load { .. }),
                "{factory} {length}: {error}"
            );
        }
    }
}

#[test]
fn foreign_files_are_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("index.faiss");
    let load = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        VectorIndex::load(&path).unwrap_err().to_string()
    };
    assert!(load(&[b'x'; 100]).contains("index.faiss"));

    VectorIndex::build(2, FLAT, &[1.0, 0.0])
        .unwrap()
        .save(&path)
        .unwrap();
    let whole = std::fs::read(&path).unwrap();
    let changed = |at: usize, value: u8| {
        let mut bytes = whole.clone();
        bytes[at] = value;
        bytes
    };
    assert!(
        load(&changed(33, 1)).contains("metric has number 1"),
        "Euclidean distance"
    );
    assert!(
        load(&changed(33, 23)).contains("metric has number 23"),
        "a metric the binding does not know"
    );
    assert!(load(&changed(4, 3)).contains("do not hold 1 rows of dimension 3"));
    assert!(
        load(&changed(14, 200)).contains("bytes do not hold"),
        "a row count that would ask for petabytes"
    );
    assert!(load(&changed(0, b'Z')).contains("FAISS cannot read"));

    let missing: PathBuf = folder.path().join("none.faiss");
    assert!(matches!(
        VectorIndex::load(&missing),
        Err(Error::Open { .. })
    ));
    let index = VectorIndex::build(2, FLAT, &[1.0, 0.0]).unwrap();
    assert!(matches!(
        index.save(&folder.path().join("no/such/folder")),
        Err(Error::Save { .. })
    ));
}
