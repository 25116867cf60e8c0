//! Which of a data set's pairs an epoch takes: the mixture of random and hard negatives.

use std::collections::BTreeMap;
use std::path::Path;

use jobmatch_records::{Blocks, Pair, PairSource};
use serde::Serialize;

use crate::{Error, NegativesConfig, Result};

/// Pairs of a data set, or of an epoch, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PairCounts {
    /// Pairs whose label is above 0.5.
    pub positives: u64,
    /// Negatives that the labels state.
    pub given: u64,
    /// Negatives that were drawn at random.
    pub random: u64,
    /// Negatives that a model took for right.
    pub hard: u64,
}

/// How many pairs of each kind there are, and what their labels sum up to.
#[derive(Debug, Default)]
pub(crate) struct Kinds {
    pub counts: PairCounts,
    /// Pairs and the sum of their labels by source, which labels need not follow: a pair that was drawn may have a soft label.
    by_source: BTreeMap<PairSource, (u64, f64)>,
}

/// What an epoch takes.
#[derive(Debug)]
pub(crate) struct Mixture {
    /// How much of each source, as a cursor takes it.
    pub shares: BTreeMap<String, f64>,
    /// How many of each kind.
    pub epoch: PairCounts,
    /// Sum of what is missing to label 1 per sum of labels: negatives per positive for hard labels.
    pub negatives_per_positive: f64,
}

impl Kinds {
    /// Looks at the label and the source of every pair of a folder.
    pub fn of(folder: &Path) -> Result<Self> {
        let blocks = Blocks::<Pair>::open(folder, "part")?;
        let mut reader = blocks.reader();
        let mut kinds = Self::default();
        for (number, group) in blocks.groups().iter().enumerate() {
            let labels = reader.floats(number, "label")?;
            if let Some(row) = labels.iter().position(|label| !(0.0..=1.0).contains(label)) {
                let reason = format!(
                    "its label is {}; labels lie from 0 to 1: correct the labels and make the data set again",
                    labels[row]
                );
                // Rows of a group are counted by u32.
                return Err(blocks.bad_row(group, row as u32, reason).into());
            }
            let mut unknown = None;
            reader.texts(number, "source", |row, source| {
                match PairSource::of(source) {
                    Some(source) => kinds.add(source, labels[row as usize]),
                    None => {
                        unknown.get_or_insert((row, source.to_owned()));
                    }
                }
            })?;
            if let Some((row, source)) = unknown {
                let reason = format!("`source` is `{source}`, which is no known source");
                return Err(blocks.bad_row(group, row, reason).into());
            }
        }
        Ok(kinds)
    }

    fn add(&mut self, source: PairSource, label: f32) {
        let (pairs, labels) = self.by_source.entry(source).or_default();
        *pairs += 1;
        *labels += f64::from(label);
        let counts = &mut self.counts;
        *match source {
            _ if label > 0.5 => &mut counts.positives,
            PairSource::Random => &mut counts.random,
            PairSource::Hard => &mut counts.hard,
            _ => &mut counts.given,
        } += 1;
    }

