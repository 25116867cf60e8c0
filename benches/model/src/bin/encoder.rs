//! Tokens per second of embedding texts and scoring pairs on the CPU, beside sentence-transformers and rust-bert in the same run,
//! and the share of the bare matrix products' rate that is reached.
//!
//! `JOBMATCH_PEER_PYTHON=python cargo run --release -p jobmatch-benches-model --features rust-bert --bin encoder [MODEL] [TEXTS]`,
//! where that Python has sentence-transformers 6.2. MODEL is minilm unless named. The number of threads is libtorch's own (`OMP_NUM_THREADS`).
#![allow(clippy::print_stdout, reason = "a bench prints its table")]

use std::path::Path;
use std::time::Instant;

#[cfg(feature = "rust-bert")]
use jobmatch_benches_model::RustBertPeer;
use jobmatch_benches_model::{Best, Peer, Shape, mixed_texts, product_rate};
use jobmatch_encoder::{
    Device, Embedder, InferenceConfig, PairEncoder, PairScorer, Precision, Tokens,
};
use jobmatch_torch_ext::LinearFormat;
use tch::Kind;

const ROUNDS: usize = 3;
const PEER: &str = include_str!("encoder.py");
/// Batch sizes that the peer is tried with; its best counts.
const PEER_BATCHES: [usize; 3] = [16, 32, 128];
const PRECISIONS: [(&str, Precision, LinearFormat); 3] = [
    (
        "float32",
        Precision::Float32,
        LinearFormat::Float(Kind::Float),
    ),
    (
        "bfloat16",
        Precision::BFloat16,
        LinearFormat::Float(Kind::BFloat16),
    ),
    ("int8", Precision::Int8, LinearFormat::Int8),
];

/// What is timed, made anew for each round: a scorer remembers the texts that it has tokenized.
type Run<'t> = Box<dyn Fn() -> anyhow::Result<()> + 't>;
type Prepare<'t> = Box<dyn Fn() -> anyhow::Result<Run<'t>> + 't>;

fn timed(run: &dyn Fn() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let begun = Instant::now();
    run()?;
    Ok(begun.elapsed().as_secs_f64())
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().unwrap_or_else(|| "minilm".to_owned());
    let count = arguments.next().map_or(Ok(1500), |text| text.parse())?;
    let place = tempfile::tempdir()?;
    let texts = mixed_texts(count, 1);
    let passages = mixed_texts(count, 2);
    let pairs: Vec<(&str, &str)> = texts
        .iter()
        .map(String::as_str)
        .zip(passages.iter().map(String::as_str))
        .take(count / 2)
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();

    // The same weights with a head, for both sides.
    tch::manual_seed(1);
    let cross = place.path().join("cross");
    let pair_encoder = PairEncoder::load(&model, Device::Cpu)?;
    pair_encoder.save(&cross)?;
    let cross = cross.display().to_string();
    let config = pair_encoder.folder.config();
    let shape = Shape {
        layers: config.num_hidden_layers as u64,
        hidden: config.hidden_size as u64,
        inner: config.intermediate_size as u64,
    };
    let tokenizer = pair_encoder.tokenizer();
    let lengths =
        |tokens: Vec<Tokens>| -> Vec<u64> { tokens.iter().map(|t| t.len() as u64).collect() };
    let works = [
        ("embed", lengths(tokenizer.encode("", &texts)?)),
        ("score", lengths(tokenizer.encode_pairs(&pairs)?)),
    ];

    let mut peer = match std::env::var_os("JOBMATCH_PEER_PYTHON") {
        Some(python) => {
            let data = place.path().join("data.json");
            std::fs::write(
                &data,
                serde_json::json!({"texts": texts, "pairs": pairs}).to_string(),
            )?;
            let bi = pair_encoder.folder.dir().display().to_string();
            let threads = tch::get_num_threads().to_string();
            let data = data.display().to_string();
            Some(Peer::start(
                Path::new(&python),
                PEER,
                &[&data, &bi, &cross, &threads],
            )?)
        }
        None => None,
    };

    println!("{model} on {} threads", tch::get_num_threads());
    println!(
        "{:<6} {:<22} {:>10} {:>8} {:>7} {:>10} {:>7}",
        "", "", "tokens/s", "seconds", "ratio", "products", "share"
    );
    for (work, lengths) in works {
        let tokens: u64 = lengths.iter().sum();
        let mut ours = Vec::new();
        for (name, precision, format) in PRECISIONS {
            let config = InferenceConfig {
                precision,
                ..InferenceConfig::default()
            };
            let (texts, pairs, model, cross) = (&texts, &pairs, &model, &cross);
            let prepare: Prepare = if work == "embed" {
                Box::new(move || {
                    let embedder = Embedder::load(model, Device::Cpu, config)?;
                    let run = move || Ok(embedder.embed("", texts, &mut |_| {}).map(|_| ())?);
                    Ok(Box::new(run))
                })
            } else {
                Box::new(move || {
                    let scorer = PairScorer::load(cross, Device::Cpu, config)?;
                    let run = move || Ok(scorer.score(pairs, &mut |_| {}).map(|_| ())?);
                    Ok(Box::new(run))
                })
            };
            ours.push((name, format, prepare, Best::default()));
        }
        let mut theirs = PEER_BATCHES.map(|batch| (batch, Best::default()));
        #[cfg(feature = "rust-bert")]
        let mut rust_bert = (RustBertPeer::load(&model)?, Best::default());
        for _ in 0..ROUNDS {
            for (_, _, prepare, best) in &mut ours {
                best.hear(timed(&*prepare()?)?);
            }
            if let Some(peer) = &mut peer {
                for (batch, best) in &mut theirs {
                    best.hear(peer.turn(&format!("{work} {batch}"))?);
                }
            }
            #[cfg(feature = "rust-bert")]
            if work == "embed" {
                for batch in PEER_BATCHES {
                    let seconds = timed(&|| rust_bert.0.embed(&texts, batch))?;
                    rust_bert.1.hear(seconds);
                }
            }
        }
        let their_best = theirs
            .map(|(_, best)| best.seconds())
            .into_iter()
            .fold(f64::INFINITY, f64::min);
        for (name, format, _, best) in ours {
            let products = product_rate(shape, 1024, format)?;
            let share = shape.flops(lengths.iter().copied()) / best.seconds() / products;
            println!(
                "{work:<6} {:<22} {:>10.0} {:>8.2} {:>6.2}x {:>6.0} GF/s {:>6.0}%",
                format!("jobmatch {name}"),
                tokens as f64 / best.seconds(),
                best.seconds(),
                their_best / best.seconds(),
                products / 1e9,
                100.0 * share
            );
        }
        #[cfg(feature = "rust-bert")]
        if work == "embed" {
            println!(
                "{work:<6} {:<22} {:>10.0} {:>8.2}",
                "rust-bert",
                tokens as f64 / rust_bert.1.seconds(),
                rust_bert.1.seconds()
            );
        }
        if peer.is_some() {
            println!(
                "{work:<6} {:<22} {:>10.0} {:>8.2}",
                "sentence-transformers",
                tokens as f64 / their_best,
                their_best
            );
        }
    }
    Ok(())
}
