//! Scores pairs: one JSON array of two texts a line on standard input, one logit a line on standard output.
//!
//! `cargo run --release -p jobmatch-crossencoder --example score -- MODEL < pairs.jsonl`

use std::io::{BufRead, Write};

use jobmatch_crossencoder::CrossEncoder;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(model) = std::env::args().nth(1) else {
        return Err("usage: score MODEL".into());
    };
    let model = CrossEncoder::load(&model)?;
    let pairs = std::io::stdin()
        .lock()
        .lines()
        .map(|line| Ok(serde_json::from_str(&line?)?))
        .collect::<Result<Vec<(String, String)>, Box<dyn std::error::Error>>>()?;
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    let mut output = std::io::stdout().lock();
    for logit in model.score(&pairs, &mut |_| {})? {
        writeln!(output, "{logit}")?;
    }
    Ok(())
}
