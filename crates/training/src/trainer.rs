//! The part of a training that does not depend on what is trained: steps, precision, checkpoints, evaluation.

use std::path::PathBuf;

use jobmatch_torch_ext::{
    AdamW, AdamWConfig, Ddp, DdpConfig, GradScaler, Reduction, RngState, World, clip_gradients,
    deterministic_algorithms,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tch::{Kind, Tensor, nn};

mod backward;

use crate::checkpoints::{Checkpoints, Moments};
use crate::parameters::Parameters;
use crate::plan::{Part, Plan, parts};
use crate::resume::{self, put};
use crate::state::{Best, TrainerState};
use crate::{Error, Position, Result, RunLog, Schedule, StepRow, Stop, TrainerConfig};

/// Below this scale float16 cannot hold the gradients at any rate.
const SMALLEST_SCALE: f64 = 1e-6;

/// Where a training leaves its files; only the first rank uses it.
#[derive(Debug, Clone)]
pub struct Place {
    /// The run log, `log.jsonl`.
    pub log: PathBuf,
    /// The folder of the checkpoints.
    pub checkpoints: PathBuf,
}

/// A training on one rank. All ranks make the same calls in the same order.
///
/// A step is: zero gradients, the parts' [`backward`](Self::backward), [`step`](Self::step), perhaps
/// [`evaluate`](Self::evaluate), [`save_if_due`](Self::save_if_due). Given the same rows, settings, seed, ranks, threads
/// and libtorch, a run that was interrupted anywhere ends with the bytes of one that was not.
#[derive(Debug)]
pub struct Trainer<'w> {
    world: &'w World,
    config: TrainerConfig,
    plan: Plan,
    stop: Stop,
    parameters: Parameters,
    ddp: Ddp,
    adamw: AdamW,
    scaler: Option<GradScaler>,
    schedule: Schedule,
    /// Steps taken.
    done: u64,
    /// What this rank adds to the mean loss of the step, so far.
    loss: Option<Tensor>,
    best: Option<Best>,
    files: Option<(RunLog, Checkpoints)>,
    stopping: bool,
}

/// What a training came to, the same on all ranks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finished<Q> {
    /// Steps taken.
    pub steps: u64,
    /// Mean loss of the last tenth of the steps.
    pub final_loss: Option<f64>,
    /// The evaluation before the first step, if there was one.
    pub before: Option<Q>,
    /// The evaluation of the weights that were kept.
    pub kept: Option<Q>,
    /// The step after which they stood.
    pub kept_step: u64,
}

impl<'w> Trainer<'w> {
    /// Begins to train the variables of `store` that ask for a gradient, or goes on from the newest checkpoint in `place`.
    /// All ranks get the first one's weights. `seed` decides what is drawn while training (dropout), each rank its own.
    ///
    /// # Errors
    /// A setting that makes no sense; a checkpoint that was made with other rows or for another model; ranks that differ.
    pub fn start(
        world: &'w World,
        store: &nn::VarStore,
        config: TrainerConfig,
        plan: Plan,
        seed: u64,
        place: Option<&Place>,
        stop: Stop,
    ) -> Result<Self> {
        config.validate()?;
        deterministic_algorithms(config.deterministic)?;
        let parameters = Parameters::of(store);
        let groups = parameters.groups(config.optimizer.weight_decay);
        let mut adamw = AdamW::new(groups, AdamWConfig::default())?;
        let checkpoints = match place.filter(|_| world.is_first()) {
            Some(place) => {
                let kept = config.keep_checkpoints;
                Some(Checkpoints::open(&place.checkpoints, kept, seed)?)
            }
            None => None,
        };
        let newest = resume::read_newest(world, checkpoints.as_ref(), &parameters)?;
        let ddp = Ddp::new(world, &parameters.in_order_of_use, &DdpConfig::default())?;
        let state = newest.share(world, &mut adamw, &plan, seed)?;
        let device = adamw.device();
        let scaler = match (config.precision.kind(), &state) {
            (
                Some(Kind::Half),
                Some(TrainerState {
                    loss_scale: Some(scale),
                    ..
                }),
            ) => Some(GradScaler::from_state(config.loss_scale, *scale, device)),
            (Some(Kind::Half), _) => Some(GradScaler::new(config.loss_scale, device)?),
            _ => None,
        };
        let log_bytes = state.as_ref().map_or(0, |state| state.log_bytes);
        let files = match (place, checkpoints) {
            (Some(place), Some(checkpoints)) => {
                Some((RunLog::open(&place.log, log_bytes)?, checkpoints))
            }
            _ => None,
        };
        let done = state.as_ref().map_or(0, |state| state.step);
        if done > 0 {
            tracing::info!("going on after step {done} of {}", plan.total_steps);
        }
        Ok(Self {
            world,
            schedule: Schedule::new(&config.optimizer, plan.total_steps),
            config,
            plan,
            stop,
            parameters,
            ddp,
            adamw,
            scaler,
            done,
            loss: None,
            best: state.and_then(|state| state.best),
            files,
            stopping: false,
        })
    }

