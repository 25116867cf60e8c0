//! rust-bert as a second reference for what is computed here, and its own families against transformers
//! (`fixtures/reference/families.py` and `rust_bert.py` make the numbers).
#![cfg(feature = "rust-bert")]
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

mod common;

use common::{Texts, distance, model, saved};
use jobmatch_encoder::{
    Device, InferenceConfig, ModelFolder, PairEncoder, Precision, RustBertModel, SentenceEncoder,
    TokenBatch, Transformer, load_weights,
};
use tch::nn;

fn batch_of(encoder: &SentenceEncoder, texts: &[&str]) -> TokenBatch {
    let tokens = encoder.tokenizer().encode("", texts).unwrap();
    let rows: Vec<usize> = (0..tokens.len()).collect();
    TokenBatch::new(&tokens, &rows, Device::Cpu)
}

#[test]
fn it_gives_the_numbers_that_we_give() {
    let texts = Texts::read("texts.json");
    for name in [
        "tiny-bert",
        "tiny-roberta",
        "tiny-xlm-roberta",
        "tiny-distilbert",
        "minilm",
    ] {
        let name = if name == "minilm" {
            name.to_owned()
        } else {
            model(name)
        };
        let folder = ModelFolder::open(&name).unwrap();
        let store = nn::VarStore::new(Device::Cpu);
        let theirs = RustBertModel::new(&store, &folder).unwrap();
        load_weights(&store, &folder.weights(), &["pooler."], &["pooler."]).unwrap();
        let encoder = SentenceEncoder::from_folder(folder, Device::Cpu).unwrap();
        let batch = batch_of(&encoder, &texts.texts());
        let embedder = encoder.embedder(InferenceConfig::default()).unwrap();
        let ours = embedder.hidden_states(&batch).unwrap();
        let theirs = tch::no_grad(|| theirs.forward(&batch, false)).unwrap();
        let difference = distance(&ours, &theirs);
        // rust-bert computes RoBERTa's layer normalizations with BERT's epsilon, whatever the folder says.
        let bound = if name.contains("roberta") { 1e-3 } else { 1e-5 };
        assert!(difference < bound, "{name}: {difference}");
    }
}

#[test]
fn its_own_families_give_transformers_numbers() {
    let numbers = saved("rust_bert.safetensors");
    let texts = Texts::read("families.json");
    for name in [
        "tiny-albert",
        "tiny-electra",
        "tiny-longformer",
        "tiny-mobilebert",
    ] {
        let encoder = SentenceEncoder::load(&model(name), Device::Cpu).unwrap();
        let embedder = encoder.embedder(InferenceConfig::default()).unwrap();
        let batch = batch_of(&encoder, &texts.texts());
        let hidden = embedder.hidden_states(&batch).unwrap();
        let reference = &numbers[&format!("{name}.hidden")];
        let difference = distance(&hidden, reference);
        let scale = reference.abs().max().double_value(&[]);
        assert!(
            difference < 1e-5 * scale.max(1.0),
            "{name}: {difference} of {scale}"
        );
        let (values, _) = embedder.embed("", &texts.texts(), &mut |_| {}).unwrap();
        assert_eq!(values.len(), texts.texts.len() * 32);
    }
}

#[test]
fn what_it_cannot_do_is_said() {
    let encoder = SentenceEncoder::load(&model("tiny-electra"), Device::Cpu).unwrap();
    let config = InferenceConfig {
        precision: Precision::Int8,
        ..InferenceConfig::default()
    };
    let error = encoder.embedder(config).unwrap_err().to_string();
    assert!(error.contains("computed in float32"), "{error}");
    let error = PairEncoder::load(&model("tiny-electra"), Device::Cpu).unwrap_err();
    assert!(
        error.to_string().contains("model_type is electra"),
        "{error}"
    );
}
