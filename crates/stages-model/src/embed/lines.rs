//! Texts in JSON lines to embeddings in JSON lines, in order, as they come.

use std::io::{BufRead, Write};

use anyhow::Context as _;
use jobmatch_encoder::Embedder;
use jobmatch_stage::stdout_error;
use serde::{Deserialize, Serialize};

use super::{Config, vectors};

/// Texts that are embedded at once.
const BATCH: usize = 1024;

#[derive(Deserialize)]
struct Line {
    id: serde_json::Value,
    text: String,
}

#[derive(Serialize)]
struct Embedded<'v> {
    id: &'v serde_json::Value,
    vector: &'v [f32],
}

/// Reads `{"id","text"}` lines and writes an `{"id","vector"}` line for each, in order. Blank lines are passed over. Returns how
/// many texts there were.
///
/// # Errors
/// A line that is no such JSON, which is named after what stood before it is written; and a reader that has gone.
pub fn embed_lines(
    embedder: &Embedder,
    config: &Config,
    input: impl BufRead,
    mut output: impl Write,
) -> anyhow::Result<u64> {
    let prompt = config.prompt_of(embedder)?;
    let mut count = 0;
    let mut batch: Vec<Line> = Vec::new();
    let mut flush = |batch: &mut Vec<Line>| -> anyhow::Result<()> {
        let texts: Vec<&str> = batch.iter().map(|line| line.text.as_str()).collect();
        let (values, _usage) = vectors(embedder, &prompt, config, &texts, &mut |_| {})?;
        for (line, vector) in batch.iter().zip(values.chunks_exact(embedder.dimension())) {
            let row = serde_json::to_string(&Embedded {
                id: &line.id,
                vector,
            })?;
            writeln!(output, "{row}").map_err(stdout_error)?;
        }
        count += batch.len() as u64;
        batch.clear();
        output.flush().map_err(stdout_error)
    };
    for (number, line) in input.split(b'\n').enumerate() {
        let line = line.context("cannot read standard input")?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice(&line) {
            Ok(text) => batch.push(text),
            Err(error) => {
                flush(&mut batch)?;
                return Err(error)
                    .with_context(|| format!("line {}: expected {{\"id\",\"text\"}}", number + 1));
            }
        }
        if batch.len() == BATCH {
            flush(&mut batch)?;
        }
    }
    flush(&mut batch)?;
    Ok(count)
}
