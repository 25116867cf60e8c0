//! Which jobs enter the pairs, and on which side.

use std::collections::{HashMap, HashSet};

use jobmatch_records::{Job, Label, Split};
use rayon::prelude::*;

use crate::dev_halves::{DevHalves, group};
use crate::inputs::is_golden_source;
use crate::report::Flow;
use crate::split::{Half, halves};
use crate::{Config, Error, Result, Unit};

/// BLAKE3 of a cleaned text.
pub(crate) type Digest = [u8; 32];

/// What becomes of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is in train or dev.
    Kept(Half),
    /// It is for measuring only.
    Golden,
    /// Its text is that of a golden job.
    GoldenCopy,
    /// Its text is that of the kept job in this row.
    Copy(u32),
    /// Its text is empty once cleaned.
    Empty,
}

/// The jobs, named by their row.
pub(crate) struct Jobs<'a> {
    pub(crate) jobs: &'a [Job],
    pub(crate) fates: Vec<Fate>,
    /// Of the cleaned text of each job.
    pub(crate) digests: Vec<Digest>,
    /// The cleaned text of each job; empty strings at sentence unit, where nobody reads them.
    pub(crate) cleaned: Vec<String>,
    pub(crate) flow: Flow,
    pub(crate) dev_halves: DevHalves,
    /// Groups that have golden jobs and others.
    pub(crate) groups_with_golden: usize,
    rows: HashMap<&'a str, u32>,
}

impl<'a> Jobs<'a> {
    pub(crate) fn new(
        config: &Config,
        seed: u64,
        jobs: &'a [Job],
        labels: &[Label],
    ) -> Result<Jobs<'a>> {
        let mut rows = HashMap::with_capacity(jobs.len());
        for (row, job) in (0u32..).zip(jobs) {
            if rows.insert(job.job_id.as_str(), row).is_some() {
                return Err(Error::DuplicateId {
                    what: "job_id",
                    id: job.job_id.clone(),
                });
            }
        }
        let mut golden: Vec<bool> = jobs
            .iter()
            .map(|job| job.split == Some(Split::Golden))
            .collect();
        for label in labels {
            if is_golden_source(&label.source)
                && let Some(&row) = rows.get(label.job_id.as_str())
            {
                golden[row as usize] = true;
            }
        }
        let halves = halves(config, seed, jobs, &golden)?;
        let (digests, cleaned): (Vec<Digest>, Vec<String>) = jobs
            .par_iter()
            .map(|job| {
                let text = cleaned(&job.text);
                let digest = digest(&text);
                let text = match config.unit {
                    Unit::Sentence => String::new(),
                    Unit::Job => text,
                };
                (digest, text)
            })
            .unzip();
        let fates = fates(&digests, &golden, &halves);

        let mut flow = Flow::of(jobs.len());
        for fate in &fates {
            match fate {
                Fate::Kept(_) => flow.keep(),
                Fate::Golden => flow.remove("golden"),
                Fate::GoldenCopy => flow.remove("copy_of_golden_job"),
                Fate::Copy(_) => flow.remove("copy_of_other_job"),
                Fate::Empty => flow.remove("empty_text"),
            }
        }
        let rows_of_dev = (0..jobs.len()).filter(|&row| !golden[row] && halves[row] == Half::Dev);
        Ok(Jobs {
            dev_halves: DevHalves::of(rows_of_dev.map(|row| &jobs[row])),
            jobs,
            digests,
            cleaned,
            flow,
            groups_with_golden: groups_with_golden(jobs, &golden),
            fates,
            rows,
        })
    }

    pub(crate) fn row(&self, job_id: &str) -> Option<u32> {
        self.rows.get(job_id).copied()
    }

    pub(crate) fn id(&self, row: u32) -> &'a str {
        &self.jobs[row as usize].job_id
    }

    pub(crate) fn fate(&self, row: u32) -> Fate {
        self.fates[row as usize]
    }
}

/// A job's text line by line, each cleaned as a sentence is, with a space between two: texts that
/// differ in bullets, white space and empty lines come out equal.
fn cleaned(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    for line in text.lines() {
        let line = jobmatch_segment::clean(line).text;
        if !whole.is_empty() && !line.is_empty() {
            whole.push(' ');
        }
        whole.push_str(&line);
    }
    whole
}

pub(crate) fn digest(text: &str) -> Digest {
    *blake3::hash(text.as_bytes()).as_bytes()
}

/// Of the jobs with one text a golden one stays, else the first of train, else the first of dev:
/// nothing that is measured on has been trained on.
fn fates(digests: &[Digest], golden: &[bool], halves: &[Half]) -> Vec<Fate> {
    let empty = digest("");
    let rank = |row: usize| (!golden[row], halves[row], row);
    let mut best: HashMap<&Digest, usize> = HashMap::with_capacity(digests.len());
    for (row, text) in digests.iter().enumerate() {
        let first = best.entry(text).or_insert(row);
        if rank(row) < rank(*first) {
            *first = row;
        }
    }
    digests
        .iter()
        .enumerate()
        .map(|(row, text)| {
            let first = best[text];
            if golden[row] {
                Fate::Golden
            } else if *text == empty {
                Fate::Empty
            } else if first == row {
                Fate::Kept(halves[row])
            } else if golden[first] {
                Fate::GoldenCopy
            } else {
                Fate::Copy(first as u32)
            }
        })
        .collect()
}

fn groups_with_golden(jobs: &[Job], golden: &[bool]) -> usize {
    let of = |wanted: bool| -> HashSet<&str> {
        jobs.iter()
            .zip(golden)
            .filter(|(_, golden)| **golden == wanted)
            .filter_map(|(job, _)| group(job))
            .collect()
    };
    of(true).intersection(&of(false)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_no_difference() {
        let check = |text: &str| assert_eq!(cleaned(text), "Duties Sell ships. Paint walls.");
        check("Duties\n- Sell ships.\n- Paint walls.");
        check("  Duties\r\n\r\n\u{2022} Sell  ships.\n\u{2022}\tPaint walls.\n\n");
        assert_eq!(cleaned(" \n\n"), "");
    }

    #[test]
    fn of_equal_texts_the_safest_stays() {
        let texts = ["a", "a", "b", "b", "c", "c", "", "d"].map(digest);
        let golden = [false, true, false, false, false, false, false, false];
        let (train, dev) = (Half::Train, Half::Dev);
        let halves = [train, train, dev, train, dev, dev, train, dev];
        assert_eq!(
            fates(&texts, &golden, &halves),
            [
                Fate::GoldenCopy,
                Fate::Golden,
                Fate::Copy(3),
                Fate::Kept(train),
                Fate::Kept(dev),
                Fate::Copy(4),
                Fate::Empty,
                Fate::Kept(dev),
            ]
        );
    }
}
