//! BERT, its relatives and its larger shape against transformers and sentence-transformers
//! (`fixtures/reference/families.py` makes the numbers).
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

mod common;

use common::{Texts, distance, model, saved};
use jobmatch_encoder::{
    BertConfig, BertModel, Device, Embedder, InferenceConfig, ModelFolder, PairScorer, Pooling,
    PoolingMode, SentenceEncoder, TokenBatch, Tokens, Transformer,
};
use tch::{Kind, Tensor, nn};

fn embedder(name: &str) -> Embedder {
    Embedder::load(name, Device::Cpu, InferenceConfig::default()).unwrap()
}

/// The token sequences that the reference had.
fn sequences(name: &str, numbers: &std::collections::HashMap<String, Tensor>) -> Vec<Tokens> {
    let list = |what: &str| -> Vec<i64> {
        let tensor = numbers[&format!("{name}.{what}")].to_kind(Kind::Int64);
        Vec::try_from(tensor).unwrap()
    };
    let ids = list("ids");
    let mut first = 0;
    list("lengths")
        .into_iter()
        .map(|length| {
            let last = first + length as usize;
            let sequence = ids[first..last].iter().map(|&id| id as u32).collect();
            first = last;
            Tokens::from_ids(sequence)
        })
        .collect()
}

#[test]
fn token_ids_hidden_states_and_embeddings_equal_the_references() {
    let numbers = saved("families.safetensors");
    let texts = Texts::read("families.json");
    for name in ["tiny-roberta", "tiny-xlm-roberta", "tiny-distilbert"] {
        let embedder = embedder(&model(name));
        let tokens = sequences(name, &numbers);
        let ours = embedder.tokenizer().encode("", &texts.texts()).unwrap();
        for (ours, theirs) in ours.iter().zip(&tokens) {
            assert_eq!(ours.ids(), theirs.ids(), "{name}");
        }
        let rows: Vec<usize> = (0..tokens.len()).collect();
        let batch = TokenBatch::new(&tokens, &rows, Device::Cpu);
        let hidden = embedder.hidden_states(&batch).unwrap();
        let difference = distance(&hidden, &numbers[&format!("{name}.hidden")]);
        assert!(difference < 1e-5, "{name} hidden states: {difference}");

        let (embeddings, _) = embedder.embed("", &texts.texts(), &mut |_| {}).unwrap();
        let reference = &numbers[&format!("{name}.embeddings")];
        let difference = distance(&Tensor::from_slice(&embeddings), reference);
        assert!(difference < 1e-5, "{name} embeddings: {difference}");
        if name == "tiny-roberta" {
            for (mode, key) in [(PoolingMode::Cls, "cls"), (PoolingMode::Max, "max")] {
                let pooling = Pooling {
                    mode,
                    normalize: false,
                };
                let pooled = pooling.apply(&hidden, &batch);
                let difference = distance(&pooled, &numbers[&format!("{name}.{key}")]);
                assert!(difference < 1e-5, "{name} {key}: {difference}");
            }
        }
    }
}

#[test]
fn logits_equal_those_of_cross_encoder() {
    let numbers = saved("families.safetensors");
    let texts = Texts::read("families.json");
    for name in ["tiny-roberta-cross", "tiny-distilbert-cross"] {
        let scorer = PairScorer::load(&model(name), Device::Cpu, InferenceConfig::default());
        let scores = scorer.unwrap().score(&texts.pairs(), &mut |_| {});
        let logits = scores.unwrap().logits;
        let reference = &numbers[&format!("{name}.logits")];
        let difference = distance(&Tensor::from_slice(&logits), reference);
        let scale = reference.abs().max().double_value(&[]);
        assert!(difference < 1e-5 * scale.max(1.0), "{name}: {difference}");
    }
}

