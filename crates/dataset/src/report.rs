//! What each rule removed and kept.

use std::collections::BTreeMap;

use jobmatch_records::Pair;
use serde::{Deserialize, Serialize};

use crate::Unit;

/// Rows that went into a rule and came out of it: `rows_in` is `rows_out` plus the sum of
/// `removed`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// Rows that came in.
    pub rows_in: u64,
    /// Rows that went on.
    pub rows_out: u64,
    /// Rows that were removed, by reason.
    pub removed: BTreeMap<String, u64>,
}

/// What was made of the inputs. It holds no times and no paths.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What a pair's text is.
    pub unit: Unit,
    /// What a pair's passage is.
    pub template: String,
    /// Jobs: in the file, and those in train and dev.
    pub jobs: Flow,
    /// Label rows: in all files, and those that say something about a job in train or dev.
    pub labels: Flow,
    /// The same label rows, and those for which a text was found.
    pub placed: Flow,
    /// (Text, attribute) candidates of the placed label rows, and those that became pairs.
    pub pairs: Flow,
    /// Negatives wanted, and those drawn.
    pub negatives: Flow,
    /// Rows of the file of hard negatives, and those of jobs that make pairs.
    pub hard_negatives: Flow,
    /// Jobs that are nearly the same.
    pub near_copies: NearCopyCounts,
    /// How the texts of labels were found.
    pub alignment: Alignment,
    /// What the attributes' passages look like.
    pub definitions: Definitions,
    /// What stands in `train/`.
    pub train: Side,
    /// What stands in `dev/`.
    pub dev: Side,
    /// Rows of `train_sample/`.
    pub train_sample: u64,
    /// Rows of `dev_sample/`.
    pub dev_sample: u64,
    /// Rows of `positives/`.
    pub positives: u64,
    /// Bad rows of jobs and labels that were set aside: they are counted nowhere else.
    pub rejected: u64,
    /// What a reader should know before training on this.
    pub warnings: Vec<String>,
}

/// Jobs that are nearly the same text; equal texts count, too. Golden jobs apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NearCopyCounts {
    /// Clusters of several jobs.
    pub clusters: u64,
    /// Jobs in them.
    pub jobs: u64,
    /// Jobs in the largest; 1 when all jobs stand alone.
    pub largest_cluster: u64,
    /// Jobs of dev whose cluster has jobs of train, too: their own splits or groups put them there.
    pub dev_near_train: u64,
    /// Golden jobs that are near copies of others.
    pub golden_near_others: u64,
}

/// How the texts of labels were found; sentence unit only.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Alignment {
    /// Label rows placed by their evidence.
    pub by_evidence: u64,
    /// Label rows placed by BM25.
    pub by_bm25: u64,
    /// Label rows whose quoted evidence does not stand in the text; they went on to BM25.
    pub quotes_not_found: u64,
    /// Label rows whose evidence lies in no sentence; they went on to BM25.
    pub evidence_outside_sentences: u64,
    /// Jobs of train and dev in which no sentence was found.
    pub jobs_without_sentences: u64,
    /// The 0th, 10th, 50th, 90th and 100th percentile of the alignment scores that were kept.
    pub score_percentiles: Vec<f32>,
}

/// What the attributes' passages look like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definitions {
    /// Attributes in the file.
    pub attributes: u64,
    /// Attributes that share their passage with an earlier one: they count as one attribute where
    /// repeated pairs are removed and negatives drawn.
    pub same_passage: u64,
    /// Attributes that have a positive pair in train.
    pub with_train_positives: u64,
    /// Attributes that have a positive pair in dev and none in train.
    pub only_in_dev: u64,
}

/// What stands on one side of the split.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Jobs.
    pub jobs: u64,
    /// Jobs that have a positive pair.
    pub jobs_with_positives: u64,
    /// Rows.
    pub pairs: u64,
    /// Rows with label 1.
    pub positives: u64,
    /// Rows with label 0.
    pub negatives: u64,
    /// Distinct texts.
    pub texts: u64,
    /// Rows by label and source, such as `1 evidence` or `0 random`.
    pub by_source: BTreeMap<String, u64>,
}

impl Flow {
    /// Rows that come in.
    pub(crate) fn of(rows_in: usize) -> Flow {
        Flow {
            rows_in: rows_in as u64,
            ..Flow::default()
        }
    }

    pub(crate) fn keep(&mut self) {
        self.rows_out += 1;
    }

    pub(crate) fn remove(&mut self, reason: &str) {
        self.remove_many(reason, 1);
    }

    pub(crate) fn remove_many(&mut self, reason: &str, rows: u64) {
        if rows > 0 {
            *self.removed.entry(reason.to_owned()).or_default() += rows;
        }
    }

    /// Takes in the rows of another part.
    pub(crate) fn add(&mut self, other: &Flow) {
        self.rows_in += other.rows_in;
        self.rows_out += other.rows_out;
        for (reason, rows) in &other.removed {
            self.remove_many(reason, *rows);
        }
    }

    /// Whether every row that came in is accounted for.
    pub fn balanced(&self) -> bool {
        self.rows_in == self.rows_out + self.removed.values().sum::<u64>()
    }
}

impl std::fmt::Display for Flow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in, {} out", self.rows_in, self.rows_out)?;
        for (reason, rows) in &self.removed {
            write!(f, ", {rows} {reason}")?;
        }
        Ok(())
    }
}

impl Alignment {
    pub(crate) fn add(&mut self, other: &Alignment) {
        self.by_evidence += other.by_evidence;
        self.by_bm25 += other.by_bm25;
        self.quotes_not_found += other.quotes_not_found;
        self.evidence_outside_sentences += other.evidence_outside_sentences;
        self.jobs_without_sentences += other.jobs_without_sentences;
    }
}

impl Side {
    pub(crate) fn count(&mut self, pair: &Pair) {
        let label = if pair.label > 0.0 {
            self.positives += 1;
            1
        } else {
            self.negatives += 1;
            0
        };
        *self
            .by_source
            .entry(format!("{label} {}", pair.source.name()))
            .or_default() += 1;
    }

    /// Takes in the rows of another part; texts may stand in both.
    pub(crate) fn add(&mut self, other: &Side) {
        self.jobs += other.jobs;
        self.jobs_with_positives += other.jobs_with_positives;
        self.pairs += other.pairs;
        self.positives += other.positives;
        self.negatives += other.negatives;
        for (source, rows) in &other.by_source {
            *self.by_source.entry(source.clone()).or_default() += rows;
        }
    }
}
