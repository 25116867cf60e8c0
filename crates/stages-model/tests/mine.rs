//! Mining as run: what it may not take, the same bytes from two processes and after a kill, and that a training takes what it gives.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use common::ranks::{end_well, killed_and_not, start};
use common::{Place, place_with_everything, published};
use jobmatch_records::{Pair, PairSource, Positive, read_shards};

const PROGRAM: &str = "jobmatch-mine-negatives";
const MINE: &str = "--dataset dataset --model bi --definitions definitions.tsv --negatives 3 --depth 20 --rows-per-file 5 \
                    --relative-margin 0.01 --quiet";

fn mine(place: &Place, output: &str, ranks: u32) {
    end_well(start(place, PROGRAM, MINE, output, ranks));
}

fn pairs(folder: &Path) -> Vec<Pair> {
    let rows = read_shards::<Pair>(&folder.join("train"), "part").unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn mined_negatives_are_added_and_none_is_a_known_positive() {
    let place = place_with_everything();
    mine(&place, "mined", 1);
    let (before, after) = (pairs(&place.path("dataset")), pairs(&place.path("mined")));
    let (hard, others): (Vec<Pair>, Vec<Pair>) = after
        .into_iter()
        .partition(|pair| pair.source == PairSource::Hard);
    assert_eq!(others, before);
    assert!(!hard.is_empty());
    let rows = read_shards::<Positive>(&place.path("dataset/positives"), "part").unwrap();
    let known: Vec<Positive> = rows.collect::<Result<_, _>>().unwrap();
    let positives: HashMap<u64, &Pair> = before.iter().map(|pair| (pair.pair_id, pair)).collect();
    let mut ids: BTreeSet<u64> = before.iter().map(|pair| pair.pair_id).collect();
    let mut of_positive: BTreeMap<u64, usize> = BTreeMap::new();
    for pair in &hard {
        let positive = positives[&pair.positive_id.unwrap()];
        assert!(positive.label > 0.5 && pair.label < 0.5);
        assert_eq!(
            (&pair.job_id, &pair.text),
            (&positive.job_id, &positive.text)
        );
        assert_ne!(pair.passage, positive.passage);
        let digest = blake3::hash(pair.text.as_bytes()).to_hex().to_string();
        let is_known = known.iter().any(|known| {
            known.attribute_id == pair.attribute_id
                && (known.job_id == pair.job_id || known.text_digest == digest)
        });
        assert!(!is_known, "{pair:?}");
        assert!(ids.insert(pair.pair_id), "{} comes twice", pair.pair_id);
        *of_positive.entry(positive.pair_id).or_default() += 1;
    }
    assert!(of_positive.values().all(|count| *count <= 3));
    let report = fs::read_to_string(place.path("mined/report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["negatives"], hard.len());
    assert!(report["negative_cosine"].as_f64() < report["positive_cosine"].as_f64());

    let train = "--model bi --definitions definitions.tsv --batch-size 8 --max-steps 2 --hard-negatives 2 --quiet";
    let with = format!("--dataset mined --output with {train}");
    place.run("jobmatch-train-biencoder", &with).success();
    let without = format!("--dataset dataset --output without {train}");
    let ended = place.run("jobmatch-train-biencoder", &without);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("jobmatch-mine-negatives"),
        "{}",
        ended.stderr
    );
}

#[test]
fn what_was_mined_before_is_refused() {
    let place = place_with_everything();
    mine(&place, "mined", 1);
    let again = MINE.replace("--dataset dataset", "--dataset mined");
    let ended = place.run(PROGRAM, &format!("{again} --output again"));
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("was it mined before?"),
        "{}",
        ended.stderr
    );
}

#[test]
fn two_processes_and_a_killed_one_give_the_same_bytes() {
    let place = place_with_everything();
    killed_and_not(&place, PROGRAM, MINE, 1, 3);
    let expected = published(&place.path("straight"));
    let mined = |name: &&String| name.starts_with("train/");
    assert!(expected.keys().filter(mined).count() > 3);
    mine(&place, "shared", 2);
    assert!(published(&place.path("shared")) == expected);
}
