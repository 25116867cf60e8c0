//! Trainings as run: killed at some moment and started again, on one rank and on two, they publish the bytes of a run
//! that was not.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{PROGRAMS, Place, place_with_everything, published};

const BIENCODER: &str = "--dataset dataset --model bi --definitions definitions.tsv --batch-size 16 --epochs 4 \
                         --evaluate-every 7 --checkpoint-every 3 --accumulation 2 --seed 3 --quiet";
const CROSSENCODER: &str = "--dataset dataset --model cross --batch-size 16 --epochs 2 --evaluate-every 7 \
                            --checkpoint-every 3 --seed 3 --quiet";

fn start(place: &Place, program: &str, arguments: &str, output: &str, ranks: u32) -> Vec<Child> {
    let (_, path) = PROGRAMS.iter().find(|(name, _)| *name == program).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    (0..ranks)
        .map(|rank| {
            Command::new(path)
                .args(arguments.split_whitespace())
                .args(["--output", output])
                .current_dir(place.path(""))
                .env("RANK", rank.to_string())
                .env("WORLD_SIZE", ranks.to_string())
                .env("MASTER_ADDR", "127.0.0.1")
                .env("MASTER_PORT", port.to_string())
                .env("OMP_NUM_THREADS", "1")
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect()
}

fn end_well(children: Vec<Child>) {
    for child in children {
        let ended = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.success(), "{text}");
    }
}

fn killed_and_not(program: &str, arguments: &str, ranks: u32, kills: u32) {
    let place = place_with_everything();
    let begun = Instant::now();
    end_well(start(&place, program, arguments, "straight", ranks));
    let whole = begun.elapsed();
    let expected = published(&place.path("straight"));
    assert!(
        expected.contains_key("model/model.safetensors"),
        "{:?}",
        expected.keys()
    );
    for kill in 0..kills {
        let mut children = start(&place, program, arguments, "killed", ranks);
        std::thread::sleep(whole * (4 + kill % 4) / 9);
        children[(kill % ranks) as usize].kill().unwrap();
        for child in children {
            child.wait_with_output().unwrap();
        }
    }
    end_well(start(&place, program, arguments, "killed", ranks));
    let found = published(&place.path("killed"));
    assert_eq!(
        expected.keys().collect::<Vec<_>>(),
        found.keys().collect::<Vec<_>>()
    );
    for (name, bytes) in &expected {
        assert!(found[name] == *bytes, "{name} differs");
    }
    assert!(
        !place.path(".killed.work").exists(),
        "the work folder stays"
    );
    // All ranks find that there is nothing left to do.
    let begun = Instant::now();
    end_well(start(&place, program, arguments, "killed", ranks));
    assert!(begun.elapsed() < Duration::from_secs(60));
}

fn kills() -> u32 {
    if std::env::var_os("JOBMATCH_SLOW").is_some() {
        20
    } else {
        3
    }
}

#[test]
fn a_biencoder_on_one_rank() {
    killed_and_not("jobmatch-train-biencoder", BIENCODER, 1, kills());
}

#[test]
fn a_biencoder_on_two_ranks_with_cached_gradients() {
    let arguments = format!("{BIENCODER} --cached-gradients true --chunk-tokens 200");
    killed_and_not("jobmatch-train-biencoder", &arguments, 2, kills());
}

#[test]
fn a_crossencoder_on_one_rank() {
    killed_and_not("jobmatch-train-crossencoder", CROSSENCODER, 1, kills());
}

#[test]
fn a_crossencoder_on_two_ranks_in_half_precision() {
    let arguments = format!("{CROSSENCODER} --precision fp16");
    killed_and_not("jobmatch-train-crossencoder", &arguments, 2, kills());
}

#[test]
fn a_warning_ends_it_with_a_message_and_a_checkpoint() {
    let place = place_with_everything();
    let program = "jobmatch-train-crossencoder";
    // Long enough to be met in the middle.
    let arguments = CROSSENCODER
        .replace("--checkpoint-every 3", "--checkpoint-every 1000")
        .replace("--epochs 2", "--epochs 8");
    end_well(start(&place, program, &arguments, "straight", 1));
    let mut children = start(&place, program, &arguments, "warned", 1);
    let log = place.path(".warned.work/output/log.jsonl");
    while fs::read_to_string(&log).map_or(0, |text| text.lines().count()) < 3 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let child = children.remove(0);
    let kill = Command::new("kill").arg(child.id().to_string()).status();
    assert!(kill.unwrap().success());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let text = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(
        text.contains("asked to stop: a checkpoint was written after step"),
        "{text}"
    );
    end_well(start(&place, program, &arguments, "warned", 1));
    assert!(published(&place.path("straight")) == published(&place.path("warned")));
}
