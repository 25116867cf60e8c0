//! JSON lines in, JSON lines out, in order, as they come.

use std::io::{BufRead, Write};

use anyhow::Context as _;
use jobmatch_stage::stdout_error;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Lines that are computed at once.
const BATCH: usize = 1024;

/// Reads a line of `expected` form after the other and writes what `compute` makes of them, a line for each. Blank lines are
/// passed over. Returns how many there were.
///
/// # Errors
/// A line that is no such JSON, which is named after what stood before it is written; `compute`'s own; and a reader that has gone.
pub(crate) fn json_lines<I: DeserializeOwned, O: Serialize>(
    input: impl BufRead,
    mut output: impl Write,
    expected: &str,
    compute: impl Fn(Vec<I>) -> anyhow::Result<Vec<O>>,
) -> anyhow::Result<u64> {
    let mut count = 0;
    let mut batch: Vec<I> = Vec::new();
    let mut flush = |batch: &mut Vec<I>| -> anyhow::Result<()> {
        count += batch.len() as u64;
        for row in compute(std::mem::take(batch))? {
            let row = serde_json::to_string(&row)?;
            writeln!(output, "{row}").map_err(stdout_error)?;
        }
        output.flush().map_err(stdout_error)
    };
    for (number, line) in input.split(b'\n').enumerate() {
        let line = line.context("cannot read standard input")?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice(&line) {
            Ok(row) => batch.push(row),
            Err(error) => {
                flush(&mut batch)?;
                return Err(error)
                    .with_context(|| format!("line {}: expected {expected}", number + 1));
            }
        }
        if batch.len() == BATCH {
            flush(&mut batch)?;
        }
    }
    flush(&mut batch)?;
    Ok(count)
}
