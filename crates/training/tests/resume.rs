//! A run that was killed, again and again, ends with the bytes of one that was not.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../../torch-ext/tests/common/mod.rs"]
mod common;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use common::{by_itself, end, folder, free_port, start};
use jobmatch_torch_ext::World;
use jobmatch_training::{Error, Precision};
use support::{Case, alone, train, write_rows};
use tch::Kind;

fn case(precision: Precision) -> Case {
    Case {
        steps: 60,
        accumulation: 2,
        dropout: 0.2,
        kind: Kind::Float,
        precision,
        checkpoint_every: 2,
        evaluate_every: 5,
    }
}

fn world() -> World {
    if std::env::var("WORLD_SIZE").is_ok_and(|size| size == "1") {
        alone()
    } else {
        common::world(Duration::from_secs(20))
    }
}

/// All that a training leaves: the log, the checkpoints, the best weights; by name.
fn left(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.join("work")];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let hidden = path.file_name().unwrap().to_string_lossy().starts_with('.');
            if path.is_dir() {
                folders.push(path);
            } else if !hidden {
                let name = path.strip_prefix(folder).unwrap().to_path_buf();
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// A new folder with rows in it.
fn prepared() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_rows(&folder.path().join("train"), 100);
    fs::create_dir(folder.path().join("work")).unwrap();
    folder
}

fn start_all(name: &str, size: u32, folder: &Path) -> Vec<Child> {
    let port = free_port();
    (0..size)
        .map(|rank| start(name, rank, size, port, folder))
        .collect()
}

/// Whether a checkpoint is being written.
fn is_writing(folder: &Path) -> bool {
    let entries = fs::read_dir(folder.join("work/checkpoints"));
    entries.into_iter().flatten().flatten().any(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.starts_with(".checkpoint") && name.ends_with(".work")
    })
}

/// Runs the test called `name` on `size` ranks undisturbed, and killed `kills` times: every other time while a checkpoint
/// is written, else at some moment; one rank or another.
fn killed_and_not(name: &str, size: u32, kills: u32) {
    let straight = prepared();
    let begun = Instant::now();
    for ended in start_all(name, size, straight.path()).into_iter().map(end) {
        assert!(ended.success, "{}", ended.text);
    }
    let whole = begun.elapsed();
    let expected = left(straight.path());
    assert!(expected.len() > 8, "{:?}", expected.keys());

    let disturbed = prepared();
    for kill in 0..kills {
        let mut children = start_all(name, size, disturbed.path());
        let begun = Instant::now();
        if kill % 2 == 0 {
            // Not the first write of this run: it has to get on, or there would be no end.
            std::thread::sleep(whole / 3);
            while !is_writing(disturbed.path()) && begun.elapsed() < whole * 2 {
                std::thread::yield_now();
            }
        } else {
            std::thread::sleep(whole * (3 + kill % 5) / 9);
        }
        children[(kill % size) as usize].kill().unwrap();
        children.into_iter().map(end).for_each(drop);
    }
    for ended in start_all(name, size, disturbed.path()).into_iter().map(end) {
        assert!(ended.success, "{}", ended.text);
    }
    let found = left(disturbed.path());
    assert_eq!(
        expected.keys().collect::<Vec<_>>(),
        found.keys().collect::<Vec<_>>()
    );
    for (path, bytes) in &expected {
        assert!(found[path] == *bytes, "{} differs", path.display());
    }
}

/// Kills of the daily test, and of the long one.
fn kills() -> u32 {
    if std::env::var_os("JOBMATCH_SLOW").is_some() {
        40
    } else {
        6
    }
}

#[test]
fn one_rank_goes_on_to_the_same_bytes() {
    match folder() {
        Some(folder) => drop(train(
            &world(),
            &folder,
            &case(Precision::Float32),
            true,
            |_| (),
        )),
        None => killed_and_not("one_rank_goes_on_to_the_same_bytes", 1, kills()),
    }
}

#[test]
fn two_ranks_go_on_to_the_same_bytes() {
    let Some(folder) = folder() else {
        return killed_and_not("two_ranks_go_on_to_the_same_bytes", 2, kills());
    };
    // A rank whose partner was killed ends with an error.
    if let Err(error) = train(&world(), &folder, &case(Precision::Float32), true, |_| ()) {
        panic!("{error}");
    }
}

#[test]
fn half_precision_goes_on_with_its_loss_scale() {
    match folder() {
        Some(folder) => {
            drop(train(&world(), &folder, &case(Precision::Fp16), true, |_| ()).unwrap())
        }
        None => killed_and_not("half_precision_goes_on_with_its_loss_scale", 1, 3),
    }
}

/// Slurm's warning: a checkpoint is written at once, the error says so, and the run goes on from there.
#[test]
fn a_warning_leaves_a_checkpoint() {
    by_itself("a_warning_leaves_a_checkpoint", || {
        let straight = prepared();
        let world = alone();
        let mut case = case(Precision::Float32);
        case.checkpoint_every = 1000;
        drop(train(&world, straight.path(), &case, true, |_| ()).unwrap());

        let warned = prepared();
        let outcome = train(&world, warned.path(), &case, true, |trainer| {
            if trainer.done() == 17 {
                let status = std::process::Command::new("kill")
                    .args(["-TERM", &std::process::id().to_string()])
                    .status();
                assert!(status.unwrap().success());
            }
        });
        let Err(Error::Stopped { step, steps }) = outcome else {
            panic!("it was not stopped");
        };
        assert_eq!((step, steps), (18, 60));
        assert!(
            warned
                .path()
                .join("work/checkpoints/checkpoint-0000000018")
                .exists()
        );
        drop(train(&world, warned.path(), &case, true, |_| ()).unwrap());
        let log = |folder: &Path| fs::read(folder.join("work/log.jsonl")).unwrap();
        assert!(log(straight.path()) == log(warned.path()));
    });
}

#[test]
fn a_damaged_checkpoint_is_left_for_the_one_before() {
    by_itself("a_damaged_checkpoint_is_left_for_the_one_before", || {
        let folder = prepared();
        let world = alone();
        let mut case = case(Precision::Float32);
        case.steps = 20;
        let weights = train(&world, folder.path(), &case, true, |_| ())
            .unwrap()
            .weights();
        let newest = folder
            .path()
            .join("work/checkpoints/checkpoint-0000000020/weights.safetensors");
        let mut bytes = fs::read(&newest).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&newest, bytes).unwrap();
        let mut first = None;
        let again = train(&world, folder.path(), &case, true, |trainer| {
            first.get_or_insert(trainer.done());
        });
        assert_eq!(first, Some(19));
        assert!(again.unwrap().weights() == weights);
    });
}

#[test]
fn other_rows_are_refused() {
    by_itself("other_rows_are_refused", || {
        let folder = prepared();
        let world = alone();
        let mut case = case(Precision::Float32);
        case.steps = 4;
        drop(train(&world, folder.path(), &case, true, |_| ()).unwrap());
        write_rows(&folder.path().join("train"), 90);
        let error = train(&world, folder.path(), &case, true, |_| ())
            .err()
            .unwrap();
        assert!(
            error.to_string().contains("counts in other rows"),
            "{error}"
        );
    });
}
