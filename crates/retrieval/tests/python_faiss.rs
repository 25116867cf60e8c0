//! Index files of Python's faiss and our own, with what was found in them: `fixtures/reference/faiss_index.py`.
#![allow(clippy::unwrap_used, reason = "a test's panic is its failure")]

use std::path::PathBuf;

use jobmatch_retrieval::{FLAT, VectorIndex};
use safetensors::SafeTensors;

const DIMENSION: usize = 16;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/reference/faiss_index"
    ))
    .join(name)
}

fn floats(answers: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    let bytes = answers.tensor(name).unwrap().data();
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|value| f32::from_le_bytes(*value))
        .collect()
}

fn ids(answers: &SafeTensors<'_>, name: &str) -> Vec<u64> {
    let bytes = answers.tensor(name).unwrap().data();
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|value| u64::from_le_bytes(*value))
        .collect()
}

/// Loads an index and finds in it what the answers say, the scores to 1e-6.
fn finds_the_answers(folder_name: &str, name: &str, kept_ids: Option<Vec<u64>>) {
    let folder = folder(folder_name);
    let bytes = std::fs::read(folder.join("answers.safetensors")).unwrap();
    let answers = SafeTensors::deserialize(&bytes).unwrap();
    let mut index = VectorIndex::load(&folder.join(format!("{name}.faiss"))).unwrap();
    if let Some(ids) = kept_ids {
        index = index.with_ids(ids).unwrap();
    }
    assert_eq!(index.dimension(), DIMENSION);
    let found: Vec<_> = index
        .search(&floats(&answers, "queries"), 10)
        .unwrap()
        .concat();
    let found_ids: Vec<u64> = found.iter().map(|hit| index.id(hit.row)).collect();
    assert_eq!(
        found_ids,
        ids(&answers, &format!("{name}.ids")),
        "{folder_name} {name}"
    );
    assert_eq!(found.len(), 200);
    for (hit, score) in found
        .iter()
        .zip(floats(&answers, &format!("{name}.scores")))
    {
        assert!(
            (hit.score - score).abs() < 1e-6,
            "{folder_name} {name}: {} {score}",
            hit.score
        );
    }
    if name == "flat" {
        let vectors = floats(&answers, "vectors");
        assert_eq!(index.vectors().unwrap(), vectors);
        let file = tempfile::NamedTempFile::new().unwrap();
        VectorIndex::build(DIMENSION, FLAT, &vectors)
            .unwrap()
            .save(file.path())
            .unwrap();
        assert_eq!(
            std::fs::read(file.path()).unwrap(),
            std::fs::read(folder.join("flat.faiss")).unwrap(),
            "{folder_name}: an exact index is the same bytes, whoever wrote it"
        );
    }
}

#[test]
fn what_python_wrote_is_read() {
    for name in ["flat", "hnsw", "ivf_flat", "ivf_pq"] {
        finds_the_answers("python", name, None);
    }
}

#[test]
fn what_was_written_for_python_is_still_read() {
    for name in ["flat", "hnsw", "ivf_flat", "ivf_pq"] {
        finds_the_answers("rust", name, None);
    }
    // 150 rows less four, one of them the last, whose number the first of six new ones has.
    let gone = [0, 7, 40];
    let ids = (0..155u64).filter(|id| !gone.contains(id)).collect();
    finds_the_answers("rust", "changed", Some(ids));
}
