//! Long work on one rank while the others wait.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::time::Duration;

use common::{end, folder, free_port, start, world};
use jobmatch_torch_ext::Error;

/// Runs the test called `name` on two ranks; `kill` ends rank 1 as soon as it is at work.
fn two_ranks(name: &str, kill: bool) {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let [first, mut second] = [0, 1].map(|rank| start(name, rank, 2, port, folder.path()));
    if kill {
        while !folder.path().join("ready").exists() {
            std::thread::sleep(Duration::from_millis(20));
        }
        second.kill().unwrap();
    }
    let (first, second) = (end(first), end(second));
    assert!(first.success, "{}", first.text);
    assert!(kill || second.success, "{}", second.text);
}

#[test]
fn work_may_take_longer_than_the_timeout() {
    if folder().is_none() {
        return two_ranks("work_may_take_longer_than_the_timeout", false);
    }
    let world = world(Duration::from_secs(1));
    for time in 0..3 {
        let value = world.together(|| {
            if world.rank() == time % 2 {
                std::thread::sleep(Duration::from_secs(3));
            }
            Ok::<_, Error>(world.rank())
        });
        assert_eq!(value.unwrap(), world.rank());
    }
}

#[test]
fn the_others_hear_of_a_failure() {
    if folder().is_none() {
        return two_ranks("the_others_hear_of_a_failure", false);
    }
    let world = world(Duration::from_secs(5));
    let outcome = world.together(|| {
        if world.is_first() {
            return Err(Error::State {
                problem: "the disk is full".to_owned(),
            });
        }
        Ok(())
    });
    let error = outcome.unwrap_err().to_string();
    let expected = if world.is_first() {
        "the saved state does not fit: the disk is full"
    } else {
        "rank 0 failed: the saved state does not fit: the disk is full"
    };
    assert_eq!(error, expected);
}

#[test]
fn a_dead_rank_is_not_waited_for() {
    let Some(folder) = folder() else {
        return two_ranks("a_dead_rank_is_not_waited_for", true);
    };
    let world = world(Duration::from_secs(2));
    let outcome = world.together(|| {
        if !world.is_first() {
            std::fs::write(folder.join("ready"), "").unwrap();
            std::thread::sleep(Duration::from_secs(60));
        }
        Ok::<_, Error>(())
    });
    assert_eq!(
        outcome.unwrap_err().to_string(),
        "rank 1 has given no sign of life for 2s"
    );
}
