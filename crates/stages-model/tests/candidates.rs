//! Candidates as run: that they are what an evaluation retrieves, with the labels that are known; the same bytes from two processes
//! and after a kill; and that a cross-encoder learns from them.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;

use common::ranks::{end_well, killed_and_not, start};
use common::{Place, make_dataset, place_with_everything, published, rows, write_sentences};
use jobmatch_biencoder::BiEncoder;
use jobmatch_dataset::{Config, Unit};
use jobmatch_records::{Pair, PairSource, Positive, ReadOptions, read_definitions};

const PROGRAM: &str = "jobmatch-candidates";
const CANDIDATES: &str = "--dataset dataset --sentences sentences --model bi --definitions definitions.tsv --candidates 5 --train-candidates 5 \
                          --jobs-per-file 3 --quiet";

fn place() -> Place {
    let place = place_with_everything();
    write_sentences(&place, |_| true);
    place
}

fn add(place: &Place, output: &str, ranks: u32) {
    end_well(start(place, PROGRAM, CANDIDATES, output, ranks));
}

/// Attributes with scores and places, the best first.
type Found = Vec<(String, f32, u64)>;

/// What a job's sentences find, by hand: the best cosine of each attribute over the sentences, the first five.
fn by_hand(place: &Place) -> BTreeMap<String, Found> {
    let sentences = sentences_of_jobs(place);
    let model = BiEncoder::load(place.path("bi").to_str().unwrap()).unwrap();
    let definitions =
        read_definitions(&place.path("definitions.tsv"), &ReadOptions::default()).unwrap();
    let texts: Vec<String> = definitions
        .iter()
        .map(|each| format!("{}: {}", each.name, each.definition))
        .collect();
    let refs: Vec<&str> = texts.iter().map(String::as_str).collect();
    let passages = model.embed_passages(&refs, &mut |_| {}).unwrap();
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    for (job_id, of_job) in sentences {
        let texts: Vec<&str> = of_job.iter().map(|(_, text)| text.as_str()).collect();
        let queries = model.embed_queries(&texts, &mut |_| {}).unwrap();
        let mut best: Found = Vec::new();
        for (row, definition) in definitions.iter().enumerate() {
            let mut highest = (f32::MIN, 0);
            for (query, (start, _)) in of_job.iter().enumerate() {
                let cosine = queries.similarity(query, &passages, row);
                if cosine > highest.0 {
                    highest = (cosine, *start);
                }
            }
            best.push((definition.attribute_id.clone(), highest.0, highest.1));
        }
        best.sort_by(|a, b| b.1.total_cmp(&a.1));
        best.truncate(5);
        found.insert(job_id, best);
    }
    found
}

/// Of each job the places and texts of its sentences.
fn sentences_of_jobs(place: &Place) -> BTreeMap<String, Vec<(u64, String)>> {
    let sentences = place.path("sentences/sentences-00000.parquet");
    let sentences: Vec<jobmatch_records::Sentence> =
        jobmatch_records::read_all(&sentences).unwrap();
    let mut of_job: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    for sentence in sentences {
        if !sentence.clean.trim().is_empty() {
            let of_job = of_job.entry(sentence.job_id).or_default();
            of_job.push((sentence.start, sentence.clean));
        }
    }
    of_job
}

#[test]
fn candidates_are_what_sentences_find_with_the_labels_that_are_known() {
    let place = place();
    add(&place, "out", 1);
    let expected = by_hand(&place);
    let known: Vec<Positive> = rows(&place, "dataset/positives");
    let is_known = |pair: &Pair| {
        let digest = blake3::hash(pair.text.as_bytes()).to_hex().to_string();
        known.iter().any(|known| {
            known.attribute_id == pair.attribute_id
                && (known.job_id == pair.job_id || known.text_digest == digest)
        })
    };
    let check = |pair: &Pair| {
        let found = expected[&pair.job_id].iter();
        let mut same = found.filter(|(attribute, ..)| *attribute == pair.attribute_id);
        let (_, cosine, start) = same.next().unwrap();
        assert!((cosine - pair.alignment_score.unwrap()).abs() < 1e-5);
        assert_eq!(Some(*start), pair.start);
        assert_eq!(pair.label > 0.5, is_known(pair), "{pair:?}");
        let source = if pair.label > 0.5 {
            PairSource::Aligned
        } else {
            PairSource::Hard
        };
        assert_eq!(pair.source, source);
    };

    // Of dev jobs, all of them.
    let dev: Vec<Pair> = rows(&place, "out/dev_candidates");
    dev.iter().for_each(check);
    let sample: Vec<Pair> = rows(&place, "dataset/dev_sample");
    let jobs = |pairs: &[Pair]| -> BTreeSet<String> {
        pairs.iter().map(|pair| pair.job_id.clone()).collect()
    };
    assert!(!dev.is_empty());
    assert_eq!(jobs(&dev), jobs(&sample));
    assert_eq!(dev.len(), 5 * jobs(&dev).len());

    // Of training jobs those that the data set has not, each once.
    let before: Vec<Pair> = rows(&place, "dataset/train");
    let after: Vec<Pair> = rows(&place, "out/train");
    assert_eq!(after[..before.len()], before[..]);
    let new = &after[before.len()..];
    new.iter().for_each(check);
    let mut ids: BTreeSet<u64> = before.iter().map(|pair| pair.pair_id).collect();
    ids.extend(
        rows::<Pair>(&place, "dataset/dev")
            .iter()
            .map(|pair| pair.pair_id),
    );
    for pair in new.iter().chain(&dev) {
        assert!(ids.insert(pair.pair_id), "{} comes twice", pair.pair_id);
        assert!(!before.iter().any(|old| {
            old.job_id == pair.job_id
                && old.text == pair.text
                && old.attribute_id == pair.attribute_id
        }));
    }
    assert!(new.len() > 10);
    // Each of them stands there, unless its text is one of dev.
    let dev_pairs: Vec<Pair> = rows(&place, "dataset/dev");
    let sentences = sentences_of_jobs(&place);
    for job in jobs(&before) {
        for (attribute, _, start) in &expected[&job] {
            let mut of_job = sentences[&job].iter();
            let (_, text) = of_job.find(|(place, _)| place == start).unwrap();
            let is_it = |pair: &Pair| pair.text == *text && pair.attribute_id == *attribute;
            let is_of_dev = dev_pairs.iter().any(|pair| pair.text == *text);
            assert!(is_of_dev || after.iter().any(is_it), "{job} {attribute}");
        }
    }
    assert!(
        new.iter()
            .all(|new| dev_pairs.iter().all(|dev| dev.text != new.text))
    );
    let report: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(place.path("out/report.json")).unwrap()).unwrap();
    let written = report["train"]["positives"].as_u64().unwrap()
        + report["train"]["negatives"].as_u64().unwrap();
    assert_eq!(written as usize, new.len());
    assert_eq!(report["dev"]["candidates"], dev.len());
}

