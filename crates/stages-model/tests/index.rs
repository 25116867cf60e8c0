//! Indexes as run: made out of an older one, and what an approximate one says of itself.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;

use common::{Place, place_with_everything};
use serde_json::Value;

const PROGRAM: &str = "jobmatch-index";

fn report(place: &Place, folder: &str) -> Value {
    serde_json::from_str(&place.read(&format!("{folder}/report.json"))).unwrap()
}

/// The numbers of a flat index: all after its header.
fn vectors(place: &Place, folder: &str) -> Vec<f32> {
    let bytes = std::fs::read(place.path(&format!("{folder}/attributes.faiss"))).unwrap();
    let numbers = bytes[45..].as_chunks::<4>().0.iter();
    numbers.map(|four| f32::from_le_bytes(*four)).collect()
}

/// The definitions without the second and the third, and with another name for the fourth and two new ones.
fn change_definitions(place: &Place) {
    let text = place.read("definitions.tsv");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.drain(2..4);
    let mut columns: Vec<String> = lines[2].split('\t').map(str::to_owned).collect();
    columns[2].push_str(" under water");
    lines[2] = columns.join("\t");
    for id in ["A-new", "Z-new"] {
        columns[0] = id.to_owned();
        columns[2] = format!("Something new, {id}");
        lines.push(columns.join("\t"));
    }
    place.write("changed.tsv", lines.join("\n") + "\n");
}

#[test]
fn an_index_out_of_an_older_one_embeds_only_what_is_new() {
    let place = place_with_everything();
    change_definitions(&place);
    let make = |definitions: &str, more: &str| {
        let arguments =
            format!("--model bi --template {{name}} --definitions {definitions} --quiet {more}");
        place.run(PROGRAM, &arguments)
    };
    make("definitions.tsv", "--output old").success();
    make("changed.tsv", "--output fresh").success();
    make("changed.tsv", "--update old --output updated").success();
    let updated = report(&place, "updated");
    assert_eq!(updated["updated"]["embedded"], 3, "{updated}");
    assert_eq!(updated["updated"]["removed"], 2, "{updated}");
    assert_eq!(updated["updated"]["kept"], 40 - 3, "{updated}");

    let bytes = |name: &str| std::fs::read(place.path(name)).unwrap();
    assert_eq!(
        bytes("updated/attributes.parquet"),
        bytes("fresh/attributes.parquet")
    );
    assert_eq!(
        place.read("updated/index.json"),
        place.read("fresh/index.json")
    );
    let (found, expected) = (vectors(&place, "updated"), vectors(&place, "fresh"));
    assert_eq!(found.len(), expected.len());
    // A text's last bits may depend on the texts that it is embedded with.
    let far = found
        .iter()
        .zip(&expected)
        .any(|(a, b)| (a - b).abs() > 1e-5);
    assert!(!far);
}

#[test]
fn an_older_index_of_another_model_is_refused() {
    let place = place_with_everything();
    let make = "--definitions definitions.tsv --quiet";
    place
        .run(PROGRAM, &format!("--model bi {make} --output old"))
        .success();
    let weights = std::fs::read(place.path("bi/model.safetensors")).unwrap();
    let mut other = weights.clone();
    let last = other.len() - 1;
    other[last] ^= 1;
    place.write("bi/model.safetensors", other);
    let ended = place.run(
        PROGRAM,
        &format!("--model bi {make} --update old --output new"),
    );
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("was made by"), "{}", ended.stderr);
    assert!(!place.path("new").exists());
}

#[test]
fn an_approximate_index_says_what_it_finds_of_the_exact_one() {
    let place = place_with_everything();
    let arguments =
        "--model bi --definitions definitions.tsv --factory HNSW8 --output index --quiet";
    place.run(PROGRAM, arguments).success();
    let recall = &report(&place, "index")["recall"];
    for k in ["1", "10"] {
        let found = recall[k].as_f64().unwrap();
        assert!((0.5..=1.0).contains(&found), "{recall}");
    }
    // An exact one has nothing to say.
    let exact = "--model bi --definitions definitions.tsv --output exact --quiet";
    place.run(PROGRAM, exact).success();
    assert!(report(&place, "exact")["recall"].is_null());
}
