//! Jobs as they come to matches on standard output, in order.

use std::io::Write;

use jobmatch_evaluation::{MatchCounts, Matcher};
use jobmatch_records::Job;
use jobmatch_stage::stdout_error;
use serde_json::Value;

use super::input::Given;
use super::rows::{CsvRows, write_line};
use super::table::Table;
use crate::json_lines::in_batches;

/// Jobs that are computed at once.
const BATCH: usize = 256;
/// The same where a person waits.
const BATCH_OF_TABLE: usize = 16;

/// What is written for each job.
#[derive(Debug)]
pub enum Writing {
    /// Lines for people.
    Table(Table),
    /// A JSON line.
    Lines,
    /// CSV rows under one header.
    Csv,
}

/// Writes what the matcher finds, flushed after each batch of jobs. Returns how many there were of what.
///
/// # Errors
/// A job that cannot be read, after what stood before it is written; the matcher's own; and a reader that has gone.
pub fn match_stream(
    matcher: &Matcher<'_>,
    jobs: impl Iterator<Item = anyhow::Result<Given>>,
    writing: &Writing,
    mut output: impl Write,
) -> anyhow::Result<MatchCounts> {
    let mut counts = MatchCounts::default();
    let mut matched = |batch: Vec<Given>| -> anyhow::Result<_> {
        let (ids, jobs): (Vec<Value>, Vec<Job>) =
            batch.into_iter().map(|given| (given.id, given.job)).unzip();
        let matched = matcher.matches(&jobs, &mut |_, _, _| {})?;
        counts += matched.counts;
        Ok((ids, jobs, matched.of_job))
    };
    match writing {
        Writing::Lines => in_batches(jobs, BATCH, |batch| {
            let (ids, _, of_job) = matched(batch)?;
            for (id, matches) in ids.iter().zip(&of_job) {
                write_line(&mut output, id, matches).map_err(stdout_error)?;
            }
            output.flush().map_err(stdout_error)
        })?,
        Writing::Csv => {
            let mut rows = CsvRows::begin(output).map_err(stdout_error)?;
            in_batches(jobs, BATCH, |batch| {
                let (_, jobs, of_job) = matched(batch)?;
                for (job, matches) in jobs.iter().zip(&of_job) {
                    rows.write(&job.job_id, matches).map_err(stdout_error)?;
                }
                rows.flush().map_err(stdout_error)
            })?;
        }
        Writing::Table(table) => in_batches(jobs, BATCH_OF_TABLE, |batch| {
            let (_, jobs, of_job) = matched(batch)?;
            for (job, matches) in jobs.iter().zip(&of_job) {
                table
                    .write(&mut output, job, matches)
                    .map_err(stdout_error)?;
            }
            output.flush().map_err(stdout_error)
        })?,
    }
    Ok(counts)
}
