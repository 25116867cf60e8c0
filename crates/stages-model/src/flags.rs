//! Settings of a training that are given as flags.

use jobmatch_training::{Precision, ScheduleShape};
use serde::Serialize;

/// How a training is run, as far as it was given as flags.
#[derive(Debug, Clone, clap::Args, Serialize)]
pub struct TrainerFlags {
    #[command(flatten)]
    optimizer: OptimizerFlags,
    /// In which numbers the forward pass computes: float32, bf16, fp16
    #[arg(long, value_name = "KIND")]
    #[serde(skip_serializing_if = "Option::is_none")]
    precision: Option<Precision>,
    /// A step's batch is computed in so many parts one after the other
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    accumulation: Option<usize>,
    /// End after so many evaluations in a row that were not as good as the best
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    patience: Option<u64>,
    /// Steps between two checkpoints
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint_every: Option<u64>,
    /// Checkpoints kept, the newest
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_checkpoints: Option<usize>,
    /// On a GPU, use only operations that give the same bits each time
    #[arg(long, value_name = "true|false")]
    #[serde(skip_serializing_if = "Option::is_none")]
    deterministic: Option<bool>,
}

#[derive(Debug, Clone, clap::Args, Serialize)]
struct OptimizerFlags {
    /// The highest learning rate, reached at the end of the warm-up
    #[arg(long, value_name = "RATE", value_parser = jobmatch_stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    learning_rate: Option<f64>,
    /// Decoupled weight decay, not applied to biases and layer normalizations
    #[arg(long, value_name = "DECAY", value_parser = jobmatch_stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    weight_decay: Option<f64>,
    /// Share of the steps over which the rate rises from 0
    #[arg(long, value_name = "SHARE", value_parser = jobmatch_stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    warmup_ratio: Option<f64>,
    /// How the rate goes on after the warm-up: linear, cosine, constant
    #[arg(long, value_name = "SHAPE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<ScheduleShape>,
    /// Gradients are scaled down to this global norm
    #[arg(long, value_name = "NORM", value_parser = jobmatch_stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_gradient_norm: Option<f64>,
}
