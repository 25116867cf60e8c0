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
    in_batches(lines(input, expected), BATCH, |batch| {
        count += batch.len() as u64;
        for row in compute(batch)? {
            let row = serde_json::to_string(&row)?;
            writeln!(output, "{row}").map_err(stdout_error)?;
        }
        output.flush().map_err(stdout_error)
    })?;
    Ok(count)
}

/// The lines of standard input as rows of `expected` form. Blank lines are passed over; a line that is no such JSON is an error that
/// names it.
pub(crate) fn lines<I: DeserializeOwned>(
    input: impl BufRead,
    expected: &str,
) -> impl Iterator<Item = anyhow::Result<I>> {
    let numbered = (1..).zip(input.split(b'\n'));
    numbered.filter_map(move |(number, line): (u64, _)| {
        let line = match line.context("cannot read standard input") {
            Ok(line) if line.trim_ascii().is_empty() => return None,
            Ok(line) => line,
            Err(error) => return Some(Err(error)),
        };
        let row = serde_json::from_slice(&line);
        Some(row.with_context(|| format!("line {number}: expected {expected}")))
    })
}

/// Gives `each` all rows, `size` at a time, once if there are none. Those before an error come before it.
///
/// # Errors
/// A row's, and `each`'s own.
pub(crate) fn in_batches<R>(
    mut rows: impl Iterator<Item = anyhow::Result<R>>,
    size: usize,
    mut each: impl FnMut(Vec<R>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    loop {
        let mut failed = None;
        let good = rows.by_ref().take(size).map_while(|row| match row {
            Ok(row) => Some(row),
            Err(error) => {
                failed = Some(error);
                None
            }
        });
        let batch: Vec<R> = good.collect();
        let is_last = batch.len() < size;
        each(batch)?;
        match failed {
            Some(error) => return Err(error),
            None if is_last => return Ok(()),
            None => {}
        }
    }
}
