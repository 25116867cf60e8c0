//! Outputs made unit by unit go on where they stopped, believe nothing unchecked, and several processes share them.
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use jobmatch_artifact::{Artifact, Begin, Identity, Resume, Shard, Work, begin, resume};
use serde_json::json;

/// Long enough for another thread, short enough for a test of waiting in vain.
const PATIENCE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(50);

fn identity() -> Identity {
    Identity {
        stage: "demo".to_owned(),
        program_version: "1".to_owned(),
        config: json!({"k": 5}),
        seed: 42,
        inputs: vec![],
    }
}

fn shard(rank: u32, world_size: u32) -> Shard {
    Shard::new(rank, world_size).unwrap()
}

#[track_caller]
fn work(output: &Path, shard: Shard) -> Work {
    match resume(output, identity(), shard, PATIENCE).unwrap() {
        Resume::Work(work) => work,
        Resume::Done(_) => panic!("it is done already"),
    }
}

#[track_caller]
fn fails<T>(result: jobmatch_artifact::Result<T>) -> String {
    match result {
        Ok(_) => panic!("it should fail"),
        Err(error) => error.to_string(),
    }
}

/// Does a unit: one file of scratch, one of the output. Says whether it had to.
fn unit(work: &Work, name: &str) -> bool {
    if work.is_finished(name).unwrap() {
        return false;
    }
    let scratch = work.scratch(&format!("{name}/sums.txt")).unwrap();
    let output = work.path(&format!("{name}/part.txt")).unwrap();
    fs::write(&scratch, format!("sums of {name}")).unwrap();
    fs::write(&output, format!("rows of {name}")).unwrap();
    work.finish(name, &[scratch, output]).unwrap();
    true
}

/// An output folder's place, and paths in its work folder.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn output(&self) -> PathBuf {
        self.0.path().join("out")
    }

    fn work(&self, name: &str) -> PathBuf {
        self.0.path().join(".out.work").join(name)
    }

    fn append(&self, name: &str, bytes: &[u8]) {
        let file = OpenOptions::new().append(true).open(self.work(name));
        file.unwrap().write_all(bytes).unwrap();
    }

    /// Two units, the first of them finished, in a run that died.
    fn half_done() -> Self {
        let place = Self::new();
        let work = work(&place.output(), Shard::alone());
        assert!(unit(&work, "a"));
        fs::write(work.path("b/part.txt").unwrap(), "half").unwrap();
        place
    }
}

#[test]
fn it_goes_on_after_a_crash() {
    let place = Place::half_done();
    assert!(!place.output().exists());
    let work = work(&place.output(), Shard::alone());
    assert!(!unit(&work, "a"));
    assert!(unit(&work, "b"));
    assert!(!unit(&work, "b"));
    work.telemetry(&json!({"wall_seconds": 1.5})).unwrap();
    let made = work.publish().unwrap();
    let names: Vec<&String> = made.manifest().files.keys().collect();
    assert_eq!(names, ["a/part.txt", "b/part.txt"]);
    assert!(made.path("telemetry.jsonl").exists());
    assert!(!place.work("").exists());
    let again = resume(&place.output(), identity(), Shard::alone(), SHORT).unwrap();
    let Resume::Done(again) = again else {
        panic!("it is done");
    };
    assert_eq!(again.digest(), made.digest());
    assert_eq!(Artifact::open(made.dir()).unwrap().digest(), made.digest());
}

#[test]
fn a_damaged_file_is_made_again() {
    type Damage<'d> = &'d dyn Fn(&Path);
    let damages: [(&str, Damage); 4] = [
        ("scratch/a/sums.txt", &|path| {
            fs::write(path, "sums of b").unwrap();
        }),
        ("scratch/a/sums.txt", &|path| {
            fs::write(path, "sums").unwrap();
        }),
        ("output/a/part.txt", &|path| fs::remove_file(path).unwrap()),
        ("output/a", &|path| fs::remove_dir_all(path).unwrap()),
    ];
    for (name, damage) in damages {
        let place = Place::half_done();
        damage(&place.work(name));
        let first = work(&place.output(), Shard::alone());
        assert!(unit(&first, "a"), "{name}");
        assert!(!unit(&first, "a"), "{name}");
        drop(first);
        assert!(!unit(&work(&place.output(), Shard::alone()), "a"), "{name}");
    }
}

