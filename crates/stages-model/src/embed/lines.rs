//! Texts in JSON lines to embeddings in JSON lines, in order, as they come.

use std::io::{BufRead, Write};

use jobmatch_encoder::Embedder;
use serde::{Deserialize, Serialize};

use super::{Config, vectors};
use crate::json_lines::json_lines;

#[derive(Deserialize)]
struct Line {
    id: serde_json::Value,
    text: String,
}

#[derive(Serialize)]
struct Embedded {
    id: serde_json::Value,
    vector: Vec<f32>,
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
    output: impl Write,
) -> anyhow::Result<u64> {
    let prompt = config.prompt_of(embedder)?;
    json_lines(input, output, r#"{"id","text"}"#, |lines: Vec<Line>| {
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        let (values, _usage) = vectors(embedder, &prompt, config, &texts, &mut |_| {})?;
        let rows = values.chunks_exact(embedder.dimension());
        let embedded = lines.into_iter().zip(rows).map(|(line, row)| Embedded {
            id: line.id,
            vector: row.to_vec(),
        });
        Ok(embedded.collect())
    })
}
