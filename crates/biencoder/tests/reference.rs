//! The objective against sentence-transformers' numbers (`fixtures/reference/encoder.py` makes them).
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

use std::collections::HashMap;

use jobmatch_biencoder::multiple_negatives_ranking_loss;
use jobmatch_encoder::l2_normalize;
use tch::Tensor;

fn reference() -> HashMap<String, Tensor> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/reference/encoder.safetensors"
    );
    Tensor::read_safetensors(path)
        .unwrap()
        .into_iter()
        .collect()
}

fn distance(ours: &Tensor, theirs: &Tensor) -> f64 {
    (ours - theirs).abs().max().double_value(&[])
}

#[test]
fn loss_and_gradients_equal_those_of_sentence_transformers() {
    let numbers = reference();
    for (name, symmetric) in [("ranking", false), ("ranking_symmetric", true)] {
        let queries = numbers["ranking_queries"].copy().set_requires_grad(true);
        let passages = numbers["ranking_passages"].copy().set_requires_grad(true);
        // The reference's cosine normalizes, so its gradients are those of vectors before normalization.
        let (unit_queries, unit_passages) = (l2_normalize(&queries), l2_normalize(&passages));
        let one_way =
            |from: &Tensor, to: &Tensor| multiple_negatives_ranking_loss(from, to, None, 20.0, 0);
        let forward = one_way(&unit_queries, &unit_passages);
        let loss = if symmetric {
            (forward + one_way(&unit_passages, &unit_queries)) / 2.0
        } else {
            forward
        };
        loss.backward();
        let checks = [
            ("loss", loss.detach().view(1)),
            ("queries_gradient", queries.grad()),
            ("passages_gradient", passages.grad()),
        ];
        for (what, ours) in checks {
            let difference = distance(&ours, &numbers[&format!("{name}_{what}")]);
            assert!(difference < 1e-6, "{name} {what}: {difference}");
        }
    }
}