#[test]
fn a_crossencoder_learns_from_them_and_measures_its_reranking() {
    let place = place();
    add(&place, "out", 1);
    let train = "--dataset out --model cross --batch-size 8 --max-steps 3 --negatives 1.5 --hard-share 0.6 --windows 3 \
                 --window-stride 8 --window-pooling log-sum-exp --label-smoothing 0.05 --output trained --quiet";
    place.run("jobmatch-train-crossencoder", train).success();
    let report: serde_json::Value =
        serde_json::from_str(&place.read("trained/report.json")).unwrap();
    let epoch = &report["epoch"];
    let (hard, random) = (
        epoch["hard"].as_f64().unwrap(),
        epoch["random"].as_f64().unwrap(),
    );
    assert!(hard > 0.0 && random > 0.0, "{epoch}");
    assert!((hard / (hard + random) - 0.6).abs() < 0.05, "{epoch}");
    let reranking = &report["kept"]["reranking"];
    let mut of_job: BTreeMap<String, Vec<Pair>> = BTreeMap::new();
    for pair in rows::<Pair>(&place, "out/dev_candidates") {
        of_job.entry(pair.job_id.clone()).or_default().push(pair);
    }
    let mut reciprocal_ranks = Vec::new();
    for mut list in of_job.into_values() {
        let key = |pair: &Pair| (pair.alignment_score.unwrap(), pair.attribute_id.clone());
        list.sort_by(|a, b| key(b).partial_cmp(&key(a)).unwrap());
        if let Some(first) = list.iter().position(|pair| pair.label > 0.5) {
            reciprocal_ranks.push(1.0 / (first + 1) as f64);
        }
    }
    let mrr = reciprocal_ranks.iter().sum::<f64>() / reciprocal_ranks.len() as f64;
    assert_eq!(reranking["jobs"], reciprocal_ranks.len());
    assert!((reranking["retriever_mrr"].as_f64().unwrap() - mrr).abs() < 1e-9);
    assert!(reranking["ndcg_at_10"].as_f64().unwrap() > 0.0);
    let metadata = place.read("trained/model/jobmatch.json");
    assert!(metadata.contains("log-sum-exp"), "{metadata}");
}

#[test]
fn of_whole_jobs_the_text_is_the_job() {
    let place = place();
    let config = Config {
        unit: Unit::Job,
        ..Config::default()
    };
    make_dataset(&place, "jobs", &config);
    let arguments = CANDIDATES.replace("--dataset dataset", "--dataset jobs");
    place
        .run(PROGRAM, &format!("{arguments} --output out"))
        .success();
    let before: Vec<Pair> = rows(&place, "jobs/train");
    let text_of: HashMap<&str, &str> = before
        .iter()
        .map(|pair| (pair.job_id.as_str(), pair.text.as_str()))
        .collect();
    let after: Vec<Pair> = rows(&place, "out/train");
    assert!(after.len() > before.len());
    for pair in &after[before.len()..] {
        assert_eq!(pair.text, text_of[pair.job_id.as_str()]);
        assert_eq!((pair.sentence_index, pair.start), (None, None));
    }
}

#[test]
fn two_processes_and_a_killed_one_give_the_same_bytes() {
    let place = place();
    killed_and_not(&place, PROGRAM, CANDIDATES, 1, 3);
    let expected = published(&place.path("straight"));
    assert!(
        expected
            .keys()
            .filter(|name| name.starts_with("train/"))
            .count()
            > 2
    );
    add(&place, "shared", 2);
    assert!(published(&place.path("shared")) == expected);
}

#[test]
fn sentences_of_other_jobs_are_refused() {
    let place = place_with_everything();
    write_sentences(&place, |job| job != "J001");
    let ended = place.run(PROGRAM, &format!("{CANDIDATES} --output out"));
    assert_eq!(ended.code, Some(1));
    assert!(
        ended
            .stderr
            .contains("has no sentences, or they come in another order"),
        "{}",
        ended.stderr
    );
}

#[test]
fn what_has_candidates_already_is_refused() {
    let place = place();
    add(&place, "out", 1);
    let again = CANDIDATES.replace("--dataset dataset", "--dataset out");
    let ended = place.run(PROGRAM, &format!("{again} --output again"));
    assert_eq!(ended.code, Some(1));
    assert!(
        ended
            .stderr
            .contains("out: the stage candidates has added pairs to it; take the data set"),
        "{}",
        ended.stderr
    );
}
