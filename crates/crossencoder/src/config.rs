//! Settings of cross-encoder training.

use jobmatch_training::TrainerConfig;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How much a positive weighs in the loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PosWeight {
    /// Negatives per positive in the training pairs, so that both labels weigh the same in all.
    Auto,
    /// This weight; 1 treats all pairs alike.
    #[serde(untagged)]
    Fixed(f64),
}

/// Settings of cross-encoder training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CrossEncoderConfig {
    /// Pairs per step, of all ranks and parts together.
    pub batch_size: usize,
    /// Passes over the pairs.
    pub epochs: u64,
    /// Stops after so many steps, if the epochs have not ended before; the schedule then ends there too.
    pub max_steps: Option<u64>,
    /// How much a positive weighs in the loss.
    pub pos_weight: PosWeight,
    /// Pairs are cut to so many tokens, the longer text first.
    pub max_tokens: usize,
    /// Steps between two evaluations on dev pairs; one is always made after the last.
    pub evaluate_every: u64,
    /// The optimizer, the precision, the checkpoints.
    pub trainer: TrainerConfig,
}

impl Default for CrossEncoderConfig {
    /// 512 tokens, as the model takes; rate and batch as sentence-transformers' documentation has them.
    fn default() -> Self {
        Self {
            batch_size: 32,
            epochs: 1,
            max_steps: None,
            pos_weight: PosWeight::Auto,
            max_tokens: 512,
            evaluate_every: 200,
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
            ("batch_size", self.batch_size as u64),
            ("epochs", self.epochs),
            ("max_steps", self.max_steps.unwrap_or(1)),
            ("evaluate_every", self.evaluate_every),
        ];
        if let Some((setting, _)) = counts.into_iter().find(|(_, count)| *count == 0) {
            return Err(Error::Setting {
                setting,
                value: "0".to_owned(),
                expected: "1 or more",
            });
        }
        if self.max_tokens < 8 {
            return Err(Error::Setting {
                setting: "max_tokens",
                value: self.max_tokens.to_string(),
                expected: "8 or more",
            });
        }
        if let PosWeight::Fixed(weight) = self.pos_weight
            && !(weight.is_finite() && weight > 0.0)
        {
            return Err(Error::Setting {
                setting: "pos_weight",
                value: weight.to_string(),
                expected: "`auto` or a number above 0",
            });
        }
        Ok(self.trainer.validate()?)
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
        let config = CrossEncoderConfig {
            pos_weight: PosWeight::Fixed(-1.0),
            ..Default::default()
        };
        let message = config.validate().unwrap_err().to_string();
        assert_eq!(
            message,
            "setting `pos_weight` is -1: `auto` or a number above 0"
        );
    }
}
