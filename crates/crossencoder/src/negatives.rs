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
    /// Negatives that the labels state, and pairs of a label whose soft one is 0.5 or less.
    pub given: u64,
    /// Negatives that were drawn at random.
    pub random: u64,
    /// Negatives that a model took for right.
    pub hard: u64,
}

/// What a data set holds of one source. Soft labels need not follow it: a pair that was drawn may be right after all.
#[derive(Debug, Clone, Copy, Default)]
struct OfSource {
    positives: u64,
    negatives: u64,
    labels: f64,
}

/// How many pairs of each source there are, and what their labels sum up to.
#[derive(Debug, Default)]
pub(crate) struct Kinds(BTreeMap<PairSource, OfSource>);

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
        let found = self.0.entry(source).or_default();
        found.labels += f64::from(label);
        *if label > 0.5 {
            &mut found.positives
        } else {
            &mut found.negatives
        } += 1;
    }

    fn of_source(&self, source: PairSource) -> OfSource {
        self.0.get(&source).copied().unwrap_or_default()
    }

    /// Pairs whose label is above 0.5, and all others.
    pub fn positives_and_negatives(&self) -> (u64, u64) {
        let sum = |(positives, negatives), found: &OfSource| {
            (positives + found.positives, negatives + found.negatives)
        };
        self.0.values().fold((0, 0), sum)
    }

    /// What an epoch takes of them.
    pub fn mixture(&self, folder: &Path, config: &NegativesConfig) -> Result<Mixture> {
        let (random, hard) = (
            self.of_source(PairSource::Random),
            self.of_source(PairSource::Hard),
        );
        if let Some(share) = config.hard_share
            && ((share > 0.0 && hard.negatives == 0) || (share < 1.0 && random.negatives == 0))
        {
            return Err(Error::NoSuchNegatives {
                folder: folder.to_path_buf(),
                share,
                hard: hard.negatives,
                random: random.negatives,
            });
        }
        let [of_random, of_hard] = self.shares(random, hard, config);
        let mut shares = BTreeMap::new();
        for (source, share) in [(PairSource::Random, of_random), (PairSource::Hard, of_hard)] {
            if share < 1.0 {
                shares.insert(source.name().to_owned(), share);
            }
        }
        let mut epoch = PairCounts::default();
        let (mut labels, mut missing) = (0.0, 0.0);
        for (source, found) in &self.0 {
            let share = shares.get(source.name()).copied().unwrap_or(1.0);
            let taken = |count: u64| (count as f64 * share).round() as u64;
            epoch.positives += taken(found.positives);
            *match source {
                PairSource::Random => &mut epoch.random,
                PairSource::Hard => &mut epoch.hard,
                _ => &mut epoch.given,
            } += taken(found.negatives);
            labels += share * found.labels;
            missing += share * ((found.positives + found.negatives) as f64 - found.labels);
        }
        Ok(Mixture {
            shares,
            epoch,
            negatives_per_positive: missing / labels,
        })
    }

    /// The shares of the random and of the hard pairs that an epoch takes.
    fn shares(&self, random: OfSource, hard: OfSource, config: &NegativesConfig) -> [f64; 2] {
        if *config == NegativesConfig::default() {
            return [1.0; 2];
        }
        let drawn = random.negatives + hard.negatives;
        if drawn == 0 {
            tracing::warn!(
                "no negatives were drawn for this data set: `negatives` has nothing to choose from"
            );
            return [1.0; 2];
        }
        let hard_share = config
            .hard_share
            .unwrap_or(hard.negatives as f64 / drawn as f64);
        let kinds = [(random, 1.0 - hard_share), (hard, hard_share)];
        let wanted = kinds.into_iter().filter(|(_, share)| *share > 0.0);
        // As many as there are of both kinds at this share.
        let possible = wanted
            .clone()
            .map(|(of, share)| of.negatives as f64 / share)
            .fold(f64::INFINITY, f64::min);
        let taken = config.per_positive.map_or(possible, |per_positive| {
            let (positives, negatives) = self.positives_and_negatives();
            let always = (positives - random.positives - hard.positives) as f64;
            let given = (negatives - drawn) as f64;
            // Each negative that is taken brings with it some positives of its source, whose soft labels made them so.
            let with_it: f64 = wanted
                .map(|(of, share)| share * of.positives as f64 / of.negatives as f64)
                .sum();
            let room = 1.0 - per_positive * with_it;
            let asked = match room > 0.0 {
                true => ((per_positive * always - given) / room).max(0.0),
                false => f64::INFINITY,
            };
            if asked > possible * (1.0 + 1e-9) {
                tracing::warn!(
                    "there are only {possible:.0} negatives to draw, {hard_share:.2} of them hard, fewer than \
                     `negatives.per_positive` asks for: all are taken"
                );
            }
            asked.min(possible)
        });
        kinds.map(|(of, share)| match of.negatives {
            0 => 0.0,
            negatives => (taken * share / negatives as f64).min(1.0),
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

        // A fifth of the random ones are right after all, and come with the others.
        let mut kinds = Kinds::default();
        for (source, label, count) in [
            (PairSource::Evidence, 1.0, 90),
            (PairSource::Evidence, 0.4, 10),
            (PairSource::Random, 0.8, 40),
            (PairSource::Random, 0.1, 160),
        ] {
            (0..count).for_each(|_| kinds.add(source, label));
        }
        let config = NegativesConfig {
            per_positive: Some(1.0),
            hard_share: None,
        };
        let epoch = kinds.mixture(Path::new("data"), &config).unwrap().epoch;
        let negatives = epoch.given + epoch.random;
        assert!(
            epoch.given == 10 && epoch.positives.abs_diff(negatives) <= 1,
            "{epoch:?}"
        );
    }
}
