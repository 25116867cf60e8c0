//! Trainings as run: killed at some moment and started again, on one rank and on two, they publish the bytes of a run
//! that was not.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::fs;
use std::process::Command;
use std::time::Duration;

use common::ranks::{end_well, killed_and_not, start};
use common::{place_with_everything, published, write_sentences};

const BIENCODER: &str = "--dataset dataset --model bi --definitions definitions.tsv --batch-size 16 --epochs 4 \
                         --evaluate-every 7 --checkpoint-every 3 --accumulation 2 --seed 3 --quiet";
const CROSSENCODER: &str = "--dataset dataset --model cross --batch-size 16 --epochs 2 --evaluate-every 7 \
                            --checkpoint-every 3 --seed 3 --quiet";

fn kills() -> u32 {
    if std::env::var_os("JOBMATCH_SLOW").is_some() {
        20
    } else {
        3
    }
}

#[test]
fn a_biencoder_on_one_rank() {
    let place = place_with_everything();
    killed_and_not(&place, "jobmatch-train-biencoder", BIENCODER, 1, kills());
    assert!(place.path("killed/model/model.safetensors").exists());
}

#[test]
fn a_biencoder_on_two_ranks_with_everything() {
    let place = place_with_everything();
    let mine = "--dataset dataset --model bi --definitions definitions.tsv --relative-margin 0.01 --output mined --quiet";
    place.run("jobmatch-mine-negatives", mine).success();
    let arguments = BIENCODER.replace("--dataset dataset", "--dataset mined");
    let more = "--hard-negatives 2 --symmetric true --matryoshka-dimensions 32,8 --cached-gradients true --chunk-tokens 200";
    let arguments = format!("{arguments} {more}");
    killed_and_not(&place, "jobmatch-train-biencoder", &arguments, 2, kills());
}

#[test]
fn a_crossencoder_on_one_rank() {
    let place = place_with_everything();
    killed_and_not(
        &place,
        "jobmatch-train-crossencoder",
        CROSSENCODER,
        1,
        kills(),
    );
}

#[test]
fn a_crossencoder_on_two_ranks_with_everything() {
    let place = place_with_everything();
    write_sentences(&place, |_| true);
    let candidates = "--dataset dataset --sentences sentences --model bi --definitions definitions.tsv \
                      --output candidates --quiet";
    place.run("jobmatch-candidates", candidates).success();
    let arguments = CROSSENCODER.replace("--dataset dataset", "--dataset candidates");
    let more = "--precision fp16 --accumulation 2 --negatives 2 --hard-share 0.5 --windows 3 --window-stride 8 \
                --label-smoothing 0.1 --max-tokens 24";
    let arguments = format!("{arguments} {more}");
    killed_and_not(
        &place,
        "jobmatch-train-crossencoder",
        &arguments,
        2,
        kills(),
    );
}

#[test]
fn a_warning_ends_a_biencoder_with_a_message_and_a_checkpoint() {
    warned("jobmatch-train-biencoder", BIENCODER);
}

#[test]
fn a_warning_ends_a_crossencoder_with_a_message_and_a_checkpoint() {
    warned("jobmatch-train-crossencoder", CROSSENCODER);
}

/// SIGTERM, as a cluster sends it, in the middle.
fn warned(program: &str, arguments: &str) {
    let place = place_with_everything();
    // Long enough to be met in the middle.
    let arguments = arguments
        .replace("--checkpoint-every 3", "--checkpoint-every 1000")
        .replace("--epochs 2", "--epochs 8")
        .replace("--epochs 4", "--epochs 16");
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
