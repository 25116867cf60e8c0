//! `jobmatch-verify` as it is run.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::fs;

use common::{Place, fixture};

const PROGRAM: &str = "jobmatch-verify";

/// Sentences and pairs of the fixtures, in `sentences` and `pairs`.
fn place_with_artifacts() -> Place {
    let place = Place::new();
    for name in ["jobs.csv", "definitions.tsv", "labels.csv"] {
        fs::copy(fixture(name), place.path(name)).unwrap();
    }
    place
        .run("jobmatch-segment", "--input jobs.csv --output sentences")
        .success();
    let arguments = "--jobs jobs.csv --definitions definitions.tsv --labels labels.csv \
                     --sentences sentences --output pairs";
    place.run("jobmatch-dataset", arguments).success();
    place
}

#[test]
fn a_whole_artifact_is_described_with_its_lineage() {
    let place = place_with_artifacts();
    let alone = place.run(PROGRAM, "pairs").success().stdout;
    assert!(
        alone.starts_with("pairs is whole\nstage    dataset "),
        "{alone}"
    );
    assert!(
        alone.contains("  positives/part-00000.parquet\n"),
        "{alone}"
    );
    assert_eq!(alone.matches("(not given)").count(), 4, "{alone}");

    let all = "pairs sentences jobs.csv definitions.tsv labels.csv";
    let found = place.run(PROGRAM, all).success().stdout;
    assert!(!found.contains("(not given)"), "{found}");
    assert!(
        found.contains(" = sentences (segment)\n    jobs blake3:"),
        "{found}"
    );

    let stranger = place.run(PROGRAM, "sentences jobs.csv pairs");
    assert_eq!(stranger.code, Some(1));
    assert_eq!(
        stranger.stderr,
        "jobmatch-verify: pairs: not what sentences was made from; \
         compare the digests of its inputs above\n"
    );
}

#[test]
fn damage_is_named() {
    let place = place_with_artifacts();
    let path = place.path("sentences/sentences-00000.parquet");
    let whole = fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    let cases: [(&dyn Fn(), &str); 3] = [
        (&|| fs::write(&path, &damaged).unwrap(), "its hash is "),
        (&|| fs::write(&path, &whole[1..]).unwrap(), "it has "),
        (&|| fs::remove_file(&path).unwrap(), "it is missing"),
    ];
    for (damage, expected) in cases {
        damage();
        let ended = place.run(PROGRAM, "sentences");
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
        let start =
            format!("jobmatch-verify: sentences/sentences-00000.parquet is damaged: {expected}");
        assert!(ended.stderr.starts_with(&start), "{}", ended.stderr);
    }
    place.refuses(
        PROGRAM,
        "no-such-folder",
        "no-such-folder is no finished stage output: it has no manifest.json; \
         run the stage that makes it",
    );
}