    /// What an epoch takes of them.
    pub fn mixture(&self, folder: &Path, config: &NegativesConfig) -> Result<Mixture> {
        let PairCounts {
            positives,
            given,
            random,
            hard,
        } = self.counts;
        let drawn = random + hard;
        let (mut of_random, mut of_hard) = (1.0, 1.0);
        if let Some(share) = config.hard_share
            && ((share > 0.0 && hard == 0) || (share < 1.0 && random == 0))
        {
            return Err(Error::NoSuchNegatives {
                folder: folder.to_path_buf(),
                share,
                hard,
                random,
            });
        }
        if drawn > 0 && (config.per_positive.is_some() || config.hard_share.is_some()) {
            let share = config.hard_share.unwrap_or(hard as f64 / drawn as f64);
            let most = |kind: u64, share: f64| match share {
                0.0 => f64::INFINITY,
                share => kind as f64 / share,
            };
            // As many as there are of both kinds at this share.
            let possible = most(hard, share).min(most(random, 1.0 - share));
            let wanted = match config.per_positive {
                Some(per_positive) => (positives as f64 * per_positive - given as f64).max(0.0),
                None => possible,
            };
            if wanted > possible * (1.0 + 1e-9) {
                tracing::warn!(
                    "there are only {:.2} negatives a positive to draw at this `hard_share`, fewer than `negatives.per_positive` \
                     asks for: all are taken",
                    possible / positives as f64
                );
            }
            let taken = wanted.min(possible);
            let of = |kind: u64, share: f64| match kind {
                0 => 0.0,
                kind => (taken * share / kind as f64).min(1.0),
            };
            (of_hard, of_random) = (of(hard, share), of(random, 1.0 - share));
        }
        let mut shares = BTreeMap::new();
        for (source, share) in [(PairSource::Hard, of_hard), (PairSource::Random, of_random)] {
            if share < 1.0 {
                shares.insert(source.name().to_owned(), share);
            }
        }
        let (mut labels, mut missing) = (0.0, 0.0);
        for (source, (pairs, sum)) in &self.by_source {
            let share = shares.get(source.name()).unwrap_or(&1.0);
            labels += share * sum;
            missing += share * (*pairs as f64 - sum);
        }
        let taken = |count: u64, share: f64| (count as f64 * share).floor() as u64;
        Ok(Mixture {
            epoch: PairCounts {
                random: taken(random, of_random),
                hard: taken(hard, of_hard),
                ..self.counts
            },
            shares,
            negatives_per_positive: missing / labels,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds() -> Kinds {
        let mut kinds = Kinds::default();
        for (source, label, count) in [
            (PairSource::Evidence, 1.0, 100),
            (PairSource::Given, 0.0, 10),
            (PairSource::Random, 0.0, 200),
            (PairSource::Hard, 0.0, 400),
        ] {
            (0..count).for_each(|_| kinds.add(source, label));
        }
        kinds
    }

    fn mixture(per_positive: Option<f64>, hard_share: Option<f64>) -> Result<Mixture> {
        let config = NegativesConfig {
            per_positive,
            hard_share,
        };
        kinds().mixture(Path::new("data"), &config)
    }

    #[test]
    fn ratio_and_share_are_kept() {
        let counts = |mixture: &Mixture| {
            let PairCounts {
                given,
                random,
                hard,
                ..
            } = mixture.epoch;
            (given, random, hard)
        };
        let all = mixture(None, None).unwrap();
        assert_eq!(counts(&all), (10, 200, 400));
        assert!(all.shares.is_empty());
        assert!((all.negatives_per_positive - 6.1).abs() < 1e-12);

        let mixed = mixture(Some(2.0), Some(0.5)).unwrap();
        assert_eq!(counts(&mixed), (10, 95, 95));
        assert!((mixed.negatives_per_positive - 2.0).abs() < 1e-12);
        // As in the data set: two hard ones to a random one.
        assert_eq!(counts(&mixture(Some(1.0), None).unwrap()), (10, 30, 60));
        // The share alone: as many as there are.
        assert_eq!(counts(&mixture(None, Some(0.5)).unwrap()), (10, 200, 200));
        assert_eq!(counts(&mixture(None, Some(1.0)).unwrap()), (10, 0, 400));
        // More than there are.
        assert_eq!(
            counts(&mixture(Some(50.0), Some(0.5)).unwrap()),
            (10, 200, 200)
        );
    }

    #[test]
    fn a_kind_that_is_not_there_is_asked_for_in_vain() {
        let mut kinds = Kinds::default();
        kinds.add(PairSource::Evidence, 1.0);
        kinds.add(PairSource::Random, 0.0);
        let config = NegativesConfig {
            per_positive: None,
            hard_share: Some(0.5),
        };
        let error = kinds.mixture(Path::new("data"), &config).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("data holds 0 hard and 1 random negatives"),
            "{message}"
        );
    }

    #[test]
    fn soft_labels_weigh_by_what_they_are() {
        let mut kinds = Kinds::default();
        kinds.add(PairSource::Evidence, 0.9);
        kinds.add(PairSource::Random, 0.3);
        let mixture = kinds
            .mixture(Path::new("data"), &NegativesConfig::default())
            .unwrap();
        assert!((mixture.negatives_per_positive - 0.8 / 1.2).abs() < 1e-6);
    }
}
