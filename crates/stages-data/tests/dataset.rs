//! `jobmatch-dataset` as it is run, on the fixtures.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::collections::BTreeSet;

use common::{Place, place_with_data};
use jobmatch_records::{Pair, read_shards};

const PROGRAM: &str = "jobmatch-dataset";
const ARGUMENTS: &str = "--jobs jobs.csv --definitions definitions.tsv --labels labels.csv golden_labels.csv \
                         --output out";

fn pairs(place: &Place, folder: &str) -> Vec<Pair> {
    let shards = read_shards::<Pair>(&place.path(folder), "part").unwrap();
    shards.map(|pair| pair.unwrap()).collect()
}

#[test]
fn golden_jobs_enter_no_pair_and_every_attribute_is_learnt() {
    let place = place_with_data();
    place.run(PROGRAM, ARGUMENTS).success();
    let train = pairs(&place, "out/train");
    let dev = pairs(&place, "out/dev");
    let jobs = place.read("jobs.csv");
    for pair in train.iter().chain(&dev) {
        let golden = jobs.contains(&format!("\n{},golden,", pair.job_id));
        assert!(!golden, "{pair:?}");
    }
    let learnt: BTreeSet<&str> = train
        .iter()
        .filter(|pair| pair.label > 0.5)
        .map(|pair| pair.attribute_id.as_str())
        .collect();
    assert_eq!(learnt.len(), 40);
    assert!(!dev.is_empty());
    assert!(train.iter().any(|pair| pair.label < 0.5));
}

#[test]
fn given_sentences_give_the_same_pairs_as_found_ones() {
    let place = place_with_data();
    place
        .run("jobmatch-segment", "--input jobs.csv --output sentences")
        .success();
    place.run(PROGRAM, ARGUMENTS).success();
    let given = ARGUMENTS.replace("--output out", "--output given --sentences sentences");
    place.run(PROGRAM, &given).success();
    assert_eq!(pairs(&place, "out/train"), pairs(&place, "given/train"));
}

#[test]
fn a_second_run_does_nothing_and_another_seed_is_refused() {
    let place = place_with_data();
    place.run(PROGRAM, ARGUMENTS).success();
    let again = place.run(PROGRAM, ARGUMENTS).success();
    assert!(
        again.stderr.contains("out is done already"),
        "{}",
        again.stderr
    );
    place.refuses(
        PROGRAM,
        &format!("{ARGUMENTS} --seed 7"),
        "out holds an output made otherwise: seed is 42 there and 7 now; \
         choose another output folder, or remove that one",
    );
}

#[test]
fn bad_input_is_named_and_leaves_nothing() {
    let place = place_with_data();
    let labels = place.read("labels.csv");
    let cases = [
        (
            "labels.csv",
            format!("{labels}J999,K1,1,,,\n"),
            "labels.csv, line 246: job_id `J999` is not in the jobs; add it there, or remove the label",
        ),
        (
            "labels.csv",
            format!("{labels}J001,Q9,1,,,\n"),
            "labels.csv, line 246: attribute_id `Q9` is not in the definitions; add it there, or remove the label",
        ),
        (
            "labels.csv",
            format!("{labels}J001,K1,maybe,,,\n"),
            "labels.csv, line 246: column `label` is `maybe`; expected 1 or 0",
        ),
        ("labels.csv", String::new(), "labels.csv holds no rows"),
        (
            "definitions.tsv",
            "attribute_id\tname\tdefinition\nK1\tCook\tCook.\nK1\tBake\tBake.\n".to_owned(),
            "definitions.tsv, line 3: attribute_id `K1` stands on line 2 already; ids must differ",
        ),
        (
            "definitions.tsv",
            "attribute_id\ttitle\tdefinition\nK1\tCook\tCook.\n".to_owned(),
            "definitions.tsv has no column `name` (it has attribute_id, title, definition); rename one, or map our `name` to it",
        ),
        (
            "jobs.csv",
            "job_id,text\nJ1,Bake.\nJ1,Cook.\n".to_owned(),
            "jobs.csv, line 3: job_id `J1` stands on line 2 already; ids must differ",
        ),
    ];
    for (name, content, message) in cases {
        let place = place_with_data();
        place.write(name, content);
        let before = place.names();
        let ended = place.run(PROGRAM, &format!("{ARGUMENTS} --quiet"));
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        let expected = format!("{PROGRAM}: {message}");
        assert!(ended.stderr.starts_with(&expected), "{}", ended.stderr);
        assert_eq!(place.names(), before);
    }
    place.refuses(
        PROGRAM,
        &ARGUMENTS.replace("jobs.csv", "none.csv"),
        "cannot read none.csv\n  because: No such file or directory (os error 2)",
    );
}
