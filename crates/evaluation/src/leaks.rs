//! Whether the models learned from what they are measured on.

use std::path::PathBuf;

use jobmatch_dataset::{Leak, Leaks};
use jobmatch_records::{Fingerprint, Job, ParquetReader, Split};
use serde::{Deserialize, Serialize};

use crate::{Error, EvaluationConfig, Result};

/// Leaks that an error names.
const NAMED: usize = 10;

/// How the evaluated jobs compare with those that the models learned from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeakCheck {
    /// Fingerprints compared with: jobs of `train`, and on golden those of `dev` too, since dev selected the models.
    pub learned_jobs: u64,
    /// The estimated Jaccard similarity from which two texts are near copies.
    pub near_copy: f64,
    /// The evaluated jobs that are near copies of such, by job id.
    pub leaks: Vec<LeakedJob>,
}

/// An evaluated job that is nearly the text of a job that was learned from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeakedJob {
    /// The evaluated job.
    pub job_id: String,
    /// The other.
    pub learned: String,
    /// Where that one was used.
    pub split: Split,
    /// How alike they are, 0 to 1.
    pub similarity: f64,
}

/// Compares `jobs`, the evaluated ones, with the fingerprints in `files`; `None` when there are none to compare with.
///
/// # Errors
/// [`Error::Leaks`] for near copies in golden, unless the settings allow them; fingerprints that cannot be read.
pub(crate) fn check(
    jobs: &[&Job],
    split: Split,
    files: &[PathBuf],
    config: &EvaluationConfig,
) -> Result<Option<LeakCheck>> {
    if files.is_empty() {
        return Ok(None);
    }
    let mut leaks = Leaks::new(jobs.iter().map(|job| job.text.as_str()), config.near_copy);
    let mut learned_jobs = 0;
    for file in files {
        for learned in ParquetReader::<Fingerprint>::open(file)? {
            let learned = learned?;
            if learned.split == Split::Train || split == Split::Golden {
                leaks.compare(&learned);
                learned_jobs += 1;
            }
        }
    }
    let found = leaks.found();
    if !found.is_empty() && split == Split::Golden && !config.allow_leak {
        return Err(Error::Leaks {
            count: found.len(),
            of: jobs.len(),
            list: list(jobs, &found),
        });
    }
    if !found.is_empty() {
        tracing::warn!(
            "{} of {} {} jobs are near copies of jobs that the models learned from: what is measured on them says little",
            found.len(),
            jobs.len(),
            split.name()
        );
    }
    let leaks = found.into_iter().map(|leak| LeakedJob {
        job_id: jobs[leak.job].job_id.clone(),
        learned: leak.learned,
        split: leak.split,
        similarity: (leak.similarity * 1000.0).round() / 1000.0,
    });
    Ok(Some(LeakCheck {
        learned_jobs,
        near_copy: config.near_copy,
        leaks: leaks.collect(),
    }))
}

fn list(jobs: &[&Job], leaks: &[Leak]) -> String {
    let lines = leaks.iter().take(NAMED).map(|leak| {
        format!(
            "job `{}` is a near copy of {} job `{}` (similarity {:.2})",
            jobs[leak.job].job_id,
            leak.split.name(),
            leak.learned,
            leak.similarity
        )
    });
    let mut list = lines.collect::<Vec<_>>().join("\n");
    if leaks.len() > NAMED {
        list.push_str(&format!("\nand {} more", leaks.len() - NAMED));
    }
    list
}
