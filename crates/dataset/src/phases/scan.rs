//! First: what must be known of every job before any pair is made.

use jobmatch_records::{Job, Rejected, Split};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Context;
use crate::dev_halves::{group, selecting_half};
use crate::minhash::{BANDS, BINS, Signature};
use crate::shards::Reading;
use crate::texts::{Key, cleaned, key_of};
use crate::{Result, random, scratch};

/// A job as it was scanned.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Scanned {
    /// A hash of the job's id.
    pub(crate) id: JobKey,
    /// The line or row in its file.
    pub(crate) number: u64,
    /// Of the cleaned text.
    pub(crate) text: Key,
    pub(crate) is_empty: bool,
    pub(crate) split: Option<Split>,
    pub(crate) group: Option<u64>,
    /// Whether it would be in the half of dev that selects models.
    pub(crate) selects: bool,
    /// A random number of its group, or of the job where it has none.
    pub(crate) chance: u32,
}

/// A hash of a job's id: 96 bits, so that ten million ids collide with a probability below 1e-14.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct JobKey(u64, u32);

impl JobKey {
    pub(crate) fn of(job_id: &str) -> Self {
        let hash = blake3::hash(job_id.as_bytes());
        let mut head = [0; 8];
        head.copy_from_slice(&hash.as_bytes()[..8]);
        let mut tail = [0; 4];
        tail.copy_from_slice(&hash.as_bytes()[8..12]);
        Self(u64::from_le_bytes(head), u32::from_le_bytes(tail))
    }
}

/// What the end of the file told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Counted {
    pub(crate) jobs: u64,
    pub(crate) rejected: Vec<(std::path::PathBuf, u64, String)>,
}

const COUNT: &str = "count";

fn unit(shard: u32) -> String {
    format!("scan-{shard:05}")
}

fn bytes_name(shard: u32) -> String {
    format!("scan/{shard:05}.signatures")
}

fn bands_name(shard: u32) -> String {
    format!("scan/{shard:05}.bands")
}

fn name(shard: u32) -> String {
    format!("scan/{shard:05}")
}

/// Scans the shards of this process.
pub(crate) fn scan(context: &Context) -> Result<Counted> {
    let Context { config, work, .. } = *context;
    if work.is_finished(COUNT)? {
        let counted: Counted = scratch::read(work, COUNT)?;
        let shards = config.shards(counted.jobs);
        if context.open_units(shards, unit)?.is_empty() {
            return Ok(counted);
        }
    }
    let wanted = |shard: u32| {
        work.shard().takes(u64::from(shard)) && !work.is_finished(&unit(shard)).unwrap_or(false)
    };
    let reading = Reading {
        source: context.source,
        jobs_per_shard: config.jobs_per_shard,
        wanted: &wanted,
        with_sentences: false,
    };
    let progress = context.progress("scanning", "jobs");
    let ending = reading.run(|rows| {
        let scanned: Vec<(Scanned, Signature)> = (rows.jobs.par_iter(), rows.numbers.par_iter())
            .into_par_iter()
            .map(|(job, number)| scan_job(context.seed, job, *number))
            .collect();
        progress(rows.jobs.len() as u64);
        write(context, rows.shard, scanned)
    })?;
    let counted = Counted {
        jobs: ending.jobs,
        rejected: (ending.rejected.into_iter())
            .map(|row| (row.path, row.number, row.reason))
            .collect(),
    };
    if work.shard().is_first() {
        let path = scratch::write(work, COUNT, &counted)?;
        work.finish(COUNT, &[path])?;
    }
    Ok(counted)
}

impl Counted {
    pub(crate) fn rejected(&self) -> Vec<Rejected> {
        let rows = self.rejected.iter().cloned();
        rows.map(|(path, number, reason)| Rejected {
            path,
            number,
            reason,
        })
        .collect()
    }
}

fn scan_job(seed: u64, job: &Job, number: u64) -> (Scanned, Signature) {
    let text = cleaned(&job.text);
    let group = group(job);
    let chance = match group {
        Some(group) => random::number(seed, "split by group", &[group.as_bytes()]),
        None => random::number(seed, "split by job", &[job.job_id.as_bytes()]),
    };
    let scanned = Scanned {
        id: JobKey::of(&job.job_id),
        number,
        text: key_of(&text),
        is_empty: text.is_empty(),
        split: job.split,
        group: group.map(|group| JobKey::of(group).0),
        selects: selecting_half(job),
        chance: (chance >> 32) as u32,
    };
    (scanned, Signature::of(&text))
}

fn write(context: &Context, shard: u32, scanned: Vec<(Scanned, Signature)>) -> Result<()> {
    let work = context.work;
    let mut bytes = Vec::with_capacity(scanned.len() * BINS);
    let mut bands = Vec::with_capacity(scanned.len() * BANDS * 4);
    for (_, signature) in &scanned {
        bytes.extend_from_slice(&signature.bytes);
    }
    for band in 0..BANDS {
        for (_, signature) in &scanned {
            bands.extend_from_slice(&signature.bands[band].to_le_bytes());
        }
    }
    let rows: Vec<Scanned> = scanned.into_iter().map(|(scanned, _)| scanned).collect();
    let files = [
        scratch::write(work, &name(shard), &rows)?,
        scratch::write_bytes(work, &bytes_name(shard), &bytes)?,
        scratch::write_bytes(work, &bands_name(shard), &bands)?,
    ];
    Ok(work.finish(&unit(shard), &files)?)
}

/// The scanned jobs of a shard, when whoever scans it is done.
pub(crate) fn read(context: &Context, shard: u32) -> Result<Vec<Scanned>> {
    context.work.wait(&unit(shard))?;
    scratch::read(context.work, &name(shard))
}

/// The signatures of a shard's jobs, [`BINS`] bytes each.
pub(crate) fn read_signatures(context: &Context, shard: u32, jobs: usize) -> Result<Vec<u8>> {
    scratch::read_bytes(context.work, &bytes_name(shard), 0, jobs * BINS)
}

/// One band of a shard's jobs.
pub(crate) fn read_band(
    context: &Context,
    shard: u32,
    jobs: usize,
    band: usize,
) -> Result<Vec<u32>> {
    let start = (band * jobs * 4) as u64;
    let bytes = scratch::read_bytes(context.work, &bands_name(shard), start, jobs * 4)?;
    let four = bytes.as_chunks::<4>().0.iter();
    Ok(four.map(|four| u32::from_le_bytes(*four)).collect())
}