    /// Whether all steps are taken, or dev has had no better figure for as long as is set.
    pub fn is_done(&self) -> bool {
        let waited = self.best.map_or(0, |best| best.waited);
        let patience = self.config.patience;
        self.done >= self.plan.total_steps || patience.is_some_and(|most| waited >= most)
    }

    /// Steps taken.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Steps in all.
    pub fn total_steps(&self) -> u64 {
        self.plan.total_steps
    }

    /// Where the rows of the next step begin.
    pub fn position(&self) -> Position {
        self.plan.position(self.done)
    }

    /// The parts in which this rank computes a batch of `rows` rows.
    pub fn parts(&self, rows: usize) -> Vec<Part> {
        let (rank, world) = (self.world.rank() as usize, self.world.size() as usize);
        parts(rows, self.config.accumulation, rank, world)
    }

    /// The parameters' gradients and how they are reduced.
    pub fn ddp(&self) -> &Ddp {
        &self.ddp
    }

    /// Takes the step: the gradients are unscaled, clipped, used and made zero. A step that float16 made infinite is
    /// skipped. The row is in the log, and the same on all ranks.
    ///
    /// # Errors
    /// When loss or gradients are not finite (nothing has changed then), or a rank died.
    pub fn step(&mut self) -> Result<StepRow> {
        let found_inf = match &self.scaler {
            Some(scaler) => Some(scaler.unscale(&self.adamw.gradients())?),
            None => None,
        };
        let longest = self.config.optimizer.max_gradient_norm;
        let norm = clip_gradients(&self.adamw.gradients(), longest)?.double_value(&[]);
        let (loss, stopping) = self.agree()?;
        let position = self.position();
        let mut row = StepRow {
            step: self.done + 1,
            epoch: position.epoch,
            loss: finite(loss),
            rate: self.schedule.rate(self.done),
            gradient_norm: finite(norm),
            loss_scale: None,
        };
        let skipped = match (&mut self.scaler, &found_inf) {
            (Some(scaler), Some(found_inf)) => {
                row.loss_scale = Some(scaler.state().scale);
                self.adamw.step(row.rate, Some(found_inf))?;
                scaler.update(found_inf)? && scaler.state().scale >= SMALLEST_SCALE
            }
            _ => false,
        };
        for (what, value) in [("loss", loss), ("gradient norm", norm)] {
            if !value.is_finite() && !skipped {
                return Err(Error::NotFinite {
                    what,
                    value,
                    step: row.step,
                });
            }
        }
        if self.scaler.is_none() {
            self.adamw.step(row.rate, None)?;
        }
        self.adamw.zero_gradients();
        self.done += 1;
        self.stopping = stopping;
        if let Some((log, _)) = &mut self.files {
            log.step(&row)?;
        }
        Ok(row)
    }

    /// The batch's mean loss over all ranks, and whether any of them was asked to stop.
    fn agree(&mut self) -> Result<(f64, bool)> {
        let loss = self.loss.take().map_or(0.0, |loss| loss.double_value(&[]));
        let asked = f64::from(u8::from(self.stop.is_asked()));
        let numbers = Tensor::from_slice(&[loss, asked]);
        self.world.all_reduce(&numbers, Reduction::Sum)?;
        Ok((numbers.double_value(&[0]), numbers.double_value(&[1]) > 0.0))
    }

