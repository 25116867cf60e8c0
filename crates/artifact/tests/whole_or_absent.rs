//! Outputs are whole or absent, and say what is wrong with them.
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use jobmatch_artifact::{Artifact, Begin, Draft, Identity, Input, begin};
use serde_json::json;

fn identity() -> Identity {
    Identity {
        stage: "demo".to_owned(),
        program_version: "1".to_owned(),
        config: json!({"k": 5, "inner": {"rate": 0.1}}),
        seed: 42,
        inputs: vec![Input {
            role: "jobs".to_owned(),
            digest: "blake3:aa".to_owned(),
        }],
    }
}

fn work(output: &Path) -> Draft {
    match begin(output, identity()).unwrap() {
        Begin::Work(draft) => draft,
        Begin::Done(_) => panic!("nothing stands there yet"),
    }
}

fn make(output: &Path) -> Artifact {
    let draft = work(output);
    fs::write(draft.path("part/a.txt").unwrap(), "hello").unwrap();
    draft
        .write_json("report.json", &json!({"rows": 1}))
        .unwrap();
    draft.telemetry(&json!({"wall_seconds": 1.5})).unwrap();
    draft.publish().unwrap()
}

#[test]
fn published_then_done() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let made = make(&output);
    let opened = Artifact::open(&output).unwrap();
    assert_eq!(made.digest(), opened.digest());
    let names: Vec<&String> = opened.manifest().files.keys().collect();
    assert_eq!(names, ["part/a.txt", "report.json"]);
    assert!(matches!(
        begin(&output, identity()).unwrap(),
        Begin::Done(_)
    ));
    // Nothing but the lock stays beside it.
    let mut beside: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    beside.sort();
    assert_eq!(beside, [".out.lock", "out"]);
}

#[test]
fn the_same_content_has_the_same_digest_whatever_the_telemetry() {
    let folder = tempfile::tempdir().unwrap();
    let first = make(&folder.path().join("a"));
    let second = make(&folder.path().join("b"));
    assert_eq!(first.digest(), second.digest());
    fs::write(second.path("telemetry.jsonl"), "{}\n").unwrap();
    assert_eq!(
        Artifact::open(second.dir()).unwrap().digest(),
        first.digest()
    );
}

#[test]
fn a_run_that_gives_up_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let draft = work(&output);
    fs::write(draft.path("a.txt").unwrap(), "half").unwrap();
    drop(draft);
    assert!(!output.exists());
    // What a killed run left behind does not reach the next one.
    fs::create_dir(folder.path().join(".out.work")).unwrap();
    fs::write(folder.path().join(".out.work/stale.txt"), "old").unwrap();
    let made = make(&output);
    assert!(!made.path("stale.txt").exists());
}

#[test]
fn two_runs_cannot_make_one_folder() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let _draft = work(&output);
    let error = begin(&output, identity()).unwrap_err().to_string();
    assert!(error.starts_with("another run is making"), "{error}");
}

/// The folder's path for [`a_run_that_hangs`].
const OUTPUT: &str = "JOBMATCH_TEST_OUTPUT";

#[test]
#[ignore = "other tests start it as a process of its own"]
fn a_run_that_hangs() {
    let Some(output) = std::env::var_os(OUTPUT) else {
        return;
    };
    let draft = work(Path::new(&output));
    fs::write(draft.path("a.txt").unwrap(), "half").unwrap();
    writeln!(std::io::stdout(), "ready").unwrap();
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn a_run_that_is_killed_holds_its_lock_until_then() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let mut run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_run_that_hangs", "--ignored", "--nocapture"])
        .env(OUTPUT, &output)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(run.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("ready")));

    let error = begin(&output, identity()).unwrap_err().to_string();
    assert!(error.starts_with("another run is making"), "{error}");
    assert!(!output.exists());

    run.kill().unwrap();
    run.wait().unwrap();
    assert!(!output.exists());
    assert!(folder.path().join(".out.work/a.txt").exists());
    let made = make(&output);
    assert_eq!(
        made.digest(),
        make(&folder.path().join("undisturbed")).digest()
    );
}

