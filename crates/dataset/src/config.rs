//! What can be set, and what it is when nobody sets it.

use jobmatch_records::PassageTemplate;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Share of the groups that goes to dev when the jobs carry no `split`.
pub const DEV_SHARE: f64 = 0.1;
/// Negatives drawn for each positive.
pub const NEGATIVES: usize = 1;
/// Hard ones among them, at most.
pub const HARD_NEGATIVES: usize = 1;
/// Characters of a cleaned sentence below which it makes no pair.
pub const MIN_CHARS: usize = 3;
/// Characters of a cleaned sentence above which it makes no pair.
pub const MAX_CHARS: usize = 2000;
/// Alignment score (see [`jobmatch_lexical::Aligner`]) below which a label without evidence stays
/// unaligned.
pub const MIN_ALIGNMENT: f32 = 0.1;
/// Rows of the train sample.
pub const TRAIN_SAMPLE: usize = 5000;
/// Rows of the dev sample.
pub const DEV_SAMPLE: usize = 1000;
/// Jobs of one shard: of one `part-*.parquet`.
pub const JOBS_PER_SHARD: usize = 20_000;
/// Jaccard similarity of two jobs' three-word shingles from which they are near copies.
pub const NEAR_COPY: f64 = 0.7;
/// Share of the jobs above which a cluster of near copies is refused.
pub const MAX_CLUSTER_SHARE: f64 = 0.05;
/// Texts are divided into at most so many partitions; their number changes no byte.
const MAX_PARTITIONS: u32 = 64;

/// How pairs are made. Every field has a default; [`validate`](Config::validate) refuses nonsense.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What a pair's text is. Default: `sentence`.
    pub unit: Unit,
    /// What a pair's passage is. Default: `{name}: {definition}`.
    pub template: PassageTemplate,
    /// What decides between train and dev. Default: `auto`.
    pub split_by: SplitBy,
    /// Share of the groups, 0 to 1, that goes to dev where no `split` decides. Default:
    /// [`DEV_SHARE`].
    pub dev_share: f64,
    /// What a pair labelled both 1 and 0 becomes. Default: `negative`.
    pub conflicts: Conflicts,
    /// Negatives drawn for each positive. 0 gives positives only. Default: [`NEGATIVES`].
    pub negatives: usize,
    /// Of the negatives of a positive at most so many are hard ones, where a file of them is given; the others are drawn.
    /// Default: [`HARD_NEGATIVES`].
    pub hard_negatives: usize,
    /// How negatives are drawn. Default: `uniform`.
    pub negative_sampling: NegativeSampling,
    /// Characters of a cleaned sentence below which it makes no pair; sentence unit only. Default:
    /// [`MIN_CHARS`].
    pub min_chars: usize,
    /// Characters of a cleaned sentence above which it makes no pair; sentence unit only. Default:
    /// [`MAX_CHARS`].
    pub max_chars: usize,
    /// Score below which a label without evidence stays unaligned. Default: [`MIN_ALIGNMENT`].
    pub min_alignment: f32,
    /// Whether a heading may be aligned with a label that has no evidence. (Evidence that points
    /// at a heading counts either way.) Default: false.
    pub align_headings: bool,
    /// Rows of the train sample, at most. Default: [`TRAIN_SAMPLE`].
    pub train_sample: usize,
    /// Rows of the dev sample, at most. Default: [`DEV_SAMPLE`].
    pub dev_sample: usize,
    /// Jobs of one shard, and so of one `part-*.parquet`. Memory grows with it. Default: [`JOBS_PER_SHARD`].
    pub jobs_per_shard: usize,
    /// Estimated Jaccard similarity (0 to 1) of the sets of three-word shingles from which two jobs are near copies, and
    /// stay on one side of the split. Default: [`NEAR_COPY`].
    pub near_copy: f64,
    /// Share of the jobs above which a cluster of near copies that is split as one is refused. Default:
    /// [`MAX_CLUSTER_SHARE`].
    pub max_cluster_share: f64,
    /// Whether golden jobs may be near copies of jobs to be learned from. Default: false.
    pub allow_leak: bool,
}

/// What a pair's text is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A cleaned sentence of the job.
    #[default]
    Sentence,
    /// The whole cleaned text of the job.
    Job,
}

/// What decides between train and dev. Golden jobs stay golden in every case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitBy {
    /// The job's `split`, else the split that other jobs of its group carry, else the hash of its
    /// `group_id`, else the side of the first job with one among its near copies, else chance: one number for all near
    /// copies. A group that carries both splits is refused.
    #[default]
    Auto,
    /// The job's `split`, whatever its group says; a job without one is refused.
    Column,
    /// The hash of its `group_id` (its near copies where it has none); `train` and `dev` in `split` are
    /// ignored.
    Group,
}

/// What a pair becomes that is labelled 1 in one row and 0 in another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conflicts {
    /// 0 wins: a 0 was always written on purpose, a 1 is also what a row without a label says.
    #[default]
    Negative,
    /// 1 wins.
    Positive,
    /// Neither: the pair is left out, and never drawn as a negative.
    Drop,
}

