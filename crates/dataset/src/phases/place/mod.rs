//! Third: the candidates of each shard's jobs, and what the partitions must know of them.

mod job;

use std::collections::HashMap;

use crossbeam::channel::bounded;
use jobmatch_lexical::Aligner;
use jobmatch_records::Positive;
use jobmatch_segment::Segmenter;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::job::{JobPlaced, OfJob};
use super::Context;
use super::plan::{Fate, Plan};
use crate::labels;
use crate::place::{Candidate, Outcome, Placed};
use crate::report::{Alignment, Flow};
use crate::shards::{Reading, ShardRows};
use crate::split::Half;
use crate::texts::Key;
use crate::write::write_part;
use crate::{Error, Result, Unit, scratch};

/// A kept job with its candidates.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct JobCandidates {
    pub(crate) row: u32,
    pub(crate) job_id: String,
    pub(crate) half: Half,
    pub(crate) texts: Vec<CandidateText>,
    /// By text; positive ones first, then by attribute. `text` is the place in `texts`.
    pub(crate) candidates: Vec<Candidate>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CandidateText {
    /// The sentence's number, and its first byte and the one after its last; none at job unit.
    pub(crate) sentence: Option<(u32, u64, u64)>,
    pub(crate) clean: String,
}

/// What a partition is told of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct KeyRow {
    pub(crate) text: Key,
    /// None: no candidate, but the attribute is known to be right for the text. Those come first.
    pub(crate) half: Option<Half>,
    pub(crate) job: u32,
    pub(crate) sentence: u32,
    pub(crate) is_negative: bool,
    pub(crate) attribute: u32,
    /// Its number among the candidates of its shard.
    pub(crate) candidate: u32,
}

/// What a shard tells a partition.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Section {
    pub(crate) keys: Vec<KeyRow>,
    pub(crate) jobs: Vec<JobFacts>,
}

/// What a partition is told of a job.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct JobFacts {
    pub(crate) row: u32,
    /// The classes that are known to be right for it, or not to be drawn.
    pub(crate) excluded: Vec<u32>,
    /// Attributes to be drawn first.
    pub(crate) hard: Vec<u32>,
}

/// What placing a shard came to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Placing {
    pub(crate) labels: Flow,
    pub(crate) placed: Flow,
    pub(crate) alignment: Alignment,
    /// Alignment scores that were kept.
    pub(crate) scores: Vec<f32>,
    /// Candidates, and those that were removed already.
    pub(crate) pairs: Flow,
    pub(crate) positives: u64,
    /// Jobs of train and dev.
    pub(crate) jobs: [u64; 2],
}

fn unit(shard: u32) -> String {
    format!("place-{shard:05}")
}

fn name(shard: u32, what: &str) -> String {
    format!("place/{shard:05}.{what}")
}