#[test]
fn a_torn_or_senseless_line_is_absent() {
    for tail in [
        &b"{\"unit\":\"b\",\"fi"[..],
        b"\xff\xfe",
        b"\xff\xfe\n{}\n",
        b"{\"unit\":\"b\",\"files\":{\"../x\":{\"bytes\":1,\"blake3\":\"\"}}}\n",
    ] {
        let place = Place::half_done();
        place.append("journal-0.jsonl", tail);
        let first = work(&place.output(), Shard::alone());
        assert!(!unit(&first, "a"));
        assert!(unit(&first, "b"));
        drop(first);
        let second = work(&place.output(), Shard::alone());
        assert!(!unit(&second, "a") && !unit(&second, "b"));
    }
}

#[test]
fn a_journal_cut_anywhere_loses_only_what_was_cut() {
    let place = Place::half_done();
    unit(&work(&place.output(), Shard::alone()), "b");
    let journal = place.work("journal-0.jsonl");
    let whole = fs::read(&journal).unwrap();
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for length in 0..=whole.len() {
        fs::write(&journal, &whole[..length]).unwrap();
        let work = work(&place.output(), Shard::alone());
        assert_eq!(work.is_finished("a").unwrap(), length >= first);
        assert_eq!(work.is_finished("b").unwrap(), length == whole.len());
    }
}

#[test]
fn ranks_wait_for_each_other() {
    let place = Place::new();
    let output = place.output();
    thread::scope(|scope| {
        scope.spawn(|| {
            let work = work(&output, shard(1, 2));
            work.wait("a").unwrap();
            assert!(unit(&work, "b"));
            work.telemetry(&json!({"rank": 1})).unwrap();
            assert!(fails(work.publish()).starts_with("rank 1 of 2 cannot publish"));
        });
        // The other one looks for the work before it is there.
        thread::sleep(SHORT);
        let work = work(&output, shard(0, 2));
        assert!(unit(&work, "a"));
        work.wait("b").unwrap();
        work.telemetry(&json!({"rank": 0})).unwrap();
        let made = work.publish().unwrap();
        assert_eq!(made.manifest().files.len(), 2);
        let telemetry = fs::read_to_string(made.path("telemetry.jsonl")).unwrap();
        assert_eq!(telemetry, "{\"rank\":0}\n{\"rank\":1}\n");
    });
    let late = resume(&output, identity(), shard(1, 2), SHORT).unwrap();
    assert!(matches!(late, Resume::Done(_)));
}

#[test]
fn another_world_size_goes_on() {
    let place = Place::new();
    let first = work(&place.output(), shard(0, 3));
    for rank in 1..3 {
        assert!(unit(
            &work(&place.output(), shard(rank, 3)),
            &format!("{rank}")
        ));
    }
    drop(first);
    let alone = work(&place.output(), Shard::alone());
    assert!(!unit(&alone, "1") && !unit(&alone, "2") && unit(&alone, "3"));
    assert_eq!(alone.publish().unwrap().manifest().files.len(), 3);
}

#[test]
fn nothing_is_published_under_a_rank_that_works() {
    let place = Place::new();
    let identity = identity();
    let start = |shard| match resume(&place.output(), identity.clone(), shard, SHORT).unwrap() {
        Resume::Work(work) => work,
        Resume::Done(_) => panic!("it is not done"),
    };
    let first = start(shard(0, 2));
    let second = start(shard(1, 2));
    let error = fails(first.publish());
    assert!(
        error.starts_with("other processes still work on"),
        "{error}"
    );
    assert!(!place.output().exists());
    // Nor does other work clear it.
    let mut other = identity.clone();
    other.seed = 7;
    let error = fails(resume(&place.output(), other, Shard::alone(), SHORT));
    assert!(
        error.starts_with("other processes still work on"),
        "{error}"
    );
    assert!(unit(&second, "a"));
    drop(second);
    assert!(start(Shard::alone()).publish().is_ok());
}

#[test]
fn waiting_in_vain_is_said() {
    let place = Place::new();
    let begin = |rank, seed| {
        let mut identity = identity();
        identity.seed = seed;
        resume(&place.output(), identity, shard(rank, 2), SHORT)
    };
    let path = place.output();
    assert_eq!(
        fails(begin(1, 42)),
        format!(
            "rank 1 of 2 waited 0.05 s for rank 0 to begin {}; start rank 0 with the same inputs and settings",
            path.display()
        )
    );
    let Resume::Work(work) = begin(0, 42).unwrap() else {
        panic!("it is not done");
    };
    assert_eq!(
        fails(work.wait("part 3")),
        "rank 0 of 2 waited 0.05 s for `part 3`, which another process has to finish; \
         start those that ended again: they go on from what is finished"
    );
    let error = fails(begin(1, 7));
    assert!(
        error.contains("where other work stands: seed is 42 there and 7 now"),
        "{error}"
    );
}

