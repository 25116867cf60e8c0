//! The training loop, in the order of the mathematics.

use jobmatch_encoder::{Device, TokenBudget, Tokens};
use jobmatch_training::{BestWeights, Optimizer, RunLog, StepRow, epoch_batches};
use serde::Serialize;
use tch::Tensor;

use crate::loss::multiple_negatives_ranking_loss;
use crate::quality::{RetrievalQuality, retrieval_quality};
use crate::{BiEncoder, BiEncoderConfig, Example, Result, TrainingData};

/// Tokens of one forward pass inside a step: rows of like length share a pass, so little of it is padding.
const STEP_BUDGET: TokenBudget = TokenBudget {
    max_tokens: 1024,
    max_rows: 64,
};

/// What a training came to.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Training positives at hand.
    pub examples: usize,
    /// Optimizer steps taken.
    pub steps: usize,
    /// Mean loss of the last tenth of the steps.
    pub final_loss: f64,
    /// Retrieval on dev queries before the first step.
    pub before: Option<RetrievalQuality>,
    /// Retrieval on dev queries with the weights that were kept.
    pub kept: Option<RetrievalQuality>,
    /// The step after which the kept weights stood.
    pub kept_step: usize,
}

/// Trains `model` on `data` and leaves it with the weights that had the best dev recall@10 (the last ones where there
/// are no dev queries). `seed` decides the order and the dropout: the same seed, data, settings and number of
/// threads give the same weights. `progress` hears each step and the number of steps.
///
/// # Errors
/// When a setting makes no sense, the loss stops being a number, or the log cannot be written.
pub fn train(
    model: &mut BiEncoder,
    data: &TrainingData,
    config: &BiEncoderConfig,
    seed: u64,
    log: &mut RunLog,
    progress: &mut dyn FnMut(&StepRow, usize),
) -> Result<Summary> {
    config.validate()?;
    tch::manual_seed(seed as i64);
    let batches: Vec<(usize, Vec<usize>)> = (0..config.epochs)
        .flat_map(|epoch| {
            epoch_batches(data.examples.len(), config.batch_size, 2, seed, epoch)
                .into_iter()
                .map(move |rows| (epoch, rows))
        })
        .take(config.max_steps.unwrap_or(usize::MAX))
        .collect();
    let steps = batches.len();
    let mut optimizer = Optimizer::new(model.encoder.store(), &config.optimizer, steps)?;

    let before = retrieval_quality(model, &data.dev)?;
    log.evaluation(0, &before)?;
    let mut best = BestWeights::new();
    let mut losses = Vec::with_capacity(steps);

    for (done, (epoch, rows)) in batches.iter().enumerate() {
        let step = done + 1;
        let examples: Vec<&Example> = rows.iter().map(|&row| &data.examples[row]).collect();

        let (queries, passages) = tokenize(model, &examples)?;
        let queries_qd = model.encoder.forward(&queries, STEP_BUDGET, true);
        let passages_pd = model.encoder.forward(&passages, STEP_BUDGET, true);
        let excluded_qp = config
            .mask_known_positives
            .then(|| excluded(data, &examples, queries_qd.device()));
        let loss = multiple_negatives_ranking_loss(
            &queries_qd,
            &passages_pd,
            excluded_qp.as_ref(),
            config.scale,
            config.symmetric,
        );
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
            let quality = retrieval_quality(model, &data.dev)?;
            log.evaluation(step, &quality)?;
            let figure = quality.map_or(0.0, |q| q.recall_at_10);
            best.offer(step, quality, figure, model.encoder.store());
        }
    }
    let (kept_step, kept) = best.restore(model.encoder.store()).unwrap_or_default();
    let tail = &losses[losses.len() - losses.len().div_ceil(10)..];
    Ok(Summary {
        examples: data.examples.len(),
        steps,
        final_loss: tail.iter().sum::<f64>() / tail.len().max(1) as f64,
        before,
        kept,
        kept_step,
    })
}

fn tokenize(model: &BiEncoder, examples: &[&Example]) -> Result<(Vec<Tokens>, Vec<Tokens>)> {
    let prompts = &model.encoder.folder.prompts;
    let queries: Vec<&str> = examples.iter().map(|e| e.query.as_str()).collect();
    let passages: Vec<&str> = examples.iter().map(|e| e.passage.as_str()).collect();
    let tokenizer = model.encoder.tokenizer();
    Ok((
        tokenizer.encode(&prompts.query, &queries)?,
        tokenizer.encode(&prompts.passage, &passages)?,
    ))
}

fn excluded(data: &TrainingData, examples: &[&Example], device: Device) -> Tensor {
    let rows = examples.len() as i64;
    Tensor::from_slice(&data.known.excluded(examples))
        .view([rows, rows])
        .to_device(device)
}