/// How the attributes of negatives are drawn. Known positives are never drawn in either case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NegativeSampling {
    /// Every attribute alike.
    #[default]
    Uniform,
    /// In proportion to how many positive pairs an attribute has, so that a negative cannot be told
    /// by how common its attribute is. Attributes without positives are never drawn.
    Frequency,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            unit: Unit::default(),
            template: PassageTemplate::default(),
            split_by: SplitBy::default(),
            dev_share: DEV_SHARE,
            conflicts: Conflicts::default(),
            negatives: NEGATIVES,
            hard_negatives: HARD_NEGATIVES,
            negative_sampling: NegativeSampling::default(),
            min_chars: MIN_CHARS,
            max_chars: MAX_CHARS,
            min_alignment: MIN_ALIGNMENT,
            align_headings: false,
            train_sample: TRAIN_SAMPLE,
            dev_sample: DEV_SAMPLE,
            jobs_per_shard: JOBS_PER_SHARD,
            near_copy: NEAR_COPY,
            max_cluster_share: MAX_CLUSTER_SHARE,
            allow_leak: false,
        }
    }
}

impl Config {
    /// Refuses values that no data could make sense of.
    ///
    /// # Errors
    /// [`Error::Setting`] names the field, its value and what it may be.
    pub fn validate(&self) -> Result<()> {
        let refuse = |setting: &'static str, value: String, expected: &'static str| {
            Err(Error::Setting {
                setting,
                value,
                expected,
            })
        };
        if !(0.0..1.0).contains(&self.dev_share) {
            return refuse(
                "dev_share",
                self.dev_share.to_string(),
                "0 or more and below 1",
            );
        }
        if self.max_chars < self.min_chars {
            return refuse(
                "max_chars",
                self.max_chars.to_string(),
                "no less than min_chars",
            );
        }
        if !self.min_alignment.is_finite() || self.min_alignment < 0.0 {
            return refuse("min_alignment", self.min_alignment.to_string(), "0 or more");
        }
        if self.jobs_per_shard == 0 {
            return refuse("jobs_per_shard", "0".to_owned(), "1 or more");
        }
        if !(self.near_copy > 0.0 && self.near_copy <= 1.0) {
            return refuse(
                "near_copy",
                self.near_copy.to_string(),
                "above 0, and 1 or less",
            );
        }
        if !(self.max_cluster_share > 0.0 && self.max_cluster_share <= 1.0) {
            return refuse(
                "max_cluster_share",
                self.max_cluster_share.to_string(),
                "above 0, and 1 or less",
            );
        }
        Ok(())
    }

    /// Shards of so many jobs.
    pub(crate) fn shards(&self, jobs: u64) -> u32 {
        jobs.div_ceil(self.jobs_per_shard as u64) as u32
    }

    /// The shard of the job in this row.
    pub(crate) fn shard_of(&self, row: u32) -> u32 {
        (row as usize / self.jobs_per_shard) as u32
    }

    /// Jobs of a shard, out of so many in all.
    pub(crate) fn jobs_of_shard(&self, shard: u32, jobs: usize) -> usize {
        let before = shard as usize * self.jobs_per_shard;
        jobs.saturating_sub(before).min(self.jobs_per_shard)
    }

    /// Partitions of the texts of so many shards.
    pub(crate) fn partitions(&self, shards: u32) -> u32 {
        shards.clamp(1, MAX_PARTITIONS)
    }

    /// Whether a sentence of so many characters makes pairs; if not, why.
    pub(crate) fn takes(&self, chars: usize) -> std::result::Result<(), &'static str> {
        if chars < self.min_chars {
            Err("too_short")
        } else if chars > self.max_chars {
            Err("too_long")
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut Config), message: &str) {
        let mut config = Config::default();
        change(&mut config);
        assert_eq!(config.validate().unwrap_err().to_string(), message);
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(Config::default().validate().is_ok());
        check(
            |c| c.dev_share = 1.0,
            "setting dev_share is 1; it must be 0 or more and below 1",
        );
        check(
            |c| c.dev_share = f64::NAN,
            "setting dev_share is NaN; it must be 0 or more and below 1",
        );
        check(
            |c| c.max_chars = 2,
            "setting max_chars is 2; it must be no less than min_chars",
        );
        check(
            |c| c.min_alignment = -0.5,
            "setting min_alignment is -0.5; it must be 0 or more",
        );
        check(
            |c| c.jobs_per_shard = 0,
            "setting jobs_per_shard is 0; it must be 1 or more",
        );
        check(
            |c| c.near_copy = 0.0,
            "setting near_copy is 0; it must be above 0, and 1 or less",
        );
        check(
            |c| c.max_cluster_share = f64::NAN,
            "setting max_cluster_share is NaN; it must be above 0, and 1 or less",
        );
    }
}
