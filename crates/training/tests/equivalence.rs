//! One batch is one batch, however many ranks and parts compute it.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../../torch-ext/tests/common/mod.rs"]
mod common;
mod support;

use std::path::Path;
use std::time::Duration;

use common::{end, folder, free_port, start};
use jobmatch_torch_ext::World;
use support::{Case, train, write_rows};
use tch::{Device, Kind, Tensor};

const NAME: &str = "ranks_and_parts_do_not_change_the_result";

/// Trains with 1, 2 and 4 parts and leaves the weights in `folder`.
fn run_all(world: &World, folder: &Path) {
    for accumulation in [1, 2, 4] {
        let case = Case {
            accumulation,
            ..Case::default()
        };
        let mut steps = 0;
        let net = train(world, folder, &case, false, |trainer| {
            steps += 1;
            // Each bucket once in a step, whatever the number of parts.
            let ddp = trainer.ddp();
            assert_eq!(ddp.all_reduces(), ddp.buckets() * steps);
            assert_eq!(ddp.buckets() > 0, world.size() > 1);
        })
        .unwrap();
        if world.is_first() {
            let name = format!("{}-{accumulation}.safetensors", world.size());
            let weights = Tensor::from_slice(&net.weights());
            Tensor::write_safetensors(&[("weights", &weights)], folder.join(name)).unwrap();
        }
    }
}

fn read(folder: &Path, ranks: u32, accumulation: usize) -> Tensor {
    let path = folder.join(format!("{ranks}-{accumulation}.safetensors"));
    Tensor::read_safetensors(path).unwrap().remove(0).1
}

/// 20 steps in float64 without dropout: three epochs of 100 rows in batches of 16, so the last batch of an epoch has 4
/// rows, fewer than the 16 shares of 4 ranks with 4 parts.
#[test]
fn ranks_and_parts_do_not_change_the_result() {
    if let Some(folder) = folder() {
        return run_all(&common::world(Duration::from_secs(60)), &folder);
    }
    let folder = tempfile::tempdir().unwrap();
    write_rows(&folder.path().join("train"), 100);
    run_all(&World::alone(Device::Cpu), folder.path());
    for size in [2, 4] {
        let port = free_port();
        let children: Vec<_> = (0..size)
            .map(|rank| start(NAME, rank, size, port, folder.path()))
            .collect();
        for ended in children.into_iter().map(end) {
            assert!(ended.success, "{}", ended.text);
        }
    }
    let one = read(folder.path(), 1, 1);
    let moved = (&one
        - Tensor::from_slice(&support::Net::new(&Case::default(), Device::Cpu).weights()))
    .abs()
    .max()
    .double_value(&[]);
    assert!(moved > 1e-3, "nothing was trained: {moved}");
    for size in [1, 2, 4] {
        for accumulation in [1, 2, 4] {
            let difference = (&one - read(folder.path(), size, accumulation)).abs().max();
            let difference = difference.to_kind(Kind::Double).double_value(&[]);
            assert!(
                difference < 1e-10,
                "{size} ranks, {accumulation} parts: {difference}"
            );
        }
    }
}
