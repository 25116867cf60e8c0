//! The training loop, in the order of the mathematics.

use std::ops::{AddAssign, Range};

use jobmatch_encoder::{CutCounts, InferenceConfig, ModelFolder, TokenBudget, TokenUsage, Tokens};
use jobmatch_torch_ext::World;
use jobmatch_training::{Finished, Place, Plan, StepRow, Stop, Trainer};
use serde::Serialize;
use tch::Tensor;

use crate::loss::{binary_cross_entropy, smoothed};
use crate::quality::{PairQuality, pair_quality, score_shares, texts};
use crate::{
    CrossEncoderConfig, LabelledPair, PairCounts, PosWeight, Result, TrainableCrossEncoder,
    TrainingData,
};

/// Tokens of one forward pass inside a step.
const STEP_BUDGET: TokenBudget = TokenBudget {
    max_tokens: 4096,
    max_rows: 4096,
};

/// What a training came to.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Training pairs of an epoch.
    pub epoch: PairCounts,
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

/// What this rank computed in a step.
#[derive(Debug, Clone, Copy, Default)]
pub struct StepUse {
    /// Tokens.
    pub tokens: TokenUsage,
    /// What did not fit.
    pub cut: CutCounts,
}

impl AddAssign for StepUse {
    fn add_assign(&mut self, other: Self) {
        self.tokens += other.tokens;
        self.cut += other.cut;
    }
}

/// Trains a cross-encoder from `folder` (a bare encoder gets a fresh head) on `data`; it comes back, on all ranks, with the
/// weights that had the best dev average precision (the last ones where there are no dev pairs). `seed` decides the
/// head and the dropout, and with it `data` was opened: the same seed, data, settings, ranks and number of threads give
/// the same weights. In `place` lie the log and the checkpoints, from which it goes on. `progress` hears each step, the
/// number of steps, and what this rank computed.
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
    progress: &mut dyn FnMut(&StepRow, u64, StepUse),
) -> Result<(TrainableCrossEncoder, Summary)> {
    config.validate()?;
    tch::manual_seed(seed as i64);
    let model = TrainableCrossEncoder::as_configured(folder, config, world.device())?;
    let (epochs, max_steps) = (config.epochs, config.max_steps);
    let plan = Plan::new(&data.rows, config.batch_size, epochs, max_steps, false)?;
    let (store, settings) = (model.encoder.store(), config.trainer.clone());
    let mut trainer = Trainer::start(world, store, settings, plan, seed, place, stop)?;
    let pos_weight = match config.pos_weight {
        PosWeight::Auto => data.negatives_per_positive,
        PosWeight::Fixed(weight) => weight,
    };

    while !trainer.is_done() {
        let batch = data.batch(trainer.position(), config.batch_size)?;
        let mut used = StepUse::default();
        for part in trainer.parts(batch.len()) {
            trainer.backward(&part, |rows: Range<usize>| {
                let (logits, of_part) = logits(&model, &batch[rows.clone()])?;
                used += of_part;
                let labels =
                    labels(&batch[rows], config.label_smoothing).to_device(logits.device());
                Ok::<_, crate::Error>(binary_cross_entropy(&logits, &labels, pos_weight))
            })?;
        }
        let row = trainer.step()?;
        progress(&row, trainer.total_steps(), used);

        if trainer.done().is_multiple_of(config.evaluate_every) || trainer.is_done() {
            evaluate(world, &mut trainer, &model, data)?;
        }
        trainer.save_if_due()?;
    }
    let finished: Finished<PairQuality> = trainer.finish()?;
    let summary = Summary {
        epoch: data.epoch,
        steps: finished.steps,
        pos_weight,
        final_loss: finished.final_loss,
        kept: finished.kept,
        kept_step: finished.kept_step,
    };
    Ok((model, summary))
}

/// Each rank scores its share of the dev pairs; the first one counts.
fn evaluate(
    world: &World,
    trainer: &mut Trainer,
    model: &TrainableCrossEncoder,
    data: &TrainingData,
) -> Result<()> {
    let in_use = model.in_use(InferenceConfig::default())?;
    let logits = score_shares(world, &in_use, &data.dev.pairs)?;
    let figure = |quality: &Option<PairQuality>| quality.map_or(0.0, |q| q.average_precision);
    trainer.evaluate(|| pair_quality(&logits, &data.dev), figure)?;
    Ok(())
}

/// The logits of pairs, `[pairs]`.
fn logits(model: &TrainableCrossEncoder, pairs: &[LabelledPair]) -> Result<(Tensor, StepUse)> {
    let encoded = model.encoder.encode(&texts(pairs))?;
    let lengths: Vec<usize> = encoded.tokens.iter().map(Tokens::len).collect();
    let used = StepUse {
        tokens: TokenUsage::of(&lengths),
        cut: encoded.cut,
    };
    Ok((
        model.encoder.forward_pairs(&encoded, STEP_BUDGET, true)?,
        used,
    ))
}

fn labels(pairs: &[LabelledPair], smoothing: f64) -> Tensor {
    let labels = pairs.iter().map(|pair| smoothed(pair.label, smoothing));
    Tensor::from_slice(&labels.collect::<Vec<f32>>())
}
