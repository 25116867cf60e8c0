//! The objective against sentence-transformers' numbers (`fixtures/reference/ranking.py` makes them).
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

use std::collections::HashMap;

use jobmatch_biencoder::multiple_negatives_ranking_loss;
use jobmatch_encoder::l2_normalize;
use tch::{Kind, Tensor};

const NEGATIVES: usize = 2;
const MATRYOSHKA: [i64; 3] = [32, 16, 8];

fn reference() -> HashMap<String, Tensor> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/reference/ranking.safetensors"
    );
    Tensor::read_safetensors(path)
        .unwrap()
        .into_iter()
        .collect()
}

fn distance(ours: &Tensor, theirs: &Tensor) -> f64 {
    (ours - theirs).abs().max().double_value(&[])
}

/// The loss as the trainer puts it together: columns are passages, then hard negatives.
fn loss(vectors: &[Tensor], both: bool, dimensions: &[i64]) -> Tensor {
    let at = |dimension: i64| {
        // The reference's cosine normalizes, so its gradients are those of vectors before normalization.
        let cut: Vec<Tensor> = vectors
            .iter()
            .map(|rows| l2_normalize(&rows.narrow(-1, 0, dimension)))
            .collect();
        let one_way =
            |from: &Tensor, to: &Tensor| multiple_negatives_ranking_loss(from, to, None, 20.0, 0);
        let forward = one_way(&cut[0], &Tensor::cat(&cut[1..], 0));
        if both {
            (forward + one_way(&cut[1], &cut[0])) / 2.0
        } else {
            forward
        }
    };
    let losses = dimensions.iter().map(|dimension| at(*dimension));
    losses.reduce(|sum, each| sum + each).unwrap()
}

#[test]
fn loss_and_gradients_equal_those_of_sentence_transformers() {
    let numbers = reference();
    let names = ["queries", "passages", "negatives_0", "negatives_1"];
    let mut cases = 0;
    for hard in [0, NEGATIVES] {
        for (directions, both) in [("one", false), ("both", true)] {
            for (suffix, dimensions) in [("", &MATRYOSHKA[..1]), ("_matryoshka", &MATRYOSHKA[..])] {
                let case = format!("{directions}_{hard}{suffix}");
                let vectors: Vec<Tensor> = names[..2 + hard]
                    .iter()
                    .map(|name| numbers[*name].copy().set_requires_grad(true))
                    .collect();
                let loss = loss(&vectors, both, dimensions);
                loss.backward();
                let theirs = numbers[&format!("{case}/loss")].to_kind(Kind::Double);
                let difference = distance(&loss.detach().view(1), &theirs);
                assert!(
                    difference < 1e-6,
                    "{case}: the loss differs by {difference}"
                );
                for (name, rows) in names.iter().zip(&vectors) {
                    let difference = distance(&rows.grad(), &numbers[&format!("{case}/{name}")]);
                    assert!(difference < 1e-6, "{case}, {name}: {difference}");
                    cases += 1;
                }
            }
        }
    }
    assert_eq!(cases, 4 * 2 + 4 * 4);
}
