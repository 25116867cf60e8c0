//! Settings of cross-encoder training.

use jobmatch_encoder::PairWindows;
use jobmatch_training::TrainerConfig;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How much a positive weighs in the loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PosWeight {
    /// Negatives per positive among the pairs of an epoch, so that both labels weigh the same in all (before smoothing).
    Auto,
    /// This weight; 1 treats all pairs alike: any other, and smoothing, moves the sigmoid of the logit away from the share of right
    /// pairs among those trained on.
    #[serde(untagged)]
    Fixed(f64),
}

/// Which of the data set's negatives an epoch takes. Those of a kind are drawn by the seed, others in each epoch: of each block of
/// the files (4,096 rows) as many as its share, going round them all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NegativesConfig {
    /// Negatives for each positive; absent: all there are. Negatives that the labels state are always all taken, and count.
    pub per_positive: Option<f64>,
    /// The share of hard ones among those that are drawn, 0 to 1: passages that a model took for right. Absent: as they are in the
    /// data set.
    pub hard_share: Option<f64>,
}

/// Settings of cross-encoder training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CrossEncoderConfig {
    /// Pairs per step, of all ranks and parts together.
    pub batch_size: usize,
    /// Passes over the positives.
    pub epochs: u64,
    /// Stops after so many steps, if the epochs have not ended before; the schedule then ends there too.
    pub max_steps: Option<u64>,
    /// How much a positive weighs in the loss.
    pub pos_weight: PosWeight,
    /// A label y counts as `(1 - s)·y + s/2` (Szegedy et al. 2016, "Rethinking the Inception Architecture"), 0 to below 1.
    pub label_smoothing: f64,
    /// Which negatives an epoch takes.
    pub negatives: NegativesConfig,
    /// Pairs are cut to so many tokens, the longer text first.
    pub max_tokens: usize,
    /// Texts that are longer are taken in windows instead of being cut; saved with the model, which scores so too.
    pub windows: Option<PairWindows>,
    /// Steps between two evaluations on dev pairs; one is always made after the last.
    pub evaluate_every: u64,
    /// At most so many dev pairs are scored in an evaluation, the first ones; the job that the last belongs to is whole.
    pub evaluate_pairs: usize,
    /// The optimizer, the precision, the checkpoints.
    pub trainer: TrainerConfig,
}

impl Default for CrossEncoderConfig {
    /// 512 tokens, as the model takes; rate and batch as sentence-transformers' documentation has them. A positive weighs 1, so that
    /// the sigmoid of a logit is the share of right pairs among the like of those trained on.
    fn default() -> Self {
        Self {
            batch_size: 32,
            epochs: 1,
            max_steps: None,
            pos_weight: PosWeight::Fixed(1.0),
            label_smoothing: 0.0,
            negatives: NegativesConfig::default(),
            max_tokens: 512,
            windows: None,
            evaluate_every: 200,
            evaluate_pairs: 2000,
            trainer: TrainerConfig::default(),
        }
    }
}

impl CrossEncoderConfig {
    /// Refuses nonsense.
    ///
    /// # Errors
    /// Names the first setting that makes no sense.
    pub fn validate(&self) -> Result<()> {
        let counts = [
            ("batch_size", self.batch_size as u64, 1, "1 or more"),
            ("epochs", self.epochs, 1, "1 or more"),
            ("max_steps", self.max_steps.unwrap_or(1), 1, "1 or more"),
            ("evaluate_every", self.evaluate_every, 1, "1 or more"),
            ("max_tokens", self.max_tokens as u64, 8, "8 or more"),
            (
                "windows.most",
                self.windows.unwrap_or_default().most as u64,
                1,
                "1 or more",
            ),
        ];
        if let Some((setting, count, _, expected)) = counts
            .into_iter()
            .find(|(_, count, least, _)| count < least)
        {
            return Err(Error::setting(setting, count, expected));
        }
        self.validate_numbers()?;
        Ok(self.trainer.validate()?)
    }

    fn validate_numbers(&self) -> Result<()> {
        let pos_weight = match self.pos_weight {
            PosWeight::Auto => 1.0,
            PosWeight::Fixed(weight) => weight,
        };
        let NegativesConfig {
            per_positive,
            hard_share,
        } = self.negatives;
        let per_positive = per_positive.unwrap_or(1.0);
        let hard_share = hard_share.unwrap_or(0.0);
        let numbers = [
            (
                "pos_weight",
                pos_weight,
                pos_weight.is_finite() && pos_weight > 0.0,
                "`auto` or a number above 0",
            ),
            (
                "label_smoothing",
                self.label_smoothing,
                (0.0..1.0).contains(&self.label_smoothing),
                "0 or more and below 1",
            ),
            (
                "negatives.per_positive",
                per_positive,
                per_positive.is_finite() && per_positive > 0.0,
                "a number above 0, or absent",
            ),
            (
                "negatives.hard_share",
                hard_share,
                (0.0..=1.0).contains(&hard_share),
                "between 0 and 1, or absent",
            ),
        ];
        match numbers.into_iter().find(|(_, _, sound, _)| !sound) {
            Some((setting, value, _, expected)) => Err(Error::setting(setting, value, expected)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_is_a_word_or_a_number() {
        for (text, expected) in [
            ("\"auto\"", PosWeight::Auto),
            ("2.5", PosWeight::Fixed(2.5)),
        ] {
            let read: PosWeight = serde_json::from_str(text).unwrap();
            assert_eq!(read, expected);
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
        }
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        assert!(CrossEncoderConfig::default().validate().is_ok());
        let refused = |change: fn(&mut CrossEncoderConfig)| {
            let mut config = CrossEncoderConfig::default();
            change(&mut config);
            config.validate().unwrap_err().to_string()
        };
        assert_eq!(
            refused(|c| c.pos_weight = PosWeight::Fixed(-1.0)),
            "setting `pos_weight` is -1: `auto` or a number above 0"
        );
        assert_eq!(
            refused(|c| c.label_smoothing = 1.0),
            "setting `label_smoothing` is 1: 0 or more and below 1"
        );
        assert_eq!(
            refused(|c| c.negatives.hard_share = Some(f64::NAN)),
            "setting `negatives.hard_share` is NaN: between 0 and 1, or absent"
        );
        assert_eq!(
            refused(|c| c.negatives.per_positive = Some(0.0)),
            "setting `negatives.per_positive` is 0: a number above 0, or absent"
        );
        let none = |c: &mut CrossEncoderConfig| {
            c.windows = Some(PairWindows {
                most: 0,
                ..PairWindows::default()
            });
        };
        assert_eq!(refused(none), "setting `windows.most` is 0: 1 or more");
    }
}
