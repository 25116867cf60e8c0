//! The jobs in shards: so many jobs of the file, one after the other. Work is divided, finished and resumed by shards.

use crossbeam::channel::{Sender, bounded};
use jobmatch_records::{Job, Rejected, Sentence};

use crate::inputs::{Sentences, Source};
use crate::{Error, Result};

/// The rows of one shard.
#[derive(Debug, Default)]
pub(crate) struct ShardRows {
    pub(crate) shard: u32,
    /// The row of the first job.
    pub(crate) first: u32,
    pub(crate) jobs: Vec<Job>,
    /// The line or row in its file of each job.
    pub(crate) numbers: Vec<u64>,
    /// The sentences of each job, where they were asked for.
    pub(crate) sentences: Option<Vec<Vec<Sentence>>>,
}

/// What is known when all jobs have been read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ending {
    pub(crate) jobs: u64,
    pub(crate) rejected: Vec<Rejected>,
}

/// How the jobs are read.
pub(crate) struct Reading<'a> {
    pub(crate) source: &'a dyn Source,
    pub(crate) jobs_per_shard: usize,
    /// Whether a shard is to be had.
    pub(crate) wanted: &'a (dyn Fn(u32) -> bool + Sync),
    pub(crate) with_sentences: bool,
}

enum Message {
    Shard(ShardRows),
    Ending(Ending),
    Failed(Error),
}

impl Reading<'_> {
    /// Calls `each` with the wanted shards in order; the next one is read meanwhile. At most three are in memory.
    pub(crate) fn run(&self, mut each: impl FnMut(ShardRows) -> Result<()>) -> Result<Ending> {
        let (sender, receiver) = bounded(1);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let last = match self.read(&sender) {
                    Ok(Some(ending)) => Message::Ending(ending),
                    // Nobody listens any more.
                    Ok(None) => return,
                    Err(error) => Message::Failed(error),
                };
                let _unless_nobody_listens = sender.send(last);
            });
            for message in receiver {
                match message {
                    Message::Shard(rows) => each(rows)?,
                    Message::Ending(ending) => return Ok(ending),
                    Message::Failed(error) => return Err(error),
                }
            }
            Ok(Ending::default())
        })
    }

    fn read(&self, sender: &Sender<Message>) -> Result<Option<Ending>> {
        let mut jobs = self.source.jobs()?;
        let mut sentences = match self.with_sentences {
            true => self.source.sentences()?.map(OfJobs::new),
            false => None,
        };
        let mut rows = ShardRows::default();
        let (mut wanted, mut count) = ((self.wanted)(0), 0u32);
        while let Some(job) = jobs.next() {
            let job = job?;
            let shard = count / self.jobs_per_shard as u32;
            if shard != rows.shard {
                if wanted && sender.send(Message::Shard(rows)).is_err() {
                    return Ok(None);
                }
                wanted = (self.wanted)(shard);
                rows = ShardRows {
                    shard,
                    first: count,
                    ..ShardRows::default()
                };
            }
            count = count
                .checked_add(1)
                .ok_or(Error::TooMany { what: "jobs" })?;
            let of_job = match &mut sentences {
                Some(sentences) => Some(sentences.of(&job)?),
                None => None,
            };
            if wanted {
                rows.numbers.push(jobs.number());
                rows.jobs.push(job);
                if let Some(of_job) = of_job {
                    rows.sentences.get_or_insert_default().push(of_job);
                }
            }
        }
        if let Some(sentence) = sentences.and_then(|mut sentences| sentences.left()) {
            return Err(foreign(&sentence?, "belongs to a job that is not there"));
        }
        if wanted && !rows.jobs.is_empty() && sender.send(Message::Shard(rows)).is_err() {
            return Ok(None);
        }
        Ok(Some(Ending {
            jobs: u64::from(count),
            rejected: jobs.rejected(),
        }))
    }
}

/// Sentences, job by job.
struct OfJobs<'a> {
    rows: Sentences<'a>,
    next: Option<Result<Sentence>>,
}

impl<'a> OfJobs<'a> {
    fn new(mut rows: Sentences<'a>) -> Self {
        Self {
            next: rows.next(),
            rows,
        }
    }

    /// The sentences of the next job.
    fn of(&mut self, job: &Job) -> Result<Vec<Sentence>> {
        let mut found = Vec::new();
        while let Some(Ok(sentence)) = &self.next
            && sentence.job_id == job.job_id
        {
            let inside = usize::try_from(sentence.start)
                .ok()
                .zip(usize::try_from(sentence.end).ok())
                .and_then(|(start, end)| job.text.get(start..end));
            if inside != Some(sentence.text.as_str()) {
                return Err(foreign(
                    sentence,
                    "is not what stands at its place in the job's text",
                ));
            }
            if let Some(Ok(sentence)) = std::mem::replace(&mut self.next, self.rows.next()) {
                found.push(sentence);
            }
        }
        if let Some(Err(_)) = &self.next
            && let Some(Err(error)) = self.next.take()
        {
            return Err(error);
        }
        found.sort_by_key(|sentence| sentence.index);
        Ok(found)
    }

    /// A sentence that no job took.
    fn left(&mut self) -> Option<Result<Sentence>> {
        self.next.take()
    }
}

fn foreign(sentence: &Sentence, problem: &'static str) -> Error {
    Error::ForeignSentence {
        job_id: sentence.job_id.clone(),
        index: sentence.index,
        problem,
    }
}

/// The jobs in the given rows, which are rising.
pub(crate) fn jobs_at(source: &dyn Source, rows: &[u32]) -> Result<Vec<Job>> {
    let mut jobs = source.jobs()?;
    let mut found = Vec::with_capacity(rows.len());
    let mut at = 0;
    for &row in rows {
        while at <= row {
            let Some(job) = jobs.next() else { break };
            let job = job?;
            if at == row {
                found.push(job);
            }
            at += 1;
        }
    }
    Ok(found)
}
