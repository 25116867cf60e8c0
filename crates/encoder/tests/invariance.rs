//! What must not change an embedding: the order of texts, their batches, the threads, the texts beside them; and by how much a
//! lower precision does.
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

mod common;

use common::{Texts, distance, model};
use jobmatch_encoder::{
    Device, Embedder, InferenceConfig, PairScorer, Precision, TokenBatch, TokenBudget,
};
use tch::{Kind, Tensor};

fn config(precision: Precision, max_tokens: usize, max_rows: usize) -> InferenceConfig {
    InferenceConfig {
        precision,
        budget: Some(TokenBudget {
            max_tokens,
            max_rows,
        }),
        batch_invariant: true,
        ..InferenceConfig::default()
    }
}

fn embed(embedder: &Embedder, texts: &[&str]) -> Tensor {
    let (values, _) = embedder.embed("", texts, &mut |_| {}).unwrap();
    Tensor::from_slice(&values).view([texts.len() as i64, -1])
}

/// Texts of 1 to 250 words.
fn many_texts() -> Vec<String> {
    let words: Vec<String> = Texts::read("texts.json")
        .texts
        .iter()
        .flat_map(|text| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    (0..180usize)
        .map(|number| {
            let length = 1 + number * number % 37 + if number % 30 == 0 { 210 } else { 0 };
            let word = |at: usize| words[(number * 17 + at * 5) % words.len()].as_str();
            (0..length).map(word).collect::<Vec<_>>().join(" ")
        })
        .collect()
}

#[test]
fn on_the_cpu_a_text_never_depends_on_its_batch() {
    let texts = many_texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let reversed: Vec<&str> = texts.iter().rev().copied().collect();
    for precision in [Precision::Float32, Precision::Int8, Precision::BFloat16] {
        let load = |max_tokens, max_rows| {
            let config = config(precision, max_tokens, max_rows);
            Embedder::load("minilm", Device::Cpu, config).unwrap()
        };
        let usual = load(1024, 256);
        let whole = embed(&usual, &texts);
        // In passes of other sizes: one text each, a few, nearly all at once.
        for (max_tokens, max_rows) in [(1, 1), (100, 7), (100_000, 1000)] {
            let other = embed(&load(max_tokens, max_rows), &texts);
            assert!(other.equal(&whole), "{precision:?} {max_tokens} {max_rows}");
        }
        assert!(
            embed(&usual, &reversed).flip([0]).equal(&whole),
            "{precision:?} reversed"
        );
        let alone = embed(&usual, &texts[11..12]);
        assert!(alone.equal(&whole.narrow(0, 11, 1)), "{precision:?} alone");
        tch::set_num_threads(1);
        let by_one = embed(&usual, &texts);
        tch::set_num_threads(2);
        assert!(by_one.equal(&whole), "{precision:?} one thread");
    }
}

#[test]
fn training_and_use_give_the_same_numbers() {
    let texts = many_texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let encoder = jobmatch_encoder::SentenceEncoder::load("minilm", Device::Cpu).unwrap();
    let tokens = encoder.tokenizer().encode("", &texts).unwrap();
    let budget = TokenBudget::default();
    let with_gradients = encoder.forward(&tokens, budget, false).unwrap().detach();
    let embedder = encoder.embedder(InferenceConfig::default()).unwrap();
    let difference = distance(&embed(&embedder, &texts), &with_gradients);
    assert!(difference < 1e-6, "{difference}");
}

#[test]
fn a_lower_precision_stays_near() {
    let texts = many_texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let embed_in = |precision| {
        let embedder = Embedder::load("minilm", Device::Cpu, config(precision, 1024, 256));
        embed(&embedder.unwrap(), &texts)
    };
    let exact = embed_in(Precision::Float32);
    for (precision, mean_at_least, least) in [
        (Precision::BFloat16, 0.9995, 0.999),
        (Precision::Int8, 0.995, 0.98),
    ] {
        let cosines = Tensor::cosine_similarity(&embed_in(precision), &exact, 1, 1e-8);
        let (mean, smallest) = (cosines.mean(Kind::Float), cosines.min());
        let (mean, smallest) = (mean.double_value(&[]), smallest.double_value(&[]));
        assert!(
            mean >= mean_at_least && smallest >= least,
            "{precision:?} {mean} {smallest}"
        );
    }
}

#[test]
fn logits_do_not_depend_on_the_batch_either() {
    let texts = Texts::read("texts.json");
    let pairs = texts.pairs();
    let score = |max_tokens, pairs: &[(&str, &str)]| {
        let config = config(Precision::Float32, max_tokens, 64);
        let scorer = PairScorer::load(&model("tiny-cross"), Device::Cpu, config).unwrap();
        scorer.score(pairs, &mut |_| {}).unwrap().logits
    };
    let whole = score(4096, &pairs);
    assert_eq!(score(60, &pairs), whole);
    assert_eq!(score(4096, &pairs[3..4]), whole[3..4]);
}

#[test]
fn fewer_dimensions_are_the_first_ones_at_unit_length() {
    let texts = Texts::read("texts.json");
    let load = |dimensions| {
        let config = InferenceConfig {
            dimensions,
            ..InferenceConfig::default()
        };
        Embedder::load(&model("tiny-bert"), Device::Cpu, config)
    };
    let (whole, cut) = (load(None).unwrap(), load(Some(8)).unwrap());
    assert_eq!(cut.dimension(), 8);
    let expected = jobmatch_encoder::l2_normalize(&embed(&whole, &texts.texts()).narrow(1, 0, 8));
    assert!(distance(&embed(&cut, &texts.texts()), &expected) < 1e-6);
    for nonsense in [0, 33] {
        let error = load(Some(nonsense)).unwrap_err().to_string();
        assert!(
            error.contains("dimensions is") && error.contains("32"),
            "{error}"
        );
    }
}

#[test]
fn a_long_text_is_the_mean_of_its_windows() {
    let embedder = Embedder::load(&model("tiny-bert"), Device::Cpu, InferenceConfig::default());
    let embedder = embedder.unwrap();
    let long = "plan the yearly budget and repair engines ".repeat(30);
    let texts = ["Plan budgets.", long.as_str(), ""];
    let (values, usage) = embedder.embed_long("", &texts, 8, &mut |_| {}).unwrap();
    let rows: Vec<&[f32]> = values.chunks_exact(32).collect();
    // What fits is as it always is.
    let cut = embed(&embedder, &texts);
    for row in [0, 2] {
        assert!(Tensor::from_slice(rows[row]).equal(&cut.get(row as i64)));
    }
    assert!(distance(&Tensor::from_slice(rows[1]), &cut.get(1)) > 1e-3);

    let windows = embedder
        .tokenizer()
        .encode_windows("", &[&long], 8)
        .unwrap();
    assert!(windows[0].len() > 2);
    let mut sum = Tensor::zeros([32], (Kind::Double, Device::Cpu));
    for window in &windows[0] {
        let batch = TokenBatch::new(std::slice::from_ref(&window.tokens), &[0], Device::Cpu);
        let vector = embedder.embed_batch(&batch).unwrap();
        let weight = window.tokens.len() as f64;
        sum += vector.get(0).to_kind(Kind::Double) * weight;
    }
    let mean = jobmatch_encoder::l2_normalize(&sum);
    let difference = distance(&Tensor::from_slice(rows[1]).to_kind(Kind::Double), &mean);
    assert!(difference < 1e-6, "{difference}");
    let counted: usize = windows[0].iter().map(|window| window.tokens.len()).sum();
    assert!(usage.tokens as usize > counted); // the other texts too
}
