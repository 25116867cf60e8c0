//! The training loop, in the order of the mathematics.

use jobmatch_encoder::{InferenceConfig, TokenUsage};
use jobmatch_torch_ext::World;
use jobmatch_training::{Finished, Place, StepRow, Stop, Trainer};
use serde::Serialize;

use crate::objective::{backward, check_dimensions};
use crate::quality::{RetrievalQuality, embed_shares, retrieval_quality};
use crate::{BiEncoderConfig, Error, Result, TrainableBiEncoder, TrainingData};

/// What a training came to.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Training positives at hand.
    pub examples: u64,
    /// Optimizer steps taken.
    pub steps: u64,
    /// Mean loss of the last tenth of the steps.
    pub final_loss: Option<f64>,
    /// Retrieval on dev queries before the first step.
    pub before: Option<RetrievalQuality>,
    /// Retrieval on dev queries with the weights that were kept.
    pub kept: Option<RetrievalQuality>,
    /// The step after which the kept weights stood.
    pub kept_step: u64,
}

/// Trains `model` on `data` and leaves it, on all ranks, with the weights that had the best dev recall@10 (the last ones
/// where there are no dev queries). `seed` decides the dropout, and with it `data` was opened: the same seed, data,
/// settings, ranks and number of threads give the same weights. In `place` lie the log and the checkpoints, from which
/// it goes on. `progress` hears each step, the number of steps, and the tokens of this rank.
///
/// # Errors
/// When a setting makes no sense, the loss stops being a number, a file cannot be written, a rank died, or `stop` was
/// asked for.
#[allow(clippy::too_many_arguments, reason = "each is a thing of its own")]
pub fn train(
    world: &World,
    model: &mut TrainableBiEncoder,
    data: &mut TrainingData,
    config: &BiEncoderConfig,
    seed: u64,
    place: Option<&Place>,
    stop: Stop,
    progress: &mut dyn FnMut(&StepRow, u64, TokenUsage),
) -> Result<Summary> {
    config.validate()?;
    check_dimensions(config, model)?;
    let plan = data.plan(config)?;
    enough_for_all(world, data.examples(), config)?;
    let settings = config.trainer.clone();
    let mut trainer = Trainer::start(
        world,
        model.encoder.store(),
        settings,
        plan,
        seed,
        place,
        stop,
    )?;
    if trainer.done() == 0 {
        evaluate(world, &mut trainer, model, data)?;
    }

    while !trainer.is_done() {
        let batch = data.batch(trainer.position(), config.batch_size)?;
        let mut usage = TokenUsage::default();
        for part in trainer.parts(batch.len()) {
            let known = &data.known;
            usage += backward(world, &mut trainer, model, &batch, &part, known, config)?;
        }
        let row = trainer.step()?;
        progress(&row, trainer.total_steps(), usage);

        if trainer.done().is_multiple_of(config.evaluate_every) || trainer.is_done() {
            evaluate(world, &mut trainer, model, data)?;
        }
        trainer.save_if_due()?;
    }
    let finished: Finished<RetrievalQuality> = trainer.finish()?;
    Ok(Summary {
        examples: data.examples(),
        steps: finished.steps,
        final_loss: finished.final_loss,
        before: finished.before,
        kept: finished.kept,
        kept_step: finished.kept_step,
    })
}

/// Each rank embeds its share of the dev queries and passages; the first one searches.
fn evaluate(
    world: &World,
    trainer: &mut Trainer,
    model: &TrainableBiEncoder,
    data: &TrainingData,
) -> Result<()> {
    let vectors = embed_shares(world, &model.in_use(InferenceConfig::default())?, &data.dev)?;
    let figure = |quality: &Option<RetrievalQuality>| quality.map_or(0.0, |q| q.recall_at_10);
    trainer.evaluate(|| retrieval_quality(&vectors, &data.dev), figure)?;
    Ok(())
}

/// Every rank needs rows in every part, since all gather each other's passages; and a row needs a negative.
fn enough_for_all(world: &World, examples: u64, config: &BiEncoderConfig) -> Result<()> {
    let examples = usize::try_from(examples).unwrap_or(usize::MAX);
    let batch = config.batch_size.min(examples);
    let (ranks, parts) = (world.size() as usize, config.trainer.accumulation);
    if batch / (ranks * parts) >= 2 {
        return Ok(());
    }
    Err(Error::TooManyRanks {
        batch,
        ranks,
        parts,
    })
}
