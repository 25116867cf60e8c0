//! Gradients over ranks, in several buckets and in parts.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use common::on_ranks;
use jobmatch_torch_ext::{Ddp, DdpConfig};
use tch::{Device, Kind, Tensor, nn};

/// Rank-dependent weights to begin with, so that only a broadcast makes them equal.
fn parameters(first: f64) -> (nn::VarStore, Vec<Tensor>) {
    let store = nn::VarStore::new(Device::Cpu);
    for (number, rows) in [5, 300, 7, 40].into_iter().enumerate() {
        let name = format!("weight{number}");
        let _ = store.root().var(&name, &[rows], nn::Init::Const(first));
    }
    let parameters = store.trainable_variables();
    (store, parameters)
}

fn loss(parameters: &[Tensor], factor: f64) -> Tensor {
    let squares = parameters.iter().map(|each| each.square().sum(Kind::Float));
    squares.fold(Tensor::from(0f32), |sum, square| sum + square) * factor
}

#[test]
fn gradients_are_the_mean_over_ranks_and_the_sum_over_parts() {
    const NAME: &str = "gradients_are_the_mean_over_ranks_and_the_sum_over_parts";
    on_ranks(NAME, 3, |world| {
        let rank = f64::from(world.rank());
        let (_store, parameters) = parameters(2.0 + rank);
        let config = DdpConfig {
            bucket_bytes: 256,
            first_bucket_bytes: 64,
        };
        let ddp = Ddp::new(world, &parameters, &config).unwrap();
        assert!(ddp.buckets() >= 3, "{} buckets", ddp.buckets());
        assert_eq!(parameters[1].double_value(&[0]), 2.0);
        for step in 1..=5 {
            for parameter in &parameters {
                let mut gradient = parameter.grad();
                if gradient.defined() {
                    let _ = gradient.zero_();
                }
            }
            // Two parts of this rank's own, then the one that is reduced: 4 · (1 + 2 + 3 + rank) on average over ranks.
            ddp.backward_without_reducing(&loss(&parameters, 1.0))
                .unwrap();
            ddp.backward_without_reducing(&loss(&parameters, 2.0))
                .unwrap();
            assert_eq!(ddp.all_reduces(), ddp.buckets() * (step - 1));
            ddp.backward(&loss(&parameters, 3.0 + rank)).unwrap();
            assert_eq!(ddp.all_reduces(), ddp.buckets() * step);
            for parameter in &parameters {
                let gradient = parameter.grad();
                let expected = Tensor::full_like(&gradient, 28.0);
                assert!(gradient.allclose(&expected, 1e-6, 1e-6, false));
            }
        }
    });
}
