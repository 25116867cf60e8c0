//! The training loop, in the order of the mathematics.

use jobmatch_encoder::{ModelFolder, TokenBudget};
use jobmatch_training::{BestWeights, Optimizer, RunLog, StepRow, epoch_batches};
use serde::Serialize;
use tch::Tensor;

use crate::loss::binary_cross_entropy;
use crate::quality::{PairQuality, pair_quality};
use crate::{CrossEncoder, CrossEncoderConfig, PosWeight, Result, TrainingData};

/// Tokens of one forward pass inside a step: pairs of like length share a pass, so little of it is padding.
const STEP_BUDGET: TokenBudget = TokenBudget {
    max_tokens: 1024,
    max_rows: 64,
};

/// What a training came to.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Training pairs at hand.
    pub pairs: usize,
    /// Optimizer steps taken.
    pub steps: usize,
    /// The weight of positives in the loss.
    pub pos_weight: f64,
    /// Mean loss of the last tenth of the steps.
    pub final_loss: f64,
    /// Quality on dev pairs with the weights that were kept.
    pub kept: Option<PairQuality>,
    /// The step after which the kept weights stood.
    pub kept_step: usize,
}

/// Trains a cross-encoder from `folder` (a bare encoder gets a fresh head) on `data`; it comes back with the weights that
/// had the best dev average precision (the last ones where there are no dev pairs). `seed` decides the head, the order
/// and the dropout: the same seed, data, settings and number of threads give the same weights. `progress` hears
/// each step and the number of steps.
///
/// # Errors
/// When a setting makes no sense, the folder is not sound, the loss stops being a number, or the log cannot be written.
pub fn train(
    folder: ModelFolder,
    data: &TrainingData,
    config: &CrossEncoderConfig,
    seed: u64,
    log: &mut RunLog,
    progress: &mut dyn FnMut(&StepRow, usize),
) -> Result<(CrossEncoder, Summary)> {
    config.validate()?;
    tch::manual_seed(seed as i64);
    let model = CrossEncoder::from_folder(folder.with_max_tokens(config.max_tokens))?;
    let batches: Vec<(usize, Vec<usize>)> = (0..config.epochs)
        .flat_map(|epoch| {
            epoch_batches(data.pairs.len(), config.batch_size, 1, seed, epoch)
                .into_iter()
                .map(move |rows| (epoch, rows))
        })
        .take(config.max_steps.unwrap_or(usize::MAX))
        .collect();
    let steps = batches.len();
    let mut optimizer = Optimizer::new(model.encoder.store(), &config.optimizer, steps)?;
    let pos_weight = match config.pos_weight {
        PosWeight::Auto => data.negatives_per_positive(),
        PosWeight::Fixed(weight) => weight,
    };
    let mut best = BestWeights::new();
    let mut losses = Vec::with_capacity(steps);

    for (done, (epoch, rows)) in batches.iter().enumerate() {
        let step = done + 1;
        let pairs = rows.iter().map(|&row| &data.pairs[row]);
        let labels: Vec<f32> = pairs.clone().map(|pair| pair.label).collect();
        let texts: Vec<(&str, &str)> = pairs
            .map(|p| (p.text.as_str(), p.passage.as_str()))
            .collect();

        let tokens = model.encoder.tokenizer().encode_pairs(&texts)?;
        let logits = model.encoder.forward(&tokens, STEP_BUDGET, true);
        let labels = Tensor::from_slice(&labels).to_device(logits.device());
        let loss = binary_cross_entropy(&logits, &labels, pos_weight);
        let numbers = optimizer.step(&loss)?;

        let row = StepRow {
            step,
            epoch: *epoch,
            loss: loss.double_value(&[]),
            rate: numbers.rate,
            gradient_norm: numbers.gradient_norm,
        };
        losses.push(row.loss);
        log.step(&row)?;
        progress(&row, steps);

        if step % config.evaluate_every == 0 || step == steps {
            let quality = pair_quality(&model, &data.dev)?;
            log.evaluation(step, &quality)?;
            let figure = quality.map_or(0.0, |q| q.average_precision);
            best.offer(step, quality, figure, model.encoder.store());
        }
    }
    let (kept_step, kept) = best.restore(model.encoder.store()).unwrap_or_default();
    let tail = &losses[losses.len() - losses.len().div_ceil(10)..];
    let summary = Summary {
        pairs: data.pairs.len(),
        steps,
        pos_weight,
        final_loss: tail.iter().sum::<f64>() / tail.len().max(1) as f64,
        kept,
        kept_step,
    };
    Ok((model, summary))
}
