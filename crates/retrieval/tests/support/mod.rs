//! Vectors, and a search by hand.
#![allow(dead_code, reason = "not every test file uses every helper")]

use jobmatch_retrieval::Hit;

/// Vectors of small whole numbers: their products are exact in f32 whatever the order of the sum, and full of ties.
pub fn whole_numbers(rows: usize, dimension: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    (0..rows * dimension)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % 7) as f32 - 3.0
        })
        .collect()
}

pub fn by_hand(dimension: usize, vectors: &[f32], query: &[f32], k: usize) -> Vec<Hit> {
    let mut hits: Vec<Hit> = vectors
        .chunks(dimension)
        .enumerate()
        .map(|(row, vector)| Hit {
            row,
            score: vector.iter().zip(query).map(|(a, b)| a * b).sum::<f32>() + 0.0,
        })
        .collect();
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
    hits.truncate(k);
    hits
}

/// Unit vectors whose products round.
pub fn unit_vectors(rows: usize, dimension: usize, seed: u64) -> Vec<f32> {
    let mut values: Vec<f32> = whole_numbers(rows, dimension, seed)
        .iter()
        .enumerate()
        .map(|(at, value)| value + (at as f32 * 0.618).sin())
        .collect();
    for vector in values.chunks_mut(dimension) {
        let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
        vector.iter_mut().for_each(|v| *v /= length);
    }
    values
}