    /// Evaluates on the first rank, while the others wait as long as it takes, and logs the result, which all get. When
    /// `figure` of it is at least as high as ever before, the weights are kept as the best.
    ///
    /// # Errors
    /// `measure`'s own, which the other ranks hear of; when a file cannot be written.
    pub fn evaluate<Q, E>(
        &mut self,
        measure: impl FnOnce() -> std::result::Result<Q, E>,
        figure: impl Fn(&Q) -> f64,
    ) -> std::result::Result<Q, E>
    where
        Q: Serialize + DeserializeOwned,
        E: From<Error> + From<jobmatch_torch_ext::Error> + std::fmt::Display,
    {
        let (world, done, best) = (self.world, self.done, self.best);
        let is_best =
            |quality: &Q| done > 0 && best.is_none_or(|best| figure(quality) >= best.figure);
        let files = &mut self.files;
        let parameters = &self.parameters;
        let text = world.together(|| -> std::result::Result<Vec<u8>, E> {
            if !world.is_first() {
                return Ok(Vec::new());
            }
            let quality = measure()?;
            if let Some((log, checkpoints)) = files {
                log.evaluation(done, &quality)?;
                if is_best(&quality) {
                    checkpoints.write_best(done, &parameters.names, &parameters.tensors)?;
                }
            }
            Ok(serde_json::to_vec(&quality).map_err(Error::Evaluation)?)
        })?;
        let text = world.broadcast_bytes(&text)?;
        let quality: Q = serde_json::from_slice(&text).map_err(Error::Evaluation)?;
        if is_best(&quality) {
            self.best = Some(Best {
                step: done,
                figure: figure(&quality),
                waited: 0,
            });
        } else if let Some(best) = &mut self.best {
            best.waited += 1;
        }
        Ok(quality)
    }

    /// Writes a checkpoint when one is due: every so many steps, at the end of an epoch, after the last step, and when a
    /// rank was asked to stop. All ranks return when it is whole.
    ///
    /// # Errors
    /// [`Error::Stopped`] after the checkpoint when a rank was asked to stop; when a file cannot be written, on all ranks.
    pub fn save_if_due(&mut self) -> Result<()> {
        let ends_epoch = self.done.is_multiple_of(self.plan.steps_per_epoch);
        let is_time = self.done.is_multiple_of(self.config.checkpoint_every);
        if is_time || ends_epoch || self.is_done() || self.stopping {
            self.save()?;
        }
        if self.stopping && !self.is_done() {
            return Err(Error::Stopped {
                step: self.done,
                steps: self.plan.total_steps,
            });
        }
        Ok(())
    }

    fn save(&mut self) -> Result<()> {
        let random = resume::encode_random(&RngState::of(self.world.device())?)?;
        let random = self.world.gather_bytes(&random)?;
        let world = self.world;
        world.together(|| {
            let Some((log, checkpoints)) = &mut self.files else {
                return Ok(());
            };
            let optimizer = self.adamw.state();
            let state = TrainerState {
                step: self.done,
                data: self.plan.data.clone(),
                log_bytes: log.sync()?,
                best: self.best,
                loss_scale: self.scaler.as_ref().map(GradScaler::state),
                parameter_steps: optimizer.steps,
                random: random
                    .iter()
                    .map(|bytes| resume::decode_random(bytes))
                    .collect::<Result<_>>()?,
            };
            let moments = Moments {
                means: &optimizer.means,
                squares: &optimizer.squares,
            };
            let (names, weights) = (&self.parameters.names, &self.parameters.tensors);
            checkpoints.write(&state, names, weights, &moments)
        })
    }

    /// Puts the best weights back on all ranks and says what the training came to. Without an evaluation the last weights
    /// stay.
    ///
    /// # Errors
    /// When the best weights or the log cannot be read.
    pub fn finish<Q: DeserializeOwned>(mut self) -> Result<Finished<Q>> {
        let best = self.best.map(|best| best.step);
        let world = self.world;
        let summary = world.together(|| -> Result<_> {
            let Some((log, checkpoints)) = &mut self.files else {
                return Ok(serde_json::Value::Null);
            };
            if let Some(step) = best {
                let weights = checkpoints.read_best(step, &self.parameters.names)?;
                put(&self.parameters.tensors, &weights)?;
            }
            log.sync()?;
            let kept = best.map(|step| log.evaluation_at(step)).transpose()?;
            Ok(serde_json::json!([
                log.final_loss()?,
                log.evaluation_at(0)?,
                kept.flatten()
            ]))
        })?;
        let text = serde_json::to_vec(&summary).map_err(Error::Evaluation)?;
        let text = world.broadcast_bytes(&text)?;
        world.broadcast_all(&self.parameters.tensors)?;
        let (final_loss, before, kept) = serde_json::from_slice::<Option<_>>(&text)
            .map_err(Error::Evaluation)?
            .unwrap_or((None, None, None));
        Ok(Finished {
            steps: self.done,
            final_loss,
            before,
            kept,
            kept_step: best.unwrap_or(self.done),
        })
    }
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
