//! What every stage program does with its arguments, whatever it is for.

use crate::common::{PROGRAMS, Place};

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