#[test]
fn what_is_saved_keeps_the_familys_names() {
    let place = tempfile::tempdir().unwrap();
    for name in ["tiny-roberta", "tiny-distilbert"] {
        let target = place.path().join(name);
        let encoder = SentenceEncoder::load(&model(name), Device::Cpu).unwrap();
        encoder.save(&target).unwrap();
        let names = |folder: &ModelFolder| {
            let mut tensors = Tensor::read_safetensors(folder.weights()).unwrap();
            tensors.sort_by(|a, b| a.0.cmp(&b.0));
            tensors
        };
        let again = ModelFolder::open(&target.display().to_string()).unwrap();
        let (before, after) = (names(&encoder.folder), names(&again));
        assert_eq!(before.len(), after.len(), "{name}");
        for ((name, tensor), (new_name, new_tensor)) in before.iter().zip(&after) {
            assert_eq!(name, new_name);
            assert!(tensor.equal(new_tensor), "{name}");
        }
    }
}

#[test]
fn a_pretrained_models_hidden_states_equal_those_of_transformers() {
    // The model that setup fetched.
    let numbers = saved("minilm_hidden.safetensors");
    let embedder = embedder("minilm");
    let tokens = sequences("minilm", &numbers);
    let rows: Vec<usize> = (0..tokens.len()).collect();
    let batch = TokenBatch::new(&tokens, &rows, Device::Cpu);
    let hidden = embedder.hidden_states(&batch).unwrap();
    let every_eighth =
        Tensor::arange_start_step(0, hidden.size()[0], 8, (Kind::Int64, Device::Cpu));
    let ours = hidden.index_select(0, &every_eighth);
    let difference = distance(&ours, &numbers["minilm.hidden"]);
    assert!(difference < 1e-5, "{difference}");
}

/// The weight that `formula_weights` in `families.py` describes.
fn formula_weight(name: &str, shape: &[i64]) -> Tensor {
    let seed = name.bytes().fold(0u64, |hash, byte| {
        hash.wrapping_mul(31).wrapping_add(byte.into())
    });
    let scale = if shape.len() == 2 { 0.07f32 } else { 0.02 };
    let count = shape.iter().product::<i64>() as u64;
    let values: Vec<f32> = (0..count)
        .map(|at| {
            let x = at.wrapping_add(seed).wrapping_add(0x9E37_79B9_7F4A_7C15);
            let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            let steps = ((x ^ (x >> 31)) >> 40) as f32 - 8_388_608.0;
            let value = steps / 8_388_608.0 * scale;
            if name.contains("LayerNorm.weight") {
                value + 1.0
            } else {
                value
            }
        })
        .collect();
    Tensor::from_slice(&values).view(shape)
}

#[test]
fn the_shape_of_e5_base_gives_transformers_numbers() {
    let config: BertConfig = serde_json::from_value(serde_json::json!({
        "model_type": "bert", "vocab_size": 1000, "hidden_size": 768, "num_hidden_layers": 12,
        "num_attention_heads": 12, "intermediate_size": 3072, "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
        "max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
    }))
    .unwrap();
    let store = nn::VarStore::new(Device::Cpu);
    let encoder = BertModel::new(&store.root(), &config);
    for (name, mut variable) in store.variables() {
        tch::no_grad(|| variable.copy_(&formula_weight(&name, &variable.size())));
    }
    let tokens: Vec<Tokens> = [5u32, 17, 64, 130, 512]
        .iter()
        .map(|&length| {
            Tokens::from_ids((0..length).map(|at| (at * 7919 + length) % 1000).collect())
        })
        .collect();
    let batch = TokenBatch::new(&tokens, &[0, 1, 2, 3, 4], Device::Cpu);
    let pooling = Pooling {
        mode: PoolingMode::Mean,
        normalize: true,
    };
    let reference = &saved("families.safetensors")["e5_shape.embeddings"];
    let frozen = encoder
        .freeze(jobmatch_torch_ext::LinearFormat::Float(Kind::Float))
        .unwrap();
    for model in [&encoder as &dyn Transformer, frozen.as_ref()] {
        let hidden = tch::no_grad(|| model.forward(&batch, false)).unwrap();
        let difference = distance(&pooling.apply(&hidden, &batch), reference);
        assert!(difference < 1e-5, "{difference}");
    }
}
