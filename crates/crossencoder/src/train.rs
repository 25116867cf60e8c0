//! The training loop, in the order of the mathematics.

use std::ops::Range;

use jobmatch_encoder::{InferenceConfig, ModelFolder, TokenBudget, TokenUsage, Tokens};
use jobmatch_torch_ext::World;
use jobmatch_training::{Finished, Place, Plan, StepRow, Stop, Trainer};
use serde::Serialize;
use tch::Tensor;

use crate::loss::binary_cross_entropy;
use crate::quality::{PairQuality, pair_quality};
use crate::{
    CrossEncoderConfig, LabelledPair, PosWeight, Result, TrainableCrossEncoder, TrainingData,
};

/// Tokens of one forward pass inside a step.
const STEP_BUDGET: TokenBudget = TokenBudget {
    max_tokens: 4096,
    max_rows: 4096,
};

/// What a training came to.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Training pairs at hand.
    pub pairs: u64,
    /// Optimizer steps taken.
    pub steps: u64,
    /// The weight of positives in the loss.
    pub pos_weight: f64,
    /// Mean loss of the last tenth of the steps.
    pub final_loss: Option<f64>,
    /// Quality on dev pairs with the weights that were kept.
    pub kept: Option<PairQuality>,
    /// The step after which the kept weights stood.
    pub kept_step: u64,
}

/// Trains a cross-encoder from `folder` (a bare encoder gets a fresh head) on `data`; it comes back, on all ranks, with the
/// weights that had the best dev average precision (the last ones where there are no dev pairs). `seed` decides the
/// head and the dropout, and with it `data` was opened: the same seed, data, settings, ranks and number of threads give
/// the same weights. In `place` lie the log and the checkpoints, from which it goes on. `progress` hears each step, the
/// number of steps, and the tokens of this rank.
///
/// # Errors
/// When a setting makes no sense, the folder is not sound, the loss stops being a number, a file cannot be written, a rank
/// died, or `stop` was asked for.
#[allow(clippy::too_many_arguments, reason = "each is a thing of its own")]
pub fn train(
    world: &World,
    folder: ModelFolder,
    data: &mut TrainingData,
    config: &CrossEncoderConfig,
    seed: u64,
    place: Option<&Place>,
    stop: Stop,
    progress: &mut dyn FnMut(&StepRow, u64, TokenUsage),
) -> Result<(TrainableCrossEncoder, Summary)> {
    config.validate()?;
    tch::manual_seed(seed as i64);
    let folder = folder.with_max_tokens(config.max_tokens);
    let model = TrainableCrossEncoder::from_folder(folder, world.device())?;
    let (epochs, max_steps) = (config.epochs, config.max_steps);
    let plan = Plan::new(&data.rows, config.batch_size, epochs, max_steps, false)?;
    let (store, settings) = (model.encoder.store(), config.trainer.clone());
    let mut trainer = Trainer::start(world, store, settings, plan, seed, place, stop)?;
    let pos_weight = match config.pos_weight {
        PosWeight::Auto => data.negatives_per_positive(),
        PosWeight::Fixed(weight) => weight,
    };
    let figure = |quality: &Option<PairQuality>| quality.map_or(0.0, |q| q.average_precision);

    while !trainer.is_done() {
        let batch = data.batch(trainer.position(), config.batch_size)?;
        let mut usage = TokenUsage::default();
        for part in trainer.parts(batch.len()) {
            trainer.backward(&part, |rows: Range<usize>| {
                mean_loss(&model, &batch[rows], pos_weight, &mut usage)
            })?;
        }
        let row = trainer.step()?;
        progress(&row, trainer.total_steps(), usage);

        if trainer.done().is_multiple_of(config.evaluate_every) || trainer.is_done() {
            let measure = || pair_quality(&model.in_use(InferenceConfig::default())?, &data.dev);
            trainer.evaluate(measure, figure)?;
        }
        trainer.save_if_due()?;
    }
    let finished: Finished<PairQuality> = trainer.finish()?;
    let summary = Summary {
        pairs: data.pairs(),
        steps: finished.steps,
        pos_weight,
        final_loss: finished.final_loss,
        kept: finished.kept,
        kept_step: finished.kept_step,
    };
    Ok((model, summary))
}

/// Mean binary cross-entropy of pairs.
fn mean_loss(
    model: &TrainableCrossEncoder,
    pairs: &[LabelledPair],
    pos_weight: f64,
    usage: &mut TokenUsage,
) -> Result<Tensor> {
    let texts: Vec<(&str, &str)> = pairs
        .iter()
        .map(|pair| (pair.text.as_str(), pair.passage.as_str()))
        .collect();
    let labels: Vec<f32> = pairs.iter().map(|pair| pair.label).collect();
    let tokens = model.encoder.tokenizer().encode_pairs(&texts)?;
    let lengths: Vec<usize> = tokens.iter().map(Tokens::len).collect();
    *usage += TokenUsage::of(&lengths);
    let logits = model.encoder.forward(&tokens, STEP_BUDGET, true)?;
    let labels = Tensor::from_slice(&labels).to_device(logits.device());
    Ok(binary_cross_entropy(&logits, &labels, pos_weight))
}
