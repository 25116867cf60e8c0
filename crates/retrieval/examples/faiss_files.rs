//! Writes small index files and what is found in them, for `fixtures/reference/faiss_index.py check` to compare:
//! `cargo run --release -p jobmatch-retrieval --example faiss_files -- FOLDER`.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;

use jobmatch_retrieval::VectorIndex;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

const DIMENSION: usize = 16;
const BEST: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os()
        .nth(1)
        .ok_or("give the folder to write")?;
    let folder = PathBuf::from(folder);
    std::fs::create_dir_all(&folder)?;
    let (vectors, queries) = (unit_vectors(150, 1), unit_vectors(20, 2));
    let mut tensors = BTreeMap::new();
    tensors.insert("vectors".to_owned(), floats(&vectors, DIMENSION));
    tensors.insert("queries".to_owned(), floats(&queries, DIMENSION));
    for (name, factory) in [
        ("flat", "Flat"),
        ("hnsw", "HNSW8"),
        ("ivf_flat", "IVF4,Flat"),
        ("ivf_pq", "IVF4,PQ8x4"),
        ("changed", "IVF4,Flat"),
    ] {
        let mut index = VectorIndex::build(DIMENSION, factory, &vectors)?;
        if name == "changed" {
            index.remove(&[0, 7, 40, 149])?;
            index.add(&unit_vectors(6, 3))?;
        }
        index.save(&folder.join(format!("{name}.faiss")))?;
        let (mut ids, mut scores) = (Vec::new(), Vec::new());
        for hits in index.search(&queries, BEST)? {
            for hit in hits {
                ids.extend(index.id(hit.row).to_le_bytes());
                scores.push(hit.score);
            }
        }
        let shape = vec![scores.len() / BEST, BEST];
        tensors.insert(format!("{name}.ids"), (Dtype::I64, shape, ids));
        tensors.insert(format!("{name}.scores"), floats(&scores, BEST));
    }
    let views: Result<Vec<_>, _> = tensors
        .iter()
        .map(|(name, (dtype, shape, bytes))| {
            Ok::<_, safetensors::SafeTensorError>((
                name,
                TensorView::new(*dtype, shape.clone(), bytes)?,
            ))
        })
        .collect();
    safetensors::serialize_to_file(views?, None, &folder.join("answers.safetensors"))?;
    Ok(())
}

fn floats(values: &[f32], width: usize) -> (Dtype, Vec<usize>, Vec<u8>) {
    let bytes = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    (Dtype::F32, vec![values.len() / width, width], bytes)
}

/// Unit vectors from a linear congruential generator.
fn unit_vectors(rows: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    };
    let mut values: Vec<f32> = (0..rows * DIMENSION).map(|_| next()).collect();
    for vector in values.chunks_mut(DIMENSION) {
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        vector.iter_mut().for_each(|value| *value /= length);
    }
    values
}
