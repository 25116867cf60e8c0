//! What stands before queries and passages: E5's prefixes by default, others where they are given, and saved with the model.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::fs;

use common::{Place, copy_folder, place_with_everything};
use jobmatch_biencoder::BiEncoder;
use jobmatch_encoder::{Device, Embedder, InferenceConfig};

/// Trains `model` and looks at what its folder says, and at what it puts before the texts.
fn trained(place: &Place, model: &str, more: &str, [query, passage]: [&str; 2]) {
    let arguments = format!(
        "--dataset dataset --model {model} --definitions definitions.tsv --batch-size 8 --max-steps 2 --output out-{model} \
         --quiet {more}"
    );
    place.run("jobmatch-train-biencoder", &arguments).success();
    let folder = place.path(&format!("out-{model}/model"));
    let text = fs::read_to_string(folder.join("config_sentence_transformers.json")).unwrap();
    let settings: serde_json::Value = serde_json::from_str(&text).unwrap();
    let prompts = &settings["prompts"];
    assert_eq!(
        [&prompts["query"], &prompts["document"], &prompts["passage"]],
        [query, passage, passage]
    );
    let (texts, name) = (["Plan budgets."], folder.to_str().unwrap());
    let embedder = Embedder::load(name, Device::Cpu, InferenceConfig::default()).unwrap();
    let alone = |prompt: &str| embedder.embed(prompt, &texts, &mut |_| {}).unwrap().0;
    assert_ne!(alone(query), alone(""));
    let model = BiEncoder::load(name).unwrap();
    let queries = model.embed_queries(&texts, &mut |_| {}).unwrap();
    assert_eq!(queries.values, alone(query));
    let passages = model.embed_passages(&texts, &mut |_| {}).unwrap();
    assert_eq!(passages.values, alone(passage));
}

#[test]
fn e5_has_its_prefixes_and_any_model_those_that_are_given() {
    let place = place_with_everything();
    // E5's own folders do not say them.
    copy_folder(&place.path("bi"), &place.path("e5-tiny"));
    let path = place.path("e5-tiny/config_sentence_transformers.json");
    if path.exists() {
        fs::remove_file(path).unwrap();
    }
    trained(&place, "e5-tiny", "", ["query: ", "passage: "]);
    let given = "--query-prompt ad: --passage-prompt skill:";
    trained(&place, "bi", given, ["ad:", "skill:"]);
}
