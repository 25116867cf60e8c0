//! What is known to be right, and so must never be drawn as wrong.

use std::collections::HashMap;

use crate::attributes::Attributes;
use crate::jobs::{Digest, Fate, Jobs};
use crate::labels::{LabelRow, Labels};
use crate::place::Placed;

/// The known positives, by attribute class, of every job and of every text. Those of a removed copy
/// are known of the job that stayed.
pub(crate) struct Known {
    by_job: Vec<Vec<u32>>,
    by_text: HashMap<Digest, Vec<u32>>,
    /// Classes that are not known to be right for a job, but not to be drawn either.
    barred: Vec<Vec<u32>>,
    /// (job, attribute, text), sorted: what masks other pairs of a batch.
    pub(crate) positives: Vec<(u32, u32, Digest)>,
}

impl Known {
    /// `placed` holds, for each label row of train and dev and then of the copies, its texts.
    pub(crate) fn new<'a>(
        jobs: &Jobs,
        attributes: &Attributes,
        labels: &Labels,
        placed: impl Iterator<Item = (&'a LabelRow<'a>, &'a Placed)>,
    ) -> Known {
        let mut known = Known {
            by_job: vec![Vec::new(); jobs.jobs.len()],
            by_text: HashMap::new(),
            barred: vec![Vec::new(); jobs.jobs.len()],
            positives: Vec::new(),
        };
        for (row, placed) in placed.filter(|(row, _)| row.positive) {
            let class = attributes.class(row.attribute);
            let kept = kept(jobs, row.job);
            known.by_job[kept as usize].push(class);
            // A label without a text is known of the job's own.
            let whole = placed
                .candidates
                .is_empty()
                .then_some(jobs.digests[row.job as usize]);
            let texts = placed.candidates.iter().map(|candidate| candidate.digest);
            for text in texts.chain(whole) {
                known.by_text.entry(text).or_default().push(class);
                known.positives.push((row.job, row.attribute, text));
                if kept != row.job {
                    known.positives.push((kept, row.attribute, text));
                }
            }
        }
        for &(job, attribute) in &labels.barred {
            known.barred[kept(jobs, job) as usize].push(attributes.class(attribute));
        }
        let lists = known.by_job.iter_mut().chain(&mut known.barred);
        for classes in lists.chain(known.by_text.values_mut()) {
            classes.sort_unstable();
            classes.dedup();
        }
        known.positives.sort_unstable();
        known.positives.dedup();
        known
    }

    /// The classes known to be right for a job.
    pub(crate) fn of_job(&self, job: u32) -> &[u32] {
        &self.by_job[job as usize]
    }

    /// The classes known to be right for a text, in whatever job it stands.
    pub(crate) fn of_text(&self, text: &Digest) -> &[u32] {
        self.by_text.get(text).map_or(&[], Vec::as_slice)
    }

    /// The classes that are not to be drawn for a job though they are not known to be right.
    pub(crate) fn barred(&self, job: u32) -> &[u32] {
        &self.barred[job as usize]
    }
}

fn kept(jobs: &Jobs, job: u32) -> u32 {
    match jobs.fate(job) {
        Fate::Copy(kept) => kept,
        _ => job,
    }
}
