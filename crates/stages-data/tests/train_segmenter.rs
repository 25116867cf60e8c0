//! `jobmatch-train-segmenter` as it is run, on a text of a few sentences.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::fs;

use common::Place;

const PROGRAM: &str = "jobmatch-train-segmenter";

/// A folder `texts` with a marked text: `lines` times two sentences.
fn place_with_texts(lines: usize) -> Place {
    let place = Place::new();
    fs::create_dir(place.path("texts")).unwrap();
    let text = "We bake bread for Acme Inc. and others. Apply now!\n".repeat(lines);
    let ends: Vec<usize> = (0..lines)
        .flat_map(|n| [n * 51 + 39, n * 51 + 50])
        .collect();
    let row = serde_json::json!({"id": "a", "text": text, "ends": ends});
    place.write("texts/mine.jsonl", format!("{row}\n"));
    place
}

#[test]
fn the_same_texts_give_the_same_weights_and_another_seed_others() {
    let place = place_with_texts(40);
    let weights = |folder: &str, more: &str| {
        let arguments = format!("--data texts --output {folder} {more}");
        place.run(PROGRAM, &arguments).success();
        fs::read(place.path(folder).join("weights.bin")).unwrap()
    };
    let first = weights("a", "");
    assert!(first == weights("b", ""));
    assert!(first != weights("c", "--seed 18446744073709551615"));
    // As many bytes as the weights that the segmenter holds.
    let english = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../segment/weights/english.bin"
    );
    assert_eq!(first.len() as u64, fs::metadata(english).unwrap().len());
}

#[test]
fn texts_that_cannot_be_used() {
    let place = place_with_texts(1);
    fs::create_dir(place.path("empty")).unwrap();
    place.refuses(
        PROGRAM,
        "--data empty --output out",
        "empty holds no *.jsonl; give the folder with the marked texts",
    );
    place.refuses(
        PROGRAM,
        "--data none --output out",
        "cannot read none\n  because: No such file or directory (os error 2)",
    );
    place.refuses(
        PROGRAM,
        "--data texts --output out --epochs 0",
        "setting `epochs` is 0: at least 1 pass is needed",
    );
    let good = place.read("texts/mine.jsonl");
    place.write(
        "texts/mine.jsonl",
        format!("{good}{{\"text\": \"Go.\", \"ends\": [9]}}\n"),
    );
    place.refuses(
        PROGRAM,
        "--data texts --output out",
        "texts/mine.jsonl, line 2\n  because: `ends` holds 9, and the text has 3 characters",
    );
}
