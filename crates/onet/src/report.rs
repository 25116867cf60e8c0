//! Counts of what was prepared.

use std::collections::{BTreeMap, BTreeSet};

use jobmatch_records::Split;
use serde::Serialize;

use crate::prepare::{EvidenceLabel, OnetJob, Source};

/// What was prepared, as it stands in `report.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Activities.
    pub attributes: usize,
    /// Occupations with tasks.
    pub occupations: usize,
    /// Occupations that were left out because the source gives them no task.
    pub occupations_without_tasks: usize,
    /// Groups of occupations; a group stands in one split.
    pub groups: usize,
    /// Tasks of all occupations in the source.
    pub tasks: usize,
    /// Tasks that were dropped because another split has them, or near copies of them.
    pub tasks_dropped_as_copies: usize,
    /// Activities with a label in golden and none in train.
    pub golden_attributes_unseen_in_train: usize,
    /// Training jobs and labels.
    pub train: SplitReport,
    /// Development jobs and labels.
    pub dev: SplitReport,
    /// Golden jobs and labels.
    pub golden: SplitReport,
}

/// What one split holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SplitReport {
    /// Groups of occupations.
    pub groups: usize,
    /// Profiles: one for each occupation that kept a task.
    pub profiles: usize,
    /// Postings.
    pub postings: usize,
    /// Tasks that stayed.
    pub tasks: usize,
    /// Tasks that went because another split keeps them.
    pub tasks_dropped_as_copies: usize,
    /// Label rows: pieces of evidence.
    pub label_rows: usize,
    /// Different pairs of job and activity.
    pub positives: usize,
    /// Different pairs for each profile, on average.
    pub positives_per_profile: f64,
    /// Different pairs for each posting, on average.
    pub positives_per_posting: f64,
    /// Activities with a label.
    pub attributes: usize,
    /// Words of all texts.
    pub words: usize,
}

impl Report {
    /// Counts jobs and labels.
    pub(crate) fn of(jobs: &[OnetJob], labels: &[EvidenceLabel]) -> Self {
        let mut report = Report::default();
        let mut groups: BTreeMap<&str, Split> = BTreeMap::new();
        let mut sources: BTreeMap<&str, Source> = BTreeMap::new();
        for job in jobs {
            groups.insert(&job.group_id, job.split);
            sources.insert(&job.job_id, job.source);
            let split = report.split_mut(job.split);
            split.words += job.text.split_whitespace().count();
            match job.source {
                Source::Profile => split.profiles += 1,
                Source::Posting => split.postings += 1,
            }
        }
        report.groups = groups.len();
        for split in groups.into_values() {
            report.split_mut(split).groups += 1;
        }

        let attributes = |split| -> BTreeSet<&str> {
            let of_split = labels.iter().filter(|label| label.split == split);
            of_split.map(|label| label.attribute_id.as_str()).collect()
        };
        let (train, golden) = (attributes(Split::Train), attributes(Split::Golden));
        report.golden_attributes_unseen_in_train = golden.difference(&train).count();
        for name in [Split::Train, Split::Dev, Split::Golden] {
            let rows: Vec<_> = labels.iter().filter(|label| label.split == name).collect();
            let pairs: BTreeSet<(&str, &str)> = rows
                .iter()
                .map(|row| (row.job_id.as_str(), row.attribute_id.as_str()))
                .collect();
            let of_profiles = pairs
                .iter()
                .filter(|(job, _)| sources.get(job) == Some(&Source::Profile))
                .count();
            let found = attributes(name).len();
            let split = report.split_mut(name);
            split.label_rows = rows.len();
            split.positives = pairs.len();
            split.attributes = found;
            split.positives_per_profile = mean(of_profiles, split.profiles);
            split.positives_per_posting = mean(pairs.len() - of_profiles, split.postings);
        }
        report
    }

    pub(crate) fn split_mut(&mut self, split: Split) -> &mut SplitReport {
        match split {
            Split::Train => &mut self.train,
            Split::Dev => &mut self.dev,
            Split::Golden => &mut self.golden,
        }
    }
}

/// `sum / count`, to two places, so that the report reads well.
fn mean(sum: usize, count: usize) -> f64 {
    (100.0 * sum as f64 / count.max(1) as f64).round() / 100.0
}
