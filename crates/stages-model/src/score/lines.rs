//! Pairs in JSON lines to scores in JSON lines, in order, as they come.

use std::io::{BufRead, Write};

use jobmatch_crossencoder::{CrossEncoder, sigmoid};
use serde::{Deserialize, Serialize};

use crate::json_lines::json_lines;

#[derive(Deserialize)]
struct Line {
    id: serde_json::Value,
    text: String,
    passage: String,
}

#[derive(Serialize)]
struct Scored {
    id: serde_json::Value,
    logit: f32,
    probability: f32,
}

/// Reads `{"id","text","passage"}` lines and writes an `{"id","logit","probability"}` line for each, in order. Blank lines are passed
/// over. Returns how many pairs there were.
///
/// # Errors
/// A line that is no such JSON, which is named after what stood before it is written; and a reader that has gone.
pub fn score_lines(
    model: &CrossEncoder,
    input: impl BufRead,
    output: impl Write,
) -> anyhow::Result<u64> {
    let expected = r#"{"id","text","passage"}"#;
    json_lines(input, output, expected, |lines: Vec<Line>| {
        let pairs: Vec<(&str, &str)> = lines
            .iter()
            .map(|line| (line.text.as_str(), line.passage.as_str()))
            .collect();
        let logits = model.score(&pairs, &mut |_| {})?;
        let scored = lines.into_iter().zip(logits).map(|(line, logit)| Scored {
            id: line.id,
            logit,
            probability: sigmoid(logit),
        });
        Ok(scored.collect())
    })
}
