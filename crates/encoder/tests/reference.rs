//! The encoders against the numbers of transformers and sentence-transformers
//! (`encoder.py` and `minilm.py` in `fixtures/reference` make them), and what happens to folders that are not sound.
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

use std::path::{Path, PathBuf};

use jobmatch_encoder::{
    Device, Embedder, Error, InferenceConfig, ModelFolder, PairScorer, SentenceEncoder, TokenBudget,
};
use tch::Tensor;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

fn model(name: &str) -> String {
    fixtures().join("models").join(name).display().to_string()
}

fn reference(name: &str) -> Tensor {
    saved("encoder.safetensors", name)
}

fn saved(file: &str, name: &str) -> Tensor {
    let numbers = Tensor::read_safetensors(fixtures().join("reference").join(file)).unwrap();
    numbers
        .into_iter()
        .find(|(found, _)| found == name)
        .unwrap()
        .1
}

#[derive(serde::Deserialize)]
struct Texts {
    texts: Vec<String>,
    pairs: Vec<(String, String)>,
}

fn texts() -> Texts {
    let path = fixtures().join("reference/texts.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Largest absolute difference between our numbers and the reference's.
fn distance(ours: &[f32], reference: &Tensor) -> f64 {
    let ours = Tensor::from_slice(ours).view(-1);
    assert_eq!(ours.size(), reference.view(-1).size());
    (ours - reference.view(-1)).abs().max().double_value(&[])
}

fn embedder(name: &str) -> Embedder {
    Embedder::load(&model(name), Device::Cpu, InferenceConfig::default()).unwrap()
}

#[test]
fn embeddings_equal_those_of_sentence_transformers() {
    let embedder = embedder("tiny-bert");
    let texts = texts().texts;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut last = 0;
    let (ours, usage) = embedder.embed("", &texts, &mut |done| last = done).unwrap();
    assert_eq!(usage.padding, 0);
    assert_eq!(last, texts.len());
    let difference = distance(&ours, &reference("embeddings"));
    assert!(difference < 1e-5, "{difference}");
}

#[test]
fn a_pretrained_model_gives_the_embeddings_of_sentence_transformers() {
    // The model that setup fetched.
    let embedder = Embedder::load("minilm", Device::Cpu, InferenceConfig::default()).unwrap();
    let texts = texts().texts;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let (ours, _usage) = embedder.embed("", &texts, &mut |_| {}).unwrap();
    let ours = Tensor::from_slice(&ours).view([100, 384]);
    let cosines =
        Tensor::cosine_similarity(&ours, &saved("minilm.safetensors", "embeddings"), 1, 1e-8);
    let smallest = cosines.min().double_value(&[]);
    assert!(smallest >= 0.99999, "{smallest}");
}

#[test]
fn logits_equal_those_of_cross_encoder() {
    let config = InferenceConfig::default();
    let scorer = PairScorer::load(&model("tiny-cross"), Device::Cpu, config).unwrap();
    let pairs = texts().pairs;
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    let ours = scorer.score(&pairs, &mut |_| {}).unwrap().logits;
    let difference = distance(&ours, &reference("logits"));
    assert!(difference < 1e-5, "{difference}");
}

#[test]
fn how_texts_are_batched_does_not_matter() {
    let encoder = SentenceEncoder::load(&model("tiny-bert"), Device::Cpu).unwrap();
    let texts = texts().texts;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let tokens = encoder.tokenizer().encode("", &texts).unwrap();
    let embedder = encoder.embedder(InferenceConfig::default()).unwrap();
    let (whole, _usage) = embedder.embed("", &texts, &mut |_| {}).unwrap();
    for (max_tokens, max_rows) in [(1, 1), (100, 7), (100_000, 1000)] {
        let budget = TokenBudget {
            max_tokens,
            max_rows,
        };
        let ours = tch::no_grad(|| encoder.forward(&tokens, budget, false).unwrap());
        let difference = distance(&whole, &ours);
        assert!(
            difference < 1e-6,
            "{max_tokens} tokens, {max_rows} rows: {difference}"
        );
    }
}

#[test]
fn what_is_saved_loads_again_with_the_same_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("model");
    let mut encoder = SentenceEncoder::load(&model("tiny-bert"), Device::Cpu).unwrap();
    encoder.folder.prompts.query = "query: ".to_owned();
    encoder.folder.metadata.passage_template = Some("{name}".to_owned());
    encoder.save(&target).unwrap();
    let again = SentenceEncoder::load(&target.display().to_string(), Device::Cpu).unwrap();
    assert_eq!(again.folder.prompts, encoder.folder.prompts);
    assert_eq!(again.folder.metadata, encoder.folder.metadata);
    assert_eq!(again.folder.pooling(), encoder.folder.pooling());
    assert_eq!(again.folder.max_tokens(), encoder.folder.max_tokens());
    let embed = |encoder: &SentenceEncoder| {
        let embedder = encoder.embedder(InferenceConfig::default()).unwrap();
        embedder
            .embed("", &["Plan budgets."], &mut |_| {})
            .unwrap()
            .0
    };
    assert_eq!(embed(&again), embed(&encoder));

    // The same weights and settings are the same bytes and the same fingerprint.
    let twin = folder.path().join("twin");
    again.save(&twin).unwrap();
    let bytes = |folder: &Path| std::fs::read(folder.join("model.safetensors")).unwrap();
    assert!(bytes(&target) == bytes(&twin));
    let fingerprint = |folder: &Path| {
        let name = folder.display().to_string();
        ModelFolder::open(&name).unwrap().fingerprint().unwrap()
    };
    assert_eq!(fingerprint(&target), fingerprint(&twin));
}

/// A copy of `tiny-bert` with one file changed, and the error that opening and loading it gives.
fn error_with(file: &str, change: impl FnOnce(&Path)) -> Error {
    let folder = tempfile::tempdir().unwrap();
    let source = fixtures().join("models/tiny-bert");
    for entry in std::fs::read_dir(&source).unwrap() {
        let path = entry.unwrap().path();
        let target = folder.path().join(path.file_name().unwrap());
        if path.is_dir() {
            std::fs::create_dir(&target).unwrap();
            for inner in std::fs::read_dir(&path).unwrap() {
                let inner = inner.unwrap().path();
                std::fs::copy(&inner, target.join(inner.file_name().unwrap())).unwrap();
            }
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
    change(&folder.path().join(file));
    SentenceEncoder::load(&folder.path().display().to_string(), Device::Cpu).unwrap_err()
}

fn set(key: &'static str, value: serde_json::Value) -> impl FnOnce(&Path) {
    move |path| {
        let mut json: serde_json::Value =
            serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        json[key] = value;
        std::fs::write(path, json.to_string()).unwrap();
    }
}

#[test]
fn folders_that_are_not_sound_say_why() {
    let remove = |path: &Path| std::fs::remove_file(path).unwrap();
    let truncate = |path: &Path| {
        let bytes = std::fs::read(path).unwrap();
        std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    };
    let cases: [(Error, &[&str]); 8] = [
        (
            error_with("model.safetensors", remove),
            &["has no model.safetensors"],
        ),
        (
            error_with("tokenizer.json", remove),
            &["has no tokenizer.json"],
        ),
        (
            error_with("model.safetensors", truncate),
            &["model.safetensors is not a whole safetensors file"],
        ),
        (
            error_with("config.json", set("hidden_size", 64.into())),
            &[
                "tensor `embeddings.LayerNorm.bias`",
                "shape [32]",
                "asks for [64]",
            ],
        ),
        (
            error_with("config.json", set("num_hidden_layers", 3.into())),
            &[
                "has no tensor `encoder.layer.2.attention.output.LayerNorm.bias`, which config.json asks for with shape [32]",
            ],
        ),
        (
            error_with("config.json", set("num_hidden_layers", 1.into())),
            &["holds a tensor `encoder.layer.1.attention.output.LayerNorm.bias`"],
        ),
        (
            error_with("config.json", set("model_type", "t5".into())),
            &["config.json", "model_type is `t5`; bert, roberta"],
        ),
        (
            error_with("modules.json", |path| {
                std::fs::write(path, r#"[{"path": "1_Dense", "type": "x.Dense"}]"#).unwrap();
            }),
            &["modules.json", "module `Dense`"],
        ),
    ];
    for (error, parts) in cases {
        let message = error.to_string();
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    }
}

#[test]
fn a_pickle_is_refused_with_the_way_to_convert_it() {
    let error = error_with("model.safetensors", |path| {
        std::fs::rename(path, path.with_file_name("pytorch_model.bin")).unwrap();
    });
    assert!(
        error.to_string().contains("safe_serialization=True"),
        "{error}"
    );
}

#[test]
fn an_unknown_name_lists_the_known_ones() {
    let error = ModelFolder::open("no-such-model").unwrap_err().to_string();
    assert!(
        error.contains("minilm, e5-base-v2, ms-marco-minilm"),
        "{error}"
    );
}