/// Places the shards of this process.
pub(crate) fn place(context: &Context, plan: &Plan) -> Result<()> {
    let open = context.open_units(plan.shards, unit)?;
    if open.is_empty() {
        return Ok(());
    }
    let wanted = |shard: u32| open.binary_search(&shard).is_ok();
    let sentence_unit = context.config.unit == Unit::Sentence;
    let reading = Reading {
        source: context.source,
        jobs_per_shard: context.config.jobs_per_shard,
        wanted: &wanted,
        with_sentences: sentence_unit,
    };
    let aligner = Aligner::new(match sentence_unit {
        true => &context.attributes.passages[..],
        false => &[],
    });
    let shared = Shared {
        context,
        plan,
        aligner,
        segmenter: Segmenter::english(),
    };
    let progress = context.progress("placing", "jobs");
    // One shard is read, one is placed, and one is written at a time.
    let (sender, receiver) = bounded::<(u32, Vec<JobPlaced>)>(1);
    std::thread::scope(|scope| {
        let shared = &shared;
        let writer = scope.spawn(move || -> Result<()> {
            for (shard, placed) in receiver {
                shared.write(shard, placed)?;
            }
            Ok(())
        });
        let read = reading.run(|rows| {
            let (shard, done) = (rows.shard, rows.jobs.len() as u64);
            let placed = shared.shard(rows)?;
            progress(done);
            // When the writer failed, its error is the one to tell.
            sender.send((shard, placed)).map_err(|_| Error::Interrupted)
        });
        drop(sender);
        match writer.join() {
            Ok(written) => written.and(read.map(drop)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// The candidates of a shard.
pub(crate) fn read_candidates(context: &Context, shard: u32) -> Result<Vec<JobCandidates>> {
    context.work.wait(&unit(shard))?;
    scratch::read(context.work, &name(shard, "candidates"))
}

/// What a shard tells a partition.
pub(crate) fn read_section(context: &Context, shard: u32, partition: u32) -> Result<Section> {
    context.work.wait(&unit(shard))?;
    scratch::read_section(context.work, &name(shard, "keys"), partition)
}

pub(crate) fn read_placing(context: &Context, shard: u32) -> Result<Placing> {
    context.work.wait(&unit(shard))?;
    scratch::read(context.work, &name(shard, "report"))
}

struct Shared<'a> {
    context: &'a Context<'a>,
    plan: &'a Plan,
    aligner: Aligner,
    segmenter: Segmenter,
}

impl Shared<'_> {
    fn shard(&self, mut rows: ShardRows) -> Result<Vec<JobPlaced>> {
        let mut of_jobs: HashMap<u32, OfJob> = HashMap::new();
        let inside = rows.first..rows.first + rows.jobs.len() as u32;
        for label in labels::read(self.context, rows.shard)? {
            if label.is_hard {
                let hard = &mut of_jobs.entry(label.job).or_default().hard;
                hard.push(label.attribute);
                continue;
            }
            let kept = self.plan.kept(label.job);
            if kept != label.job && inside.contains(&kept) {
                let copies = &mut of_jobs.entry(kept).or_default().of_copies;
                copies.entry(label.job).or_default().push(label.clone());
            }
            if inside.contains(&label.job) {
                of_jobs.entry(label.job).or_default().own.push(label);
            }
        }
        let sentences = rows.sentences.take();
        let placed: Vec<Result<JobPlaced>> = rows
            .jobs
            .par_iter()
            .enumerate()
            .map(|(at, job)| {
                let row = rows.first + at as u32;
                let sentences = sentences.as_ref().map(|of_jobs| of_jobs[at].as_slice());
                match (self.plan.fate(row), of_jobs.get(&row)) {
                    (fate @ (Fate::Train | Fate::DevSelecting | Fate::DevDeciding), of_job) => {
                        self.kept(row, job, sentences, fate, of_job)
                    }
                    (Fate::Copy, Some(of_job)) => self.copy(row, job, sentences, of_job),
                    // No label was sent to any other job.
                    _ => Ok(JobPlaced::default()),
                }
            })
            .collect();
        // The first error in the order of jobs, not the first in time.
        placed.into_iter().collect()
    }

    fn write(&self, shard: u32, placed: Vec<JobPlaced>) -> Result<()> {
        let Context {
            work, attributes, ..
        } = *self.context;
        let partitions = self.plan.partitions;
        let mut sections = vec![Section::default(); partitions as usize];
        let mut total = Placing::default();
        let mut jobs = Vec::new();
        let mut positives = Vec::new();
        let mut numbered = 0;
        for mut placed in placed {
            total.add(placed.placing);
            let Some(job) = placed.candidates else {
                continue;
            };
            (placed.positives).sort_by(|a, b| (a.0, a.1.as_bytes()).cmp(&(b.0, b.1.as_bytes())));
            placed.positives.dedup();
            positives.extend(
                placed
                    .positives
                    .into_iter()
                    .map(|(attribute, text)| Positive {
                        job_id: job.job_id.clone(),
                        text_digest: text.to_hex().to_string(),
                        attribute_id: attributes.id(attribute).to_owned(),
                    }),
            );
            for mut key in placed.keys {
                key.candidate += numbered;
                let section = &mut sections[key.text.partition(partitions)];
                let told = section
                    .jobs
                    .last()
                    .is_some_and(|facts| facts.row == job.row);
                if key.half.is_some() && !told {
                    section.jobs.push(placed.facts.clone());
                }
                section.keys.push(key);
            }
            numbered += job.candidates.len() as u32;
            if !job.candidates.is_empty() {
                jobs.push(job);
            }
        }
        total.positives = positives.len() as u64;
        let mut files = vec![
            scratch::write(work, &name(shard, "candidates"), &jobs)?,
            scratch::write_sections(work, &name(shard, "keys"), &sections)?,
            scratch::write(work, &name(shard, "report"), &total)?,
        ];
        files.extend(write_part(work, "positives", shard, &positives)?);
        Ok(work.finish(&unit(shard), &files)?)
    }
}

impl Placing {
    fn count(&mut self, placed: &Placed) {
        self.placed.rows_in += 1;
        self.alignment.quotes_not_found += u64::from(placed.quote_not_found);
        self.alignment.evidence_outside_sentences += u64::from(placed.evidence_outside);
        match placed.outcome {
            Outcome::Whole => self.placed.keep(),
            Outcome::Evidence => {
                self.placed.keep();
                self.alignment.by_evidence += 1;
            }
            Outcome::Aligned => {
                self.placed.keep();
                self.alignment.by_bm25 += 1;
                let scores = placed.candidates.iter().filter_map(|found| found.score);
                self.scores.extend(scores);
            }
            Outcome::NoSentence => self.placed.remove("unaligned_no_sentence"),
            Outcome::BelowMinimum => self.placed.remove("unaligned_below_min_alignment"),
        }
    }

    /// Takes in what another shard or job came to.
    pub(crate) fn add(&mut self, other: Self) {
        self.labels.add(&other.labels);
        self.placed.add(&other.placed);
        self.pairs.add(&other.pairs);
        self.alignment.add(&other.alignment);
        self.scores.extend(other.scores);
        self.positives += other.positives;
        self.jobs[0] += other.jobs[0];
        self.jobs[1] += other.jobs[1];
    }
}
