//! Settings that both training loops share.

use jobmatch_torch_ext::GradScalerConfig;
use serde::{Deserialize, Serialize};
use tch::Kind;

use crate::{Error, Result, ScheduleShape};

/// Settings of the optimizer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerConfig {
    /// The highest learning rate, reached at the end of the warm-up.
    pub learning_rate: f64,
    /// Decoupled weight decay (Loshchilov and Hutter 2019), not applied to biases and layer normalizations.
    pub weight_decay: f64,
    /// Share of the steps over which the rate rises from 0; in [0, 1].
    pub warmup_ratio: f64,
    /// How the rate falls after the warm-up.
    pub schedule: ScheduleShape,
    /// Gradients are scaled down to this global Euclidean norm when they are longer.
    pub max_gradient_norm: f64,
}

impl Default for OptimizerConfig {
    /// The values that sentence-transformers' documentation trains with, but for the decay.
    fn default() -> Self {
        Self {
            learning_rate: 5e-5,
            weight_decay: 0.01,
            warmup_ratio: 0.1,
            schedule: ScheduleShape::Linear,
            max_gradient_norm: 1.0,
        }
    }
}

impl OptimizerConfig {
    /// Refuses nonsense.
    ///
    /// # Errors
    /// Names the first setting that makes no sense.
    pub fn validate(&self) -> Result<()> {
        let checks = [
            (
                "learning_rate",
                self.learning_rate,
                self.learning_rate > 0.0,
                "a number above 0",
            ),
            (
                "weight_decay",
                self.weight_decay,
                self.weight_decay >= 0.0,
                "0 or more",
            ),
            (
                "warmup_ratio",
                self.warmup_ratio,
                (0.0..=1.0).contains(&self.warmup_ratio),
                "between 0 and 1",
            ),
            (
                "max_gradient_norm",
                self.max_gradient_norm,
                self.max_gradient_norm > 0.0,
                "a number above 0",
            ),
        ];
        for (setting, value, sound, expected) in checks {
            if !sound || !value.is_finite() {
                return Err(Error::Setting {
                    setting,
                    value: value.to_string(),
                    expected,
                });
            }
        }
        Ok(())
    }
}

/// In which numbers the forward pass computes what bears it; weights, gradients and the optimizer stay in float32.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// All in float32.
    #[default]
    Float32,
    /// bfloat16 by autocast: the range of float32, so the loss needs no scale.
    Bf16,
    /// float16 by autocast, with a loss scale.
    Fp16,
}

impl Precision {
    /// The kind that autocast computes in, if it is on.
    pub(crate) fn kind(self) -> Option<Kind> {
        match self {
            Self::Float32 => None,
            Self::Bf16 => Some(Kind::BFloat16),
            Self::Fp16 => Some(Kind::Half),
        }
    }
}

impl std::str::FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "float32" => Ok(Self::Float32),
            "bf16" => Ok(Self::Bf16),
            "fp16" => Ok(Self::Fp16),
            _ => Err(format!("`{text}` is none of float32, bf16 and fp16")),
        }
    }
}

/// How a training is run: what its steps are made of, and what is kept on the way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainerConfig {
    /// The optimizer's settings.
    pub optimizer: OptimizerConfig,
    /// In which numbers the forward pass computes.
    pub precision: Precision,
    /// The loss scale of `fp16`.
    pub loss_scale: GradScalerConfig,
    /// A step's batch is computed in so many parts one after the other, whose gradients are added: less memory, the same
    /// step where the loss is a mean over rows.
    pub accumulation: usize,
    /// Ends the training after so many evaluations in a row that were not as good as the best one; absent: never.
    pub patience: Option<u64>,
    /// Steps between two checkpoints; one is written at the end of each epoch besides.
    pub checkpoint_every: u64,
    /// Checkpoints kept, the newest; the best weights are kept besides.
    pub keep_checkpoints: usize,
    /// On a GPU, whether only operations are used that give the same bits each time. Some are slower; without it a run that
    /// was interrupted ends as well as one that was not, but not with the same bytes.
    pub deterministic: bool,
}

impl Default for TrainerConfig {
    /// A checkpoint every 500 steps, two of them kept.
    fn default() -> Self {
        Self {
            optimizer: OptimizerConfig::default(),
            precision: Precision::Float32,
            loss_scale: GradScalerConfig::default(),
            accumulation: 1,
            patience: None,
            checkpoint_every: 500,
            keep_checkpoints: 2,
            deterministic: true,
        }
    }
}

impl TrainerConfig {
    /// Refuses nonsense.
    ///
    /// # Errors
    /// Names the first setting that makes no sense.
    pub fn validate(&self) -> Result<()> {
        let counts = [
            ("accumulation", self.accumulation as u64),
            ("checkpoint_every", self.checkpoint_every),
            ("keep_checkpoints", self.keep_checkpoints as u64),
            ("patience", self.patience.unwrap_or(1)),
        ];
        if let Some((setting, _)) = counts.into_iter().find(|(_, count)| *count == 0) {
            return Err(Error::Setting {
                setting,
                value: "0".to_owned(),
                expected: "1 or more",
            });
        }
        self.loss_scale.validate()?;
        self.optimizer.validate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused_by_name() {
        let config = OptimizerConfig {
            warmup_ratio: 1.5,
            ..OptimizerConfig::default()
        };
        let message = config.validate().unwrap_err().to_string();
        assert_eq!(message, "setting `warmup_ratio` is 1.5: between 0 and 1");
        let config = TrainerConfig {
            keep_checkpoints: 0,
            ..TrainerConfig::default()
        };
        let message = config.validate().unwrap_err().to_string();
        assert_eq!(message, "setting `keep_checkpoints` is 0: 1 or more");
        assert!(TrainerConfig::default().validate().is_ok());
    }

    #[test]
    fn a_precision_is_written_as_it_is_read() {
        for word in ["float32", "bf16", "fp16"] {
            let precision: Precision = word.parse().unwrap();
            assert_eq!(serde_json::to_value(precision).unwrap(), word);
        }
        assert!("double".parse::<Precision>().is_err());
    }
}
