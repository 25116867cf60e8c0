//! Settings of bi-encoder training.

use jobmatch_training::TrainerConfig;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Settings of bi-encoder training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BiEncoderConfig {
    /// Positives per step, of all ranks and parts together; the passage of each is a negative for all the others of its
    /// part (of the whole batch, without accumulation).
    pub batch_size: usize,
    /// Passes over the positives.
    pub epochs: u64,
    /// Stops after so many steps, if the epochs have not ended before; the schedule then ends there too.
    pub max_steps: Option<u64>,
    /// Cosines are multiplied by this before the softmax: the inverse of a temperature.
    pub scale: f64,
    /// Whether each passage must also find its query among the batch's queries. Only so are the scores of different queries
    /// comparable, which they have to be where a job's score is the highest of its sentences.
    pub symmetric: bool,
    /// Whether passages that are known positives of a row's job or text are left out of its denominator.
    pub mask_known_positives: bool,
    /// Hard negatives of each positive that are candidates beside the passages of the part; at most as many as the data
    /// set has, the first ones. 0: in-batch negatives alone.
    pub hard_negatives: usize,
    /// Dimensions at which the loss is taken, and summed, so that vectors may be cut to any of them (Kusupati et al. 2022,
    /// "Matryoshka Representation Learning"); empty: the model's own alone.
    pub matryoshka_dimensions: Vec<usize>,
    /// Whether gradients are cached at the embeddings (GradCache), so that memory does not grow with the batch; each text
    /// is then embedded twice.
    pub cached_gradients: bool,
    /// Tokens of one forward pass inside a step.
    pub chunk_tokens: usize,
    /// Inputs are cut to so many tokens while training; absent: the model's own length.
    pub max_tokens: Option<usize>,
    /// What stands before a query; absent: what the model's folder says.
    pub query_prompt: Option<String>,
    /// What stands before a passage; absent: what the model's folder says.
    pub passage_prompt: Option<String>,
    /// Steps between two evaluations on dev queries; one is always made before the first step and after the last.
    pub evaluate_every: u64,
    /// At most so many dev queries are evaluated, the first of the dev sample.
    pub evaluate_queries: usize,
    /// At most so many passages are searched in an evaluation: those that are right for a dev query, and the first others.
    pub evaluate_passages: usize,
    /// The optimizer, the precision, the checkpoints.
    pub trainer: TrainerConfig,
}

impl Default for BiEncoderConfig {
    /// Batch and scale as sentence-transformers' documentation has them. Scale, rate and symmetry were the best on dev of those
    /// tried with MiniLM on O*NET (`docs/training.md` has the table).
    fn default() -> Self {
        let mut trainer = TrainerConfig::default();
        trainer.optimizer.learning_rate = 1e-4;
        Self {
            batch_size: 64,
            epochs: 1,
            max_steps: None,
            scale: 20.0,
            symmetric: true,
            mask_known_positives: true,
            hard_negatives: 0,
            matryoshka_dimensions: Vec::new(),
            cached_gradients: false,
            chunk_tokens: 2048,
            max_tokens: Some(128),
            query_prompt: None,
            passage_prompt: None,
            evaluate_every: 100,
            evaluate_queries: 500,
            evaluate_passages: 10_000,
            trainer,
        }
    }
}

impl BiEncoderConfig {
    /// Refuses nonsense.
    ///
    /// # Errors
    /// Names the first setting that makes no sense.
    pub fn validate(&self) -> Result<()> {
        let refuse = |setting, value: String, expected| {
            Err(Error::Setting {
                setting,
                value,
                expected,
            })
        };
        if self.batch_size < 2 {
            let expected = "2 or more, since a batch's other passages are the negatives";
            return refuse("batch_size", self.batch_size.to_string(), expected);
        }
        if self.epochs == 0 {
            return refuse("epochs", "0".to_owned(), "1 or more");
        }
        if self.max_steps == Some(0) {
            return refuse("max_steps", "0".to_owned(), "1 or more, or absent");
        }
        if !(self.scale.is_finite() && self.scale > 0.0) {
            return refuse("scale", self.scale.to_string(), "a number above 0");
        }
        if self.max_tokens.is_some_and(|tokens| tokens < 8) {
            let value = self.max_tokens.unwrap_or_default().to_string();
            return refuse("max_tokens", value, "8 or more, or absent");
        }
        let dimensions = &self.matryoshka_dimensions;
        if dimensions.contains(&0) {
            let expected = "1 or more each";
            return refuse("matryoshka_dimensions", format!("{dimensions:?}"), expected);
        }
        let counts = [
            ("chunk_tokens", self.chunk_tokens as u64),
            ("evaluate_every", self.evaluate_every),
            ("evaluate_passages", self.evaluate_passages as u64),
        ];
        if let Some((setting, _)) = counts.into_iter().find(|(_, count)| *count == 0) {
            return refuse(setting, "0".to_owned(), "1 or more");
        }
        Ok(self.trainer.validate()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused_by_name() {
        assert!(BiEncoderConfig::default().validate().is_ok());
        let one = BiEncoderConfig {
            batch_size: 1,
            ..Default::default()
        };
        let message = one.validate().unwrap_err().to_string();
        assert!(
            message.starts_with("setting `batch_size` is 1: 2 or more"),
            "{message}"
        );
        let nan = BiEncoderConfig {
            scale: f64::NAN,
            ..Default::default()
        };
        assert!(
            nan.validate()
                .unwrap_err()
                .to_string()
                .contains("`scale` is NaN")
        );
    }
}
