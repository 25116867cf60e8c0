//! From occupations to jobs and labels.

use jobmatch_records::{Definition, Split};
use serde::Serialize;

use crate::config::Config;
use crate::draw::Draw;
use crate::error::{Error, Result};
use crate::layout::{self, Page};
use crate::report::Report;
use crate::source::{Occupation, Occupations, Task};
use crate::split::{Assignment, assign};

/// The prepared data.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// The activities, sorted by identifier.
    pub definitions: Vec<Definition>,
    /// The jobs, by occupation code; an occupation's profile stands before its postings.
    pub jobs: Vec<OnetJob>,
    /// The labels of all splits, in the order of the jobs, then of the text.
    pub labels: Vec<EvidenceLabel>,
    /// Counts.
    pub report: Report,
}

/// A job, as a row of `jobs.csv`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OnetJob {
    /// The occupation's code, `-p` and a number: 0 is the profile.
    pub job_id: String,
    /// The split, the same for the whole group.
    pub split: Split,
    /// The code of the first occupation of the group.
    pub group_id: String,
    /// Profile or posting.
    pub source: Source,
    /// The occupation's title.
    pub title: String,
    /// The job's text.
    pub text: String,
}

/// What a job was made as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// An occupation's description and all its tasks.
    Profile,
    /// An assembled ad with some of the tasks.
    Posting,
}

/// A label and the task that is its evidence, as a row of `labels.csv` or `golden_labels.csv`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvidenceLabel {
    /// The job.
    pub job_id: String,
    /// The activity.
    pub attribute_id: String,
    /// First byte of the task in the job's text.
    pub start: usize,
    /// The byte after the task's last.
    pub end: usize,
    /// The job's split: it decides the file, and stands in no column.
    #[serde(skip)]
    pub split: Split,
}

/// Makes jobs and labels. The same occupations, settings and seed give the same result.
///
/// # Errors
/// [`Error::Setting`] for settings that make no sense, [`Error::NoJobs`] when no task is left.
pub fn prepare(source: &Occupations, config: &Config, seed: u64) -> Result<Prepared> {
    config.validate()?;
    let occupations = &source.occupations;
    let assignment = assign(occupations, config, seed);

    let mut jobs = Vec::new();
    let mut labels = Vec::new();
    for (place, occupation) in occupations.iter().enumerate() {
        let tasks = kept_tasks(occupation, &assignment.kept[place]);
        if tasks.is_empty() {
            tracing::warn!(code = occupation.code, "no task of this occupation is left");
            continue;
        }
        for (number, page) in pages(occupation, &tasks, config, seed)
            .into_iter()
            .enumerate()
        {
            let job = OnetJob {
                job_id: format!("{}-p{number}", occupation.code),
                split: assignment.splits[place],
                group_id: occupations[assignment.groups[place]].code.clone(),
                source: if number == 0 {
                    Source::Profile
                } else {
                    Source::Posting
                },
                title: occupation.title.clone(),
                text: page.text,
            };
            labels.extend(page_labels(&job, page.shown));
            jobs.push(job);
        }
    }
    if jobs.is_empty() {
        return Err(Error::NoJobs);
    }
    let report = report(source, &assignment, &jobs, &labels);
    Ok(Prepared {
        definitions: source.definitions.clone(),
        jobs,
        labels,
        report,
    })
}

fn kept_tasks<'a>(occupation: &'a Occupation, kept: &[bool]) -> Vec<&'a Task> {
    let tasks = occupation.tasks.iter().zip(kept);
    tasks
        .filter(|(_, kept)| **kept)
        .map(|(task, _)| task)
        .collect()
}

/// An occupation's profile and its postings.
fn pages<'a>(
    occupation: &Occupation,
    tasks: &[&'a Task],
    config: &Config,
    seed: u64,
) -> Vec<Page<'a>> {
    let mut pages = vec![layout::profile(occupation, tasks)];
    for number in 1..=config.postings {
        let mut draw = Draw::new(seed, &format!("posting {} {number}", occupation.code));
        let count = draw.between(config.tasks_min, config.tasks_max);
        let shown: Vec<&Task> = draw
            .sample(tasks.len(), count)
            .into_iter()
            .map(|task| tasks[task])
            .collect();
        pages.push(layout::posting(occupation, &shown, &mut draw));
    }
    pages
}

fn page_labels(job: &OnetJob, mut shown: Vec<(&Task, usize, usize)>) -> Vec<EvidenceLabel> {
    shown.sort_by_key(|(_, start, _)| *start);
    let mut labels = Vec::new();
    for (task, start, end) in shown {
        for activity in &task.activities {
            labels.push(EvidenceLabel {
                job_id: job.job_id.clone(),
                attribute_id: activity.clone(),
                start,
                end,
                split: job.split,
            });
        }
    }
    labels
}

fn report(
    source: &Occupations,
    assignment: &Assignment,
    jobs: &[OnetJob],
    labels: &[EvidenceLabel],
) -> Report {
    let mut report = Report::of(jobs, labels);
    report.attributes = source.definitions.len();
    report.occupations = source.occupations.len();
    report.occupations_without_tasks = source.without_tasks;
    for (place, kept) in assignment.kept.iter().enumerate() {
        let dropped = kept.iter().filter(|kept| !**kept).count();
        report.tasks += kept.len();
        report.tasks_dropped_as_copies += dropped;
        let split = report.split_mut(assignment.splits[place]);
        split.tasks += kept.len() - dropped;
        split.tasks_dropped_as_copies += dropped;
    }
    report
}
