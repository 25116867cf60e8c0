//! Seventh: the pairs of each shard.

use jobmatch_records::{Fingerprint, Pair, PairSource, Split};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Context;
use super::draw::{Drawn, read_drawn};
use super::number::Numbers;
use super::place::{JobCandidates, read_candidates};
use super::plan::Plan;
use super::scan;
use crate::minhash::BINS;
use crate::report::Side;
use crate::split::Half;
use crate::write::write_part;
use crate::{FINGERPRINTS, Result, scratch};

/// What a shard's pairs came to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Writing {
    pub(crate) sides: [Side; 2],
    /// The rows that go into the samples of train and dev.
    pub(crate) samples: [Vec<Pair>; 2],
}

fn unit(shard: u32) -> String {
    format!("write-{shard:05}")
}

fn name(shard: u32) -> String {
    format!("write/{shard:05}")
}

/// Writes the shards of this process, one on each thread.
pub(crate) fn write(context: &Context, plan: &Plan, numbers: &Numbers) -> Result<()> {
    let open = context.open_units(plan.shards, unit)?;
    let progress = context.progress("writing", "shards");
    open.into_par_iter().try_for_each(|shard| {
        write_shard(context, plan, numbers, shard)?;
        progress(1);
        Ok(())
    })
}

pub(crate) fn read_writing(context: &Context, shard: u32) -> Result<Writing> {
    context.work.wait(&unit(shard))?;
    scratch::read(context.work, &name(shard))
}

fn write_shard(context: &Context, plan: &Plan, numbers: &Numbers, shard: u32) -> Result<()> {
    let work = context.work;
    let jobs = read_candidates(context, shard)?;
    let candidates = jobs.iter().map(|job| job.candidates.len()).sum();
    let mut drawn: Vec<Option<Drawn>> = vec![None; candidates];
    for partition in 0..plan.partitions {
        for pair in read_drawn(context, partition, shard)? {
            let place = pair.candidate as usize;
            drawn[place] = Some(pair);
        }
    }
    let mut writing = Writing::default();
    let mut files = Vec::new();
    files.extend(write_part(
        work,
        FINGERPRINTS,
        shard,
        &fingerprints(context, plan, shard, &jobs)?,
    )?);
    for (half, folder) in [(Half::Train, "train"), (Half::Dev, "dev")] {
        let side = half as usize;
        let mut rows = Rows {
            context,
            next: numbers.first[shard as usize][side],
            rows: Vec::new(),
        };
        let mut first = 0;
        for job in &jobs {
            let numbered = first..first + job.candidates.len();
            first = numbered.end;
            if job.half != half {
                continue;
            }
            let mut with_positives = false;
            for (candidate, number) in job.candidates.iter().zip(numbered) {
                let Some(drawn) = &drawn[number] else {
                    continue;
                };
                with_positives |= candidate.positive;
                let new = rows.push(job, candidate, drawn);
                let sample = &numbers.samples[side];
                if sample.binary_search(&(shard, number as u32)).is_ok() {
                    writing.samples[side].extend_from_slice(&rows.rows[new..]);
                }
            }
            writing.sides[side].jobs_with_positives += u64::from(with_positives);
        }
        for pair in &rows.rows {
            writing.sides[side].count(pair);
        }
        files.extend(write_part(work, folder, shard, &rows.rows)?);
    }
    files.push(scratch::write(work, &name(shard), &writing)?);
    Ok(work.finish(&unit(shard), &files)?)
}

/// The jobs of a shard that have candidates, each with the signature of its text. Some of them have no pair, since another job has
/// all their texts: those were learned from all the same.
fn fingerprints(
    context: &Context,
    plan: &Plan,
    shard: u32,
    jobs: &[JobCandidates],
) -> Result<Vec<Fingerprint>> {
    let first_row = shard as usize * context.config.jobs_per_shard;
    let of_shard = context.config.jobs_of_shard(shard, plan.fates.len());
    let signatures = scan::read_signatures(context, shard, of_shard)?;
    let mut rows = Vec::with_capacity(jobs.len());
    for job in jobs.iter().filter(|job| !job.candidates.is_empty()) {
        let at = (job.row as usize - first_row) * BINS;
        rows.push(Fingerprint {
            job_id: job.job_id.clone(),
            split: match job.half {
                Half::Train => Split::Train,
                Half::Dev => Split::Dev,
            },
            signature: signatures[at..at + BINS].to_vec(),
        });
    }
    Ok(rows)
}

/// Turns candidates into rows.
struct Rows<'a> {
    context: &'a Context<'a>,
    /// The number of the next row.
    next: u64,
    rows: Vec<Pair>,
}

impl Rows<'_> {
    /// Adds a candidate and its negatives; the place of the first.
    fn push(
        &mut self,
        job: &JobCandidates,
        candidate: &crate::place::Candidate,
        drawn: &Drawn,
    ) -> usize {
        let attributes = self.context.attributes;
        let text = &job.texts[candidate.text as usize];
        let (at, positive_id) = (self.rows.len(), self.next);
        let pair = |attribute: u32| Pair {
            pair_id: positive_id,
            job_id: job.job_id.clone(),
            sentence_index: text.sentence.map(|(index, ..)| index),
            start: text.sentence.map(|(_, start, _)| start),
            end: text.sentence.map(|(.., end)| end),
            attribute_id: attributes.id(attribute).to_owned(),
            text: text.clean.clone(),
            passage: attributes.passages[attribute as usize].clone(),
            label: f32::from(u8::from(candidate.positive)),
            source: candidate.source,
            alignment_score: candidate.score,
            positive_id: None,
        };
        self.rows.push(pair(candidate.attribute));
        for (place, attribute) in drawn.negatives.iter().enumerate() {
            let is_hard = place < drawn.hard as usize;
            self.rows.push(Pair {
                pair_id: positive_id + 1 + place as u64,
                label: 0.0,
                source: if is_hard {
                    PairSource::Hard
                } else {
                    PairSource::Random
                },
                alignment_score: None,
                positive_id: Some(positive_id),
                ..pair(*attribute)
            });
        }
        self.next += 1 + drawn.negatives.len() as u64;
        at
    }
}
