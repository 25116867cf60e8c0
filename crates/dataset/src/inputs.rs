//! The rows that pairs are made from.

use std::collections::HashSet;
use std::path::PathBuf;

use jobmatch_artifact::Artifact;
use jobmatch_records::{
    Columns, Definition, Job, Label, OnBadRow, ReadOptions, Rejected, Sentence,
};
use jobmatch_records::{read_definitions, read_jobs, read_labels, read_shards};
use serde::{Deserialize, Serialize};

use crate::Result;

/// The start of the name of the label file whose jobs are golden.
const GOLDEN_LABELS: &str = "golden_labels.";

/// The rows that pairs are made from.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// All jobs. Those with the split `golden`, and those that a label of a file named
    /// `golden_labels.*` names, enter no pair.
    pub jobs: Vec<Job>,
    /// All attributes.
    pub definitions: Vec<Definition>,
    /// The labels of all files.
    pub labels: Vec<Label>,
    /// The jobs' sentences, if they have been found already; else they are found here.
    pub sentences: Option<Vec<Sentence>>,
}

/// Where the rows stand.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// The jobs file.
    pub jobs: PathBuf,
    /// The definitions file.
    pub definitions: PathBuf,
    /// The label files, at least one.
    pub labels: Vec<PathBuf>,
}

/// How files of other people's making are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reading {
    /// What happens to a job or a label that cannot be read, and to a label for a job or an
    /// attribute that is not there. A bad definition always stops. Default: `stop`.
    pub on_bad_row: OnBadRow,
    /// Which column of the jobs file holds which of ours.
    pub job_columns: Columns,
    /// Which column of the definitions file holds which of ours.
    pub definition_columns: Columns,
    /// Which column of the label files holds which of ours.
    pub label_columns: Columns,
}

impl Inputs {
    /// Reads everything, and returns beside it the rows that were set aside: none unless
    /// `reading.on_bad_row` is `skip`.
    ///
    /// # Errors
    /// What the readers refuse: a missing or empty file, a missing column, a bad value, a duplicate
    /// id. Messages name file, line and value.
    pub fn read(
        files: &Files,
        reading: &Reading,
        sentences: Option<&Artifact>,
    ) -> Result<(Inputs, Vec<Rejected>)> {
        let options = |columns: &Columns| ReadOptions {
            columns: columns.clone(),
            on_bad_row: reading.on_bad_row,
        };
        let (jobs, mut rejected) = read_jobs(&files.jobs, &options(&reading.job_columns))?;
        let definitions =
            read_definitions(&files.definitions, &options(&reading.definition_columns))?;
        let (mut labels, more) = read_labels(&files.labels, &options(&reading.label_columns))?;
        rejected.extend(more);
        if reading.on_bad_row == OnBadRow::Skip {
            rejected.extend(set_aside_unknown(&jobs, &definitions, &mut labels));
        }
        let sentences = match sentences {
            Some(artifact) => Some(
                read_shards(artifact.dir(), "sentences")?
                    .collect::<std::result::Result<Vec<Sentence>, _>>()?,
            ),
            None => None,
        };
        let inputs = Inputs {
            jobs,
            definitions,
            labels,
            sentences,
        };
        Ok((inputs, rejected))
    }
}

/// Takes the labels out whose job or attribute is not there, perhaps because it was set aside.
fn set_aside_unknown(
    jobs: &[Job],
    definitions: &[Definition],
    labels: &mut Vec<Label>,
) -> Vec<Rejected> {
    let jobs: HashSet<&str> = jobs.iter().map(|job| job.job_id.as_str()).collect();
    let attributes: HashSet<&str> = definitions
        .iter()
        .map(|definition| definition.attribute_id.as_str())
        .collect();
    let mut rejected = Vec::new();
    labels.retain(|label| {
        let reason = if !jobs.contains(label.job_id.as_str()) {
            format!("job_id `{}` is not in the jobs", label.job_id)
        } else if !attributes.contains(label.attribute_id.as_str()) {
            format!(
                "attribute_id `{}` is not in the definitions",
                label.attribute_id
            )
        } else {
            return true;
        };
        rejected.push(Rejected {
            path: PathBuf::from(&label.source),
            number: label.line,
            reason,
        });
        false
    });
    rejected
}

/// Whether this is the file of golden labels.
pub(crate) fn is_golden_source(source: &str) -> bool {
    source.starts_with(GOLDEN_LABELS)
}
