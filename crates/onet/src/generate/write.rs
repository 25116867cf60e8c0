//! Made-up jobs to files.

use std::fs::File;
use std::path::Path;

use rayon::prelude::*;
use serde::Serialize;

use super::{GeneratedJob, Generator};
use crate::error::{Error, Result};
use crate::write::{ATTRIBUTION, definitions_table};

/// Jobs that are made at once.
const BATCH: u64 = 8192;

/// What was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct GenerateReport {
    /// Jobs.
    pub jobs: u64,
    /// Those that are copies of others in another layout.
    pub copies: u64,
    /// Those that are others with a few words changed.
    pub near_copies: u64,
    /// Bytes of all texts.
    pub text_bytes: u64,
    /// Labels.
    pub labels: u64,
    /// Labels that say where their task stands.
    pub labels_with_evidence: u64,
}

impl Generator<'_> {
    /// Writes `jobs.csv`, `labels.csv`, `definitions.tsv` and a `README.md` with the attribution into a folder that is there; calls `done` with the jobs
    /// written so far.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, folder: &Path, mut done: impl FnMut(u64)) -> Result<GenerateReport> {
        definitions_table(&folder.join("definitions.tsv"), &self.source.definitions)?;
        let readme = folder.join("README.md");
        let text = format!("# Made-up jobs for tests of scale\n\n{ATTRIBUTION}\n");
        std::fs::write(&readme, text).map_err(|source| Error::Io {
            action: "write it",
            path: readme,
            source,
        })?;
        let has_groups = self.config.groups > 0.0;
        let columns: &[&str] = match has_groups {
            true => &["job_id", "group_id", "text"],
            false => &["job_id", "text"],
        };
        let mut jobs = Table::create(folder, "jobs.csv", columns)?;
        let columns = ["job_id", "attribute_id", "start", "end"];
        let mut labels = Table::create(folder, "labels.csv", &columns)?;
        let mut report = GenerateReport::default();
        while report.jobs < self.config.jobs {
            let end = self.config.jobs.min(report.jobs + BATCH);
            let batch: Vec<GeneratedJob> = (report.jobs..end)
                .into_par_iter()
                .map(|number| self.job(number))
                .collect();
            for job in &batch {
                report.count(job);
                match has_groups {
                    true => {
                        let group = job.group_id.as_deref().unwrap_or("");
                        jobs.write(&[&job.job_id, group, &job.text])?;
                    }
                    false => jobs.write(&[&job.job_id, &job.text])?,
                }
                for (activity, shown) in &job.labels {
                    let (start, end) = match shown {
                        Some(range) => (range.start.to_string(), range.end.to_string()),
                        None => Default::default(),
                    };
                    labels.write(&[&job.job_id, activity, &start, &end])?;
                }
            }
            done(report.jobs);
        }
        jobs.finish()?;
        labels.finish()?;
        Ok(report)
    }
}

impl GenerateReport {
    fn count(&mut self, job: &GeneratedJob) {
        self.jobs += 1;
        self.copies += u64::from(job.copy_of.is_some() && !job.is_near_copy);
        self.near_copies += u64::from(job.is_near_copy);
        self.text_bytes += job.text.len() as u64;
        self.labels += job.labels.len() as u64;
        let shown = job.labels.iter().filter(|(_, shown)| shown.is_some());
        self.labels_with_evidence += shown.count() as u64;
    }
}

/// A comma-separated table.
struct Table {
    path: std::path::PathBuf,
    writer: csv::Writer<File>,
}

impl Table {
    fn create(folder: &Path, name: &str, columns: &[&str]) -> Result<Self> {
        let path = folder.join(name);
        let file = File::create(&path).map_err(|source| Error::Io {
            action: "create it",
            path: path.clone(),
            source,
        })?;
        let writer = csv::WriterBuilder::new()
            .buffer_capacity(1 << 20)
            .from_writer(file);
        let mut table = Self { path, writer };
        table.write(columns)?;
        Ok(table)
    }

    fn write(&mut self, row: &[&str]) -> Result<()> {
        let written = self.writer.write_record(row);
        written.map_err(|source| self.failed(source.into()))
    }

    fn finish(mut self) -> Result<()> {
        let flushed = self.writer.flush();
        flushed.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: std::io::Error) -> Error {
        Error::Io {
            action: "write it",
            path: self.path.clone(),
            source,
        }
    }
}
