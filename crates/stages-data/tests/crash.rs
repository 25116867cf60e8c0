//! `jobmatch-dataset` is killed, or finds the disk full, at every point; run again, it makes the same bytes.
//!
//! A daily run takes a handful of points, `cargo xtask test --slow` all of them, or a few hundred.
#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;
#[path = "common/crash/mod.rs"]
mod crash;

use std::collections::BTreeMap;
use std::thread;
use std::time::Instant;

use crash::{Disturbance, Disturbed, Operations, Process};

fn is_slow() -> bool {
    std::env::var_os("JOBMATCH_SLOW").is_some()
}

/// What an undisturbed run makes, and the operations that it takes.
fn undisturbed() -> (BTreeMap<String, String>, Operations) {
    let place = Disturbed::new();
    let alone = Process::alone(1);
    alone.run(&place.0, Disturbance::Nothing).success();
    let map = place.map();
    assert!(map.len() > 3, "{map:?}");
    (map, alone.operations(&place.0))
}

/// Numbers from 1 to `last`, both among them: `daily` of them, or each when that is no more than `slow`.
fn points(last: u64, daily: u64, slow: u64) -> Vec<u64> {
    assert!(last > 1, "no operation was counted");
    let wanted = if is_slow() { slow } else { daily };
    let parts = (wanted - 1).min(last - 1);
    (0..=parts)
        .map(|part| 1 + part * (last - 1) / parts)
        .collect()
}

/// Numbers that look random and are the same in every run (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

#[test]
fn killed_at_an_operation() {
    let (expected, operations) = undisturbed();
    let mut points = points(operations.all, 12, 300);
    // Around the rename that publishes, each one counts.
    let published = operations.last_rename;
    points.extend(published.saturating_sub(8).max(1)..operations.all.min(published + 4));
    for (number, at) in points.into_iter().enumerate() {
        let place = Disturbed::new();
        let disturbance = if number % 2 == 0 {
            Disturbance::Kill(at)
        } else {
            Disturbance::Tear(at)
        };
        let killed = Process::alone(1).run(&place.0, disturbance);
        assert_eq!(killed.code, None, "{disturbance:?}: {}", killed.stderr);
        place.ends_with(Process::alone(1), &expected);
    }
}

#[test]
fn killed_again_while_it_goes_on() {
    let (expected, operations) = undisturbed();
    let mut random = Random(1);
    for _ in 0..if is_slow() { 60 } else { 3 } {
        let place = Disturbed::new();
        for _ in 0..4 {
            let at = 1 + random.below(operations.all);
            // With more threads, and with a part done, the operation may not come.
            let ended = Process::alone(3).run(&place.0, Disturbance::Tear(at));
            assert!(matches!(ended.code, None | Some(0)), "{}", ended.stderr);
            place.is_absent_or_whole();
        }
        place.ends_with(Process::alone(2), &expected);
    }
}

#[test]
fn killed_at_any_moment() {
    let (expected, _) = undisturbed();
    let start = Instant::now();
    let place = Disturbed::new();
    place.ends_with(Process::alone(2), &expected);
    let whole = start.elapsed();
    let mut random = Random(2);
    for _ in 0..if is_slow() { 60 } else { 5 } {
        let place = Disturbed::new();
        for _ in 0..3 {
            let running = Process::alone(2).start(&place.0, Disturbance::Nothing);
            let share = random.below(1000) as u32;
            thread::sleep(whole * share / 1000);
            running.kill();
            place.is_absent_or_whole();
        }
        place.ends_with(Process::alone(2), &expected);
    }
}

#[test]
fn a_full_disk_is_said_and_harms_nothing() {
    let (expected, operations) = undisturbed();
    let points = points(operations.last_write, 12, 300);
    for (number, at) in points.into_iter().enumerate() {
        let place = Disturbed::new();
        let disturbance = if number % 2 == 0 {
            Disturbance::Full(at)
        } else {
            Disturbance::ShortThenFull(at)
        };
        let alone = Process::alone(1);
        let ended = alone.run(&place.0, disturbance);
        // Half of the last write may have been all that it needed.
        let is_last = at == operations.last_write && ended.code == Some(0);
        if !(is_last && matches!(disturbance, Disturbance::ShortThenFull(_))) {
            assert_eq!(ended.code, Some(1), "{disturbance:?}: {}", ended.stderr);
            for part in [".out.work/", "No space left on device"] {
                assert!(
                    ended.stderr.contains(part),
                    "{disturbance:?}: {}",
                    ended.stderr
                );
            }
            assert!(!place.0.path("out").exists());
        }
        place.ends_with(alone, &expected);
    }
}

#[test]
fn any_number_of_threads() {
    let (expected, _) = undisturbed();
    for threads in [1, 2, 7] {
        Disturbed::new().ends_with(Process::alone(threads), &expected);
    }
}

/// The processes of a world of this size.
fn world(world_size: u32) -> Vec<Process> {
    let process = |rank| Process {
        rank,
        world_size,
        threads: 1,
    };
    (0..world_size).map(process).collect()
}

#[test]
fn any_number_of_processes() {
    let (expected, _) = undisturbed();
    for world_size in [1, 2, 5] {
        let place = Disturbed::new();
        let start = |process: Process| process.start(&place.0, Disturbance::Nothing);
        let processes: Vec<_> = world(world_size).into_iter().map(start).collect();
        for running in processes {
            running.end().success();
        }
        place.holds(&expected);
    }
}

#[test]
fn a_process_of_several_is_killed_and_started_again() {
    let (expected, operations) = undisturbed();
    let mut random = Random(3);
    for round in 0..if is_slow() { 40 } else { 4 } {
        let world = world(if round % 2 == 0 { 2 } else { 5 });
        let victim = world[random.below(world.len() as u64) as usize];
        // A share of the operations is each process's own; one that does fewer ends as it should.
        let at = 1 + random.below(operations.all / u64::from(victim.world_size));
        let place = Disturbed::new();
        let start = |process: &Process| {
            let disturbance = if process.rank == victim.rank {
                Disturbance::Tear(at)
            } else {
                Disturbance::Nothing
            };
            (*process, process.start(&place.0, disturbance))
        };
        let (first, others): (Vec<_>, Vec<_>) = world
            .iter()
            .map(start)
            .partition(|(process, _)| process.rank == victim.rank);
        for (_, running) in first {
            let ended = running.end();
            assert!(matches!(ended.code, None | Some(0)), "{}", ended.stderr);
        }
        place.is_absent_or_whole();
        victim.run(&place.0, Disturbance::Nothing).success();
        for (_, running) in others {
            running.end().success();
        }
        place.holds(&expected);
    }
}

#[test]
fn another_number_of_processes_goes_on() {
    let (expected, operations) = undisturbed();
    let place = Disturbed::new();
    let at = Disturbance::Kill(operations.all / 3);
    let start = |process: Process| process.start(&place.0, at);
    let mut processes: Vec<_> = world(5).into_iter().map(start).collect();
    // The first one falls by itself, and the others would wait for it.
    let first = processes.remove(0).end();
    assert!(matches!(first.code, None | Some(0)), "{}", first.stderr);
    for running in processes {
        running.kill();
    }
    place.ends_with(Process::alone(2), &expected);
}