#[test]
fn another_identity_is_refused_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    make(&output);
    let mut other = identity();
    other.seed = 7;
    other.config = json!({"k": 5, "inner": {"rate": 0.2}});
    other.inputs[0].digest = "blake3:bb".to_owned();
    let error = begin(&output, other).unwrap_err().to_string();
    for part in [
        "seed is 42 there and 7 now",
        "setting `inner.rate` is 0.1 there and 0.2 now",
        "input `jobs` has other content",
        "choose another output folder",
    ] {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

#[test]
fn damage_is_named() {
    type Case<'c> = (&'c str, &'c dyn Fn(&Path), &'c str);
    let cases: [Case; 5] = [
        (
            "part/a.txt",
            &|path| fs::write(path, "hellO").unwrap(),
            "its hash is",
        ),
        (
            "part/a.txt",
            &|path| fs::write(path, "hell").unwrap(),
            "it has 4 bytes, not 5",
        ),
        (
            "report.json",
            &|path| fs::remove_file(path).unwrap(),
            "it is missing",
        ),
        (
            "manifest.json",
            &|path| fs::write(path, "{").unwrap(),
            "cannot be understood",
        ),
        (
            "manifest.json",
            &|path| fs::remove_file(path).unwrap(),
            "is no finished stage output",
        ),
    ];
    for (name, damage, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out");
        make(&output);
        damage(&output.join(name));
        let error = Artifact::open(&output).unwrap_err().to_string();
        assert!(error.contains(expected), "`{expected}` is not in: {error}");
        // A damaged output is never taken for done, nor for absent.
        assert!(begin(&output, identity()).is_err());
    }
}

#[test]
fn what_is_wrong_is_said_in_full() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    make(&output);
    let file = output.join("part/a.txt");
    fs::write(&file, "hellO").unwrap();
    let digest = |text: &str| {
        Input::file("x", &write(folder.path(), text))
            .unwrap()
            .digest
    };
    assert_eq!(
        Artifact::open(&output).unwrap_err().to_string(),
        format!(
            "{} is damaged: its hash is {}, not {}; remove the folder and run its stage again",
            file.display(),
            digest("hellO"),
            digest("hello")
        )
    );
    assert_eq!(
        Artifact::open(&folder.path().join("none"))
            .unwrap_err()
            .to_string(),
        format!(
            "{}/none is no finished stage output: it has no manifest.json; run the stage that makes it",
            folder.path().display()
        )
    );
}

fn write(folder: &Path, text: &str) -> std::path::PathBuf {
    let path = folder.join("scratch.txt");
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_manifest_cut_anywhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let made = make(&output);
    let whole = fs::read(made.path("manifest.json")).unwrap();
    // The last byte is the line's end, without which the text is still whole; but not this digest's.
    for length in 0..whole.len() - 1 {
        fs::write(made.path("manifest.json"), &whole[..length]).unwrap();
        let error = Artifact::open(&output).unwrap_err().to_string();
        assert!(
            error.contains("manifest.json cannot be understood"),
            "{error}"
        );
    }
}

#[test]
fn files_beside_the_rules_of_an_output() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    make(&output);
    // What desktops and network file systems leave is no damage.
    fs::write(output.join(".DS_Store"), "x").unwrap();
    assert!(matches!(
        begin(&output, identity()).unwrap(),
        Begin::Done(_)
    ));

    let other = folder.path().join("other");
    let draft = work(&other);
    std::os::unix::fs::symlink("/etc/passwd", draft.dir().join("link")).unwrap();
    let error = draft.publish().unwrap_err().to_string();
    assert!(error.contains("is no plain file"), "{error}");
    assert!(!other.exists());
    for path in ["..", "/", "."] {
        assert!(
            begin(Path::new(path), identity())
                .unwrap_err()
                .to_string()
                .contains("does not end in the name")
        );
    }
}

#[test]
fn an_empty_folder_may_stand_there() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("deep/er/out");
    fs::create_dir_all(&output).unwrap();
    make(&output);
    assert!(Artifact::open(&output).is_ok());
}

#[test]
fn json_lines() {
    let folder = tempfile::tempdir().unwrap();
    let draft = work(&folder.path().join("out"));
    draft
        .write_json_lines("rows.jsonl", &[json!({"a": 1}), json!({"a": 2})])
        .unwrap();
    let text = fs::read_to_string(draft.dir().join("rows.jsonl")).unwrap();
    assert_eq!(text, "{\"a\":1}\n{\"a\":2}\n");
}

#[test]
fn what_is_no_output_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    fs::create_dir(&output).unwrap();
    fs::write(output.join("thesis.txt"), "years of work").unwrap();
    let error = begin(&output, identity()).unwrap_err().to_string();
    assert!(error.contains("is no stage output"), "{error}");
    assert_eq!(
        fs::read_to_string(output.join("thesis.txt")).unwrap(),
        "years of work"
    );
    fs::write(folder.path().join("file"), "").unwrap();
    assert!(begin(&folder.path().join("file"), identity()).is_err());
}

#[test]
fn a_name_cannot_lead_out() {
    let folder = tempfile::tempdir().unwrap();
    let draft = work(&folder.path().join("out"));
    for name in [
        "../x",
        "/etc/x",
        "",
        "a/../../x",
        "manifest.json",
        "telemetry.jsonl",
    ] {
        assert!(draft.path(name).is_err(), "{name}");
    }
}
