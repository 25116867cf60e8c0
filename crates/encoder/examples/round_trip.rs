//! Loads a model, saves it again, and computes with it: one JSON string (or array of two, for pairs) a line on standard
//! input, one JSON array of an embedding (or one logit) a line on standard output.
//!
//! `cargo run --release -p jobmatch-encoder --example round_trip -- MODEL TARGET texts|pairs < rows.jsonl`

use std::io::{BufRead, Write};
use std::path::Path;

use jobmatch_encoder::{Device, InferenceConfig, PairEncoder, SentenceEncoder};
use serde::de::DeserializeOwned;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn rows<T: DeserializeOwned>() -> Outcome<Vec<T>> {
    let lines = std::io::stdin().lock().lines();
    lines
        .map(|line| Ok(serde_json::from_str(&line?)?))
        .collect()
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, target, kind] = arguments.as_slice() else {
        return Err("usage: round_trip MODEL TARGET texts|pairs".into());
    };
    let mut output = std::io::stdout().lock();
    if kind == "pairs" {
        let encoder = PairEncoder::load(model, Device::Cpu)?;
        encoder.save(Path::new(target))?;
        let pairs: Vec<(String, String)> = rows()?;
        let pairs: Vec<(&str, &str)> = pairs
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        let scorer = encoder.scorer(InferenceConfig::default())?;
        for logit in scorer.score(&pairs, &mut |_| {})?.logits {
            writeln!(output, "{logit}")?;
        }
    } else {
        let encoder = SentenceEncoder::load(model, Device::Cpu)?;
        encoder.save(Path::new(target))?;
        let texts: Vec<String> = rows()?;
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let prompt = encoder.folder.default_prompt();
        let embedder = encoder.embedder(InferenceConfig::default())?;
        let (values, _usage) = embedder.embed(prompt, &texts, &mut |_| {})?;
        for row in values.chunks_exact(encoder.dimension()) {
            writeln!(output, "{}", serde_json::to_string(row)?)?;
        }
    }
    Ok(())
}
