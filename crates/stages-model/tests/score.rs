//! Scoring as run: every input and output says the same, on one process or several, killed or not; and labels made soft by it.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::io::Write as _;
use std::process::Stdio;

use common::ranks::{end_well, killed_and_not, start};
use common::{Place, place_with_everything, published, rows};
use jobmatch_crossencoder::{CrossEncoder, sigmoid};
use jobmatch_records::{Pair, ScoredPair};

const PROGRAM: &str = "jobmatch-score";

/// Pairs with all that a CSV or JSON file has to escape, an empty text and some that are longer than the model takes.
fn pairs(count: usize) -> Vec<(String, String, String)> {
    let texts = [
        "Plan \"budgets\", e.g. yearly",
        "naïve 北京 🙂",
        "",
        "Repair engines\nand pumps",
    ];
    let pair = |number: usize| {
        let text = texts[number % 4].to_owned() + &" weld".repeat(number * 7 % 90);
        (
            format!("p{number}"),
            text,
            format!("Weld pipes {}", number % 5),
        )
    };
    (0..count).map(pair).collect()
}

fn json_lines(pairs: &[(String, String, String)]) -> String {
    let line = |(id, text, passage): &(String, String, String)| serde_json::json!({"id": id, "text": text, "passage": passage});
    pairs
        .iter()
        .map(|pair| format!("{}\n", line(pair)))
        .collect()
}

fn csv(pairs: &[(String, String, String)]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let row = |(id, text, passage): &(String, String, String)| {
        format!("{},{id},{}\n", quoted(text), quoted(passage))
    };
    format!(
        "body,id,skill\n{}",
        pairs.iter().map(row).collect::<String>()
    )
}

/// The library's own answer.
fn expected(place: &Place, pairs: &[(String, String, String)]) -> Vec<f32> {
    let model = CrossEncoder::load(place.path("cross").to_str().unwrap()).unwrap();
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(_, text, passage)| (text.as_str(), passage.as_str()))
        .collect();
    model.score(&pairs, &mut |_| {}).unwrap()
}

#[test]
fn every_input_and_output_says_what_the_library_says() {
    let place = place_with_everything();
    let pairs = pairs(57);
    place.write("pairs.jsonl", json_lines(&pairs));
    place.write("pairs.csv", csv(&pairs));
    let logits = expected(&place, &pairs);
    assert!(logits.iter().all(|logit| logit.is_finite()));
    for (output, arguments) in [
        ("lines", "--input pairs.jsonl"),
        (
            "table",
            "--input pairs.csv --column text=body --column passage=skill",
        ),
        ("parts", "--input pairs.jsonl --rows-per-file 10"),
    ] {
        let arguments = format!("--model cross {arguments} --output {output} --quiet");
        place.run(PROGRAM, &arguments).success();
        let found: Vec<ScoredPair> = rows(&place, output);
        assert_eq!(found.len(), pairs.len());
        for ((row, pair), logit) in found.iter().zip(&pairs).zip(&logits) {
            assert_eq!(row.id, pair.0);
            assert!(
                (row.logit - logit).abs() < 1e-5,
                "{output}: {row:?} {logit}"
            );
            assert_eq!(row.probability, sigmoid(row.logit));
        }
        let report: serde_json::Value =
            serde_json::from_str(&place.read(&format!("{output}/report.json"))).unwrap();
        assert_eq!(report["rows"], 57);
        // Some pairs have more than the 64 tokens that the model takes.
        assert!(report["cut"]["pairs"].as_u64().unwrap() > 5, "{report}");
        assert!(report["cut"]["tokens"].as_u64() > report["cut"]["pairs"].as_u64());
    }

    let mut child = place
        .command(PROGRAM)
        .args("--model cross --input - --output - --quiet".split(' '))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(json_lines(&pairs).as_bytes())
        .unwrap();
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success());
    let text = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(text.lines().count(), pairs.len());
    for ((line, pair), logit) in text.lines().zip(&pairs).zip(&logits) {
        let row: ScoredPair = serde_json::from_str(line).unwrap();
        assert_eq!(row.id, pair.0);
        assert!((row.logit - logit).abs() < 1e-5);
    }
}

#[test]
fn bad_rows_end_the_run_or_are_set_aside() {
    let place = place_with_everything();
    place.write(
        "pairs.jsonl",
        "{\"id\":\"a\",\"text\":\"Plan\",\"passage\":\"Plan\"}\n{\"id\":\"b\",\"text\":\"Plan\"}\n",
    );
    let arguments = "--model cross --input pairs.jsonl --output out --quiet";
    let ended = place.run(PROGRAM, arguments);
    let expected = "pairs.jsonl, line 2: column `passage` is absent; every row needs a passage";
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    let skipping = arguments.replace("--output out", "--output skipped");
    place
        .run(PROGRAM, &format!("{skipping} --on-bad-row skip"))
        .success();
    assert_eq!(rows::<ScoredPair>(&place, "skipped").len(), 1);
    assert!(
        place
            .read("skipped/rejected.jsonl")
            .contains("\"number\":2")
    );
    let both = format!("{arguments} --dataset dataset");
    assert_eq!(place.run(PROGRAM, &both).code, Some(2));
    place.refuses(
        PROGRAM,
        "--model cross --dataset dataset --output soft --temperature 0",
        "setting `temperature` is 0: a number above 0",
    );
    place.refuses(
        PROGRAM,
        "--model cross --input pairs.jsonl --output none --rows-per-file 0",
        "setting `rows_per_file` is 0: 1 or more",
    );
}

#[test]
fn two_processes_and_a_killed_one_give_the_same_bytes() {
    let place = place_with_everything();
    place.write("pairs.jsonl", json_lines(&pairs(300)));
    let arguments = "--model cross --input pairs.jsonl --rows-per-file 20 --quiet";
    killed_and_not(&place, PROGRAM, arguments, 1, 3);
    end_well(start(&place, PROGRAM, arguments, "shared", 2));
    assert!(published(&place.path("shared")) == published(&place.path("straight")));
}

#[test]
fn labels_become_the_probabilities_of_a_model() {
    let place = place_with_everything();
    let arguments = "--model cross --dataset dataset --temperature 2 --quiet";
    killed_and_not(&place, PROGRAM, arguments, 1, 2);
    let (hard, soft): (Vec<Pair>, Vec<Pair>) = (
        rows(&place, "dataset/train"),
        rows(&place, "straight/train"),
    );
    assert_eq!(hard.len(), soft.len());
    let triples: Vec<(String, String, String)> = hard
        .iter()
        .map(|pair| (String::new(), pair.text.clone(), pair.passage.clone()))
        .collect();
    let logits = expected(&place, &triples);
    for ((hard, soft), logit) in hard.iter().zip(&soft).zip(logits) {
        assert!((soft.label - sigmoid(logit / 2.0)).abs() < 1e-5);
        let label = hard.label;
        assert_eq!(
            *hard,
            Pair {
                label,
                ..soft.clone()
            }
        );
    }
    // Dev stays what people said.
    assert_eq!(
        rows::<Pair>(&place, "dataset/dev"),
        rows::<Pair>(&place, "straight/dev")
    );
    // Its random weights take all pairs for wrong; a training says so.
    let train =
        "--dataset straight --model cross --batch-size 8 --max-steps 2 --output student --quiet";
    let ended = place.run("jobmatch-train-crossencoder", train);
    let expected = format!(
        "holds 0 positive and {} negative training pairs",
        soft.len()
    );
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
}
