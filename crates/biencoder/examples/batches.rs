//! Prints what a training sees, step by step: one JSON object for each example, with its step.
//!
//! ```sh
//! cargo run --release -p jobmatch-biencoder --example batches -- DATASET DEFINITIONS '{name}' SEED STEPS > batches.jsonl
//! ```

// Named before all others, so that the linker meets libtorch before FAISS's BLAS.
extern crate jobmatch_retrieval as _;

use std::error::Error;
use std::io::Write as _;
use std::path::Path;

use jobmatch_biencoder::{BiEncoderConfig, TrainingData};
use jobmatch_records::{ReadOptions, read_definitions};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dataset, definitions, template, seed, steps] = &arguments[..] else {
        return Err("expected DATASET DEFINITIONS TEMPLATE SEED STEPS".into());
    };
    let config = BiEncoderConfig {
        epochs: u64::MAX,
        max_steps: Some(steps.parse()?),
        ..BiEncoderConfig::default()
    };
    let definitions = read_definitions(Path::new(definitions), &ReadOptions::default())?;
    let (folder, template, seed) = (Path::new(dataset), template.parse()?, seed.parse()?);
    let mut data = TrainingData::open(folder, &definitions, &template, &config, seed)?;
    let plan = data.plan(&config)?;
    let mut out = std::io::stdout().lock();
    for step in 0..plan.total_steps {
        for example in data.batch(plan.position(step), config.batch_size)? {
            let row = serde_json::json!({
                "step": step, "job_id": example.job_id, "attribute_id": example.attribute_id,
                "query": example.query, "passage": example.passage,
            });
            writeln!(out, "{row}")?;
        }
    }
    Ok(())
}
