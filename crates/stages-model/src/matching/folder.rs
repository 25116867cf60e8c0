//! A file of jobs to a folder of their attributes: unit by unit, on one process or several.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use jobmatch_artifact::Work;
use jobmatch_evaluation::{MatchCounts, MatchTimes, Matched, Matcher, Step};
use jobmatch_records::{Job, MatchRow};
use jobmatch_stage::{Progress, Telemetry};
use serde::Serialize;

use super::rows::{CsvRows, write_line};
use super::{Config, Format, Jobs};
use crate::units::{in_units, write_rejected, write_rows};

/// What was matched: the stage's `report.json`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Report {
    /// Of all units.
    #[serde(flatten)]
    pub counts: MatchCounts,
    /// Attributes decided for a job, on average.
    pub decided_per_job: f64,
    /// Rows that were set aside.
    pub rejected_rows: u64,
    /// From which score on an attribute is decided.
    pub threshold: f32,
}

/// Matches `jobs` in `work`, in files of `format`. Each process reads all jobs and matches its units; the first gets the report,
/// others get none. The bytes do not depend on the number of processes, or on interruptions. `telemetry` hears what this process
/// did, and where its time went.
///
/// # Errors
/// A bad row unless it is to be skipped, the matcher's own, and what cannot be written.
pub fn match_file(
    matcher: &Matcher<'_>,
    jobs: &mut Jobs,
    config: &Config,
    format: Format,
    work: &Work,
    telemetry: &mut Telemetry,
) -> anyhow::Result<Option<Report>> {
    let started = Instant::now();
    let progress = Progress::new("matching", "jobs", None);
    let mut own = MatchCounts::default();
    let mut times = MatchTimes::default();
    let mut writing = Duration::ZERO;
    let units = in_units(jobs, "match", config.jobs_per_file, work, |number, jobs| {
        let matched = matcher.matches(jobs, &mut heard(&progress, matcher, jobs.len()))?;
        let (counts, spent) = (matched.counts, matched.times);
        let begun = Instant::now();
        let path = write_unit(work, number, format, jobs, matched)?;
        writing += begun.elapsed();
        own += counts;
        times += spent;
        Ok((vec![path], counts))
    })?;
    progress.finish();
    // Reading, bringing files to the disk, and waiting for other processes.
    let mut rest = started.elapsed();
    for (phase, spent) in [
        ("segment", times.segment),
        ("embed", times.embed),
        ("search", times.search),
        ("rerank", times.rerank),
        ("decide", times.decide),
        ("write", writing),
    ] {
        telemetry.spent(phase, spent.as_secs_f64());
        rest = rest.saturating_sub(spent);
    }
    telemetry.spent("rest", rest.as_secs_f64());
    telemetry.count("jobs", own.jobs);
    telemetry.count("texts", own.distinct_texts);
    telemetry.count("pairs", own.reranked_pairs);
    let Some(units) = units else {
        return Ok(None);
    };
    let mut counts = MatchCounts::default();
    units.into_iter().for_each(|unit| counts += unit);
    let report = Report {
        counts,
        decided_per_job: counts.decided as f64 / counts.jobs.max(1) as f64,
        rejected_rows: write_rejected(jobs.rejected(), work)?,
        threshold: matcher.decision().threshold,
    };
    work.write_json("report.json", &report)?;
    Ok(Some(report))
}

/// Turns the last and longest step of a unit into jobs, of which there are so many.
fn heard(
    progress: &Progress,
    matcher: &Matcher<'_>,
    jobs: usize,
) -> impl FnMut(Step, usize, usize) {
    let last = match matcher.reranks() {
        true => Step::Rerank,
        false => Step::Retrieve,
    };
    let mut before = 0;
    move |step, done, total| {
        if step == last {
            let share = (jobs * done).checked_div(total).unwrap_or(jobs);
            progress.add(share.saturating_sub(before) as u64);
            before = before.max(share);
        }
    }
}

fn write_unit(
    work: &Work,
    number: u64,
    format: Format,
    jobs: &[Job],
    matched: Matched,
) -> anyhow::Result<PathBuf> {
    let end = match format {
        Format::Csv => "csv",
        Format::Jsonl => "jsonl",
        Format::Parquet | Format::Table => "parquet",
    };
    let path = work.path(&format!("part-{number:05}.{end}"))?;
    let written = match format {
        Format::Csv => write_csv(&path, jobs, &matched),
        Format::Jsonl => write_lines(&path, jobs, &matched),
        Format::Parquet | Format::Table => return write_parquet(path, jobs, matched),
    };
    written.with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn write_parquet(path: PathBuf, jobs: &[Job], matched: Matched) -> anyhow::Result<PathBuf> {
    let mut rows = Vec::with_capacity(matched.of_job.iter().map(Vec::len).sum());
    for (job, matches) in jobs.iter().zip(matched.of_job) {
        rows.extend(matches.into_iter().map(|matched| MatchRow {
            job_id: job.job_id.clone(),
            matched,
        }));
    }
    write_rows(&path, &rows)?;
    Ok(path)
}

fn write_csv(path: &Path, jobs: &[Job], matched: &Matched) -> std::io::Result<()> {
    let mut rows = CsvRows::begin(BufWriter::new(File::create(path)?))?;
    for (job, matches) in jobs.iter().zip(&matched.of_job) {
        rows.write(&job.job_id, matches)?;
    }
    rows.flush()
}

fn write_lines(path: &Path, jobs: &[Job], matched: &Matched) -> std::io::Result<()> {
    let mut output = BufWriter::new(File::create(path)?);
    for (job, matches) in jobs.iter().zip(&matched.of_job) {
        write_line(&mut output, &job.job_id, matches)?;
    }
    output.flush()
}