#[test]
fn work_of_another_identity_is_cleared_by_the_first_rank() {
    for spoil in ["seed", "identity.json", ""] {
        let place = Place::half_done();
        let mut now = identity();
        match spoil {
            "seed" => now.seed = 7,
            "" => fs::remove_file(place.work("identity.json")).unwrap(),
            name => fs::write(place.work(name), "{").unwrap(),
        }
        let begun = resume(&place.output(), now, Shard::alone(), SHORT).unwrap();
        let Resume::Work(work) = begun else {
            panic!("it is not done");
        };
        assert!(!place.work("scratch").exists());
        assert!(unit(&work, "a"));
    }
}

#[test]
fn the_same_rank_twice_is_refused() {
    let place = Place::new();
    let output = place.output();
    let _first = work(&output, shard(0, 2));
    let _second = work(&output, shard(1, 2));
    for rank in 0..2 {
        assert_eq!(
            fails(resume(&output, identity(), shard(rank, 2), SHORT)),
            format!(
                "another run is making {} as rank {rank}; wait for it, stop it, or give each process its own RANK",
                output.display()
            )
        );
    }
    let error = fails(begin(&output, identity()));
    assert!(error.ends_with("wait for it, or stop it"), "{error}");
}

#[test]
fn both_ways_publish_the_same_bytes() {
    let place = Place::half_done();
    let work = work(&place.output(), Shard::alone());
    unit(&work, "b");
    work.write_json("report.json", &json!({"rows": 2})).unwrap();
    // A run that died while it published left its manifest.
    fs::write(place.work("output/manifest.json"), "{").unwrap();
    let by_work = work.publish().unwrap();

    let Begin::Work(draft) = begin(&place.0.path().join("draft"), identity()).unwrap() else {
        panic!("it is not done");
    };
    for name in ["a", "b"] {
        let path = draft.path(&format!("{name}/part.txt")).unwrap();
        fs::write(path, format!("rows of {name}")).unwrap();
    }
    draft
        .write_json("report.json", &json!({"rows": 2}))
        .unwrap();
    let by_draft = draft.publish().unwrap();
    assert_eq!(by_work.digest(), by_draft.digest());
    for name in ["a/part.txt", "b/part.txt", "report.json", "manifest.json"] {
        assert_eq!(
            fs::read(by_work.path(name)).unwrap(),
            fs::read(by_draft.path(name)).unwrap()
        );
    }
}

#[test]
fn what_a_run_left_that_died_after_publishing_is_removed() {
    let place = Place::new();
    work(&place.output(), Shard::alone()).publish().unwrap();
    fs::create_dir_all(place.work("scratch")).unwrap();
    let begin = |shard| resume(&place.output(), identity(), shard, SHORT).unwrap();
    assert!(matches!(begin(shard(1, 2)), Resume::Done(_)));
    assert!(place.work("scratch").exists());
    assert!(matches!(begin(Shard::alone()), Resume::Done(_)));
    assert!(!place.work("").exists());
}

#[test]
fn names_and_files_stay_inside() {
    let place = Place::new();
    let work = work(&place.output(), Shard::alone());
    for name in ["../x", "/etc/x", "", "a/../../x"] {
        assert!(work.scratch(name).is_err() && work.path(name).is_err());
    }
    for name in ["manifest.json", "telemetry.jsonl"] {
        assert!(work.path(name).is_err() && work.scratch(name).is_ok());
    }
    let outside = place.0.path().join("x");
    fs::write(&outside, "").unwrap();
    let error = fails(work.finish("x", &[outside]));
    assert!(error.contains("is not a file under"), "{error}");
    let missing = work.path("missing").unwrap();
    assert!(work.finish("x", &[missing]).is_err());
    assert!(!work.is_finished("x").unwrap());
}

#[test]
fn many_threads_finish_units() {
    let place = Place::new();
    let names: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    for expected in [true, false] {
        let work = work(&place.output(), Shard::alone());
        thread::scope(|scope| {
            for part in names.chunks(10) {
                let work = &work;
                scope.spawn(move || {
                    part.iter()
                        .for_each(|n| assert_eq!(unit(work, n), expected))
                });
            }
        });
    }
}
