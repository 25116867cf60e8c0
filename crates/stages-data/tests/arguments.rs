//! What all data programs do with their arguments.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;

use common::{PROGRAMS, Place};

#[test]
fn help_and_version_succeed() {
    let place = Place::new();
    for (program, _) in PROGRAMS {
        let help = place.run(program, "--help").success();
        assert!(help.stdout.contains("Usage: "), "{}", help.stdout);
        for option in ["--config", "--print-config", "--seed", "--log", "--quiet"] {
            assert!(help.stdout.contains(option), "{program} has no {option}");
        }
        let version = place.run(program, "--version").success();
        assert!(version.stdout.starts_with(program), "{}", version.stdout);
    }
}

#[test]
fn bad_arguments_end_with_2() {
    let place = Place::new();
    for (program, _) in PROGRAMS {
        for arguments in ["", "--no-such-flag", "--seed many"] {
            let ended = place.run(program, arguments);
            assert_eq!(
                ended.code,
                Some(2),
                "{program} {arguments}: {}",
                ended.stderr
            );
            assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);
        }
    }
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn printed_settings_can_be_read_again() {
    let place = Place::new();
    for (program, _) in PROGRAMS {
        let first = place.run(program, "--print-config --seed 7").success();
        assert!(first.stdout.starts_with("seed = 7\n"), "{}", first.stdout);
        place.write("stage.toml", &first.stdout);
        let second = place
            .run(program, "--print-config --config stage.toml")
            .success();
        assert_eq!(first.stdout, second.stdout);
    }
}

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
fn a_bad_configuration_file_is_named() {
    let place = Place::new();
    place.write("bad.toml", "seed = 1\nno_such_key = 2\n");
    place.write("broken.toml", "seed = = 1\n");
    for (program, _) in PROGRAMS {
        let message = |file: &str| {
            let ended = place.run(program, &format!("--print-config --config {file}"));
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
            ended.stderr
        };
        let unknown = message("bad.toml");
        let expected =
            format!("{program}: bad.toml, line 2: unknown setting `no_such_key`; known are: ");
        assert!(unknown.starts_with(&expected), "{unknown}");
        let broken = message("broken.toml");
        assert!(
            broken.starts_with(&format!("{program}: broken.toml is not valid TOML")),
            "{broken}"
        );
        let missing = message("none.toml");
        let expected =
            format!("{program}: cannot read the configuration file none.toml\n  because: ");
        assert!(missing.starts_with(&expected), "{missing}");
    }
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
