//! What goes wrong between ranks is an error with words on every rank, within the time that was given.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::time::{Duration, Instant};

use common::{end, folder, free_port, on_ranks, start, world};
use jobmatch_torch_ext::{Ddp, DdpConfig, Reduction, Rendezvous, World};
use tch::{Device, Kind, Tensor, nn};

fn zeros(shape: &[i64]) -> Tensor {
    Tensor::zeros(shape, (Kind::Float, Device::Cpu))
}

#[test]
fn ranks_that_differ_hear_how() {
    on_ranks("ranks_that_differ_hear_how", 2, |world| {
        let first = world.is_first();
        let sum = |tensor: &Tensor| {
            let outcome = world.all_reduce(tensor, Reduction::Sum);
            outcome.unwrap_err().to_string()
        };
        let shapes = sum(&zeros(if first { &[2, 3] } else { &[6] }));
        assert!(
            shapes.contains("rank 0: all_reduce (sum) of Float [2, 3]")
                && shapes.contains("rank 1: all_reduce (sum) of Float [6]"),
            "{shapes}"
        );
        let kinds = sum(&zeros(&[2]).to_kind(if first { Kind::Float } else { Kind::Half }));
        assert!(
            kinds.contains("rank 1: all_reduce (sum) of Half [2]"),
            "{kinds}"
        );
        let strided = sum(&if first {
            zeros(&[4])
        } else {
            zeros(&[4, 2]).select(1, 0)
        });
        assert_eq!(
            strided,
            "all_reduce: the tensor on rank 1 is not contiguous"
        );
        let operations = if first {
            world.barrier().unwrap_err().to_string()
        } else {
            world.all_gather(&zeros(&[2])).unwrap_err().to_string()
        };
        assert_eq!(
            operations,
            "the ranks do not agree: rank 0: barrier; rank 1: all_gather of Float [2] on the CPU"
        );
        // The world is sound after it.
        let one = zeros(&[1]) + 1;
        world.all_reduce(&one, Reduction::Sum).unwrap();
        assert_eq!(one.double_value(&[0]), 2.0);
    });
}

#[test]
fn parameters_that_differ_are_refused() {
    on_ranks("parameters_that_differ_are_refused", 2, |world| {
        let store = nn::VarStore::new(Device::Cpu);
        let _ = store.root().var("same", &[3], nn::Init::Const(0.0));
        let rows = if world.is_first() { 4 } else { 5 };
        let _ = store
            .root()
            .var("differs", &[rows, 2], nn::Init::Const(0.0));
        let outcome = Ddp::new(world, &store.trainable_variables(), &DdpConfig::default());
        assert_eq!(
            outcome.unwrap_err().to_string(),
            "the ranks do not agree: rank 0: tensor 1 is Float [4, 2]; rank 1: tensor 1 is Float [5, 2]"
        );
    });
}

#[test]
fn a_parameter_outside_the_loss_is_told() {
    on_ranks("a_parameter_outside_the_loss_is_told", 2, |world| {
        let store = nn::VarStore::new(Device::Cpu);
        let used = store.root().var("used", &[3], nn::Init::Const(1.0));
        let _ = store.root().var("unused", &[3], nn::Init::Const(1.0));
        let config = DdpConfig::default();
        let ddp = Ddp::new(world, &store.trainable_variables(), &config).unwrap();
        let error = ddp
            .backward(&used.sum(Kind::Float))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("some parameters do not take part in the loss"),
            "{error}"
        );
    });
}

#[test]
fn a_host_that_does_not_answer_is_named() {
    let rendezvous = Rendezvous {
        rank: 1,
        size: 2,
        local_rank: 1,
        host: "127.0.0.1".to_owned(),
        port: free_port(),
        hosts_store: false,
        prefix: "/test".to_owned(),
        timeout: Duration::from_secs(2),
    };
    let begun = Instant::now();
    let error = World::connect(&rendezvous, Device::Cpu)
        .unwrap_err()
        .to_string();
    let start = format!(
        "rank 1 cannot reach the store at 127.0.0.1:{}",
        rendezvous.port
    );
    assert!(error.starts_with(&start), "{error}");
    assert!(error.contains("check MASTER_ADDR"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn ranks_that_do_not_come_are_named() {
    const NAME: &str = "ranks_that_do_not_come_are_named";
    if folder().is_some() {
        let mut rendezvous = Rendezvous::from_env().unwrap().unwrap();
        rendezvous.timeout = Duration::from_secs(2);
        let error = World::connect(&rendezvous, Device::Cpu)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("still waits for 2 ranks of 4: 1, 3"),
            "{error}"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let children = [0, 2].map(|rank| start(NAME, rank, 4, port, folder.path()));
    for ended in children.map(end) {
        assert!(ended.success, "{}", ended.text);
    }
}

/// Rank 1 of the test called `name` is killed once all ranks have met; rank 0 has to find out with `body`.
fn with_a_dead_rank(name: &str, body: impl FnOnce(&World, Box<dyn FnOnce()>)) {
    if let Some(folder) = folder() {
        let world = world(Duration::from_secs(5));
        let die = world.rank() == 1;
        let wait = move || {
            if die {
                std::fs::write(folder.join("ready"), "").unwrap();
                std::thread::sleep(Duration::from_secs(60));
            }
        };
        return body(&world, Box::new(wait));
    }
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let [first, mut second] = [0, 1].map(|rank| start(name, rank, 2, port, folder.path()));
    while !folder.path().join("ready").exists() {
        std::thread::sleep(Duration::from_millis(20));
    }
    second.kill().unwrap();
    second.wait().unwrap();
    let begun = Instant::now();
    let ended = end(first);
    assert!(ended.success, "{}", ended.text);
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn the_death_of_a_rank_ends_a_collective() {
    with_a_dead_rank("the_death_of_a_rank_ends_a_collective", |world, die| {
        let one = zeros(&[1]) + 1;
        world.all_reduce(&one, Reduction::Sum).unwrap();
        die();
        let outcome = world.all_reduce(&one, Reduction::Sum);
        let error = outcome.unwrap_err().to_string();
        assert!(
            error.starts_with("all_reduce failed on rank 0 of 2: "),
            "{error}"
        );
        assert!(error.contains("a rank has died"), "{error}");
    });
}

#[test]
fn the_death_of_a_rank_ends_backward() {
    with_a_dead_rank("the_death_of_a_rank_ends_backward", |world, die| {
        let weight = zeros(&[3]).set_requires_grad(true);
        let parameters = [weight.shallow_clone()];
        let ddp = Ddp::new(world, &parameters, &DdpConfig::default()).unwrap();
        let loss = || (&weight * 2).sum(Kind::Float);
        ddp.backward(&loss()).unwrap();
        die();
        let error = ddp.backward(&loss()).unwrap_err().to_string();
        let start = "averaging the gradients failed on rank 0 of 2: ";
        assert!(error.starts_with(start), "{error}");
        assert!(error.contains("a rank has died"), "{error}");
    });
}
