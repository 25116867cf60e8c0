//! What all data programs do with their arguments.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;

#[path = "common/every_program.rs"]
mod every_program;

use common::Place;

#[test]
fn a_flag_overrides_the_file() {
    let place = Place::new();
    place.write("onet.toml", "postings = 2\ntasks_min = 3\n");
    let printed = place
        .run(
            "jobmatch-onet",
            "--print-config --config onet.toml --postings 1",
        )
        .success();
    assert!(
        printed.stdout.contains("postings = 1\ntasks_min = 3\n"),
        "{}",
        printed.stdout
    );
}

#[test]
fn with_log_json_every_line_is_json() {
    let place = Place::new();
    place.write("jobs.csv", "job_id,text,salary\nJ1,Bake bread.,1\n");
    let good = "--input jobs.csv --output out --log json";
    let bad = "--input none.csv --output other --log json";
    for (arguments, code, last) in [(good, 0, "INFO"), (bad, 1, "ERROR")] {
        let ended = place.run("jobmatch-segment", arguments);
        assert_eq!(ended.code, Some(code));
        let lines: Vec<serde_json::Value> = ended
            .stderr
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.last().unwrap()["level"], last);
    }
}
