//! Models in use: how they compute, and how texts stream through them.

use std::sync::Arc;

use crossbeam::channel::bounded;
use jobmatch_torch_ext::{FrozenLinear, LinearFormat, one_thread_here};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::batching::{TokenBudget, TokenUsage, plan_batches};
use crate::{Error, Result, TokenBatch, Tokens};

/// Texts that are tokenized at once and sorted by length among themselves.
const WINDOW: usize = 4096;
/// From so many passes on they are computed side by side, each by one thread; before that one after the other.
const SIDE_BY_SIDE: usize = 4;

/// The numbers that a model in use computes with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits: the reference's numbers.
    #[default]
    Float32,
    /// 16 bits with float32's range.
    BFloat16,
    /// 16 bits; on a GPU.
    Float16,
    /// Linear layers in 8-bit integers, all else in float32; on the CPU.
    Int8,
}

/// How a model in use computes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InferenceConfig {
    /// The numbers it computes with.
    pub precision: Precision,
    /// Tokens and rows of one pass; absent: what suits the device.
    pub budget: Option<TokenBudget>,
    /// A text's result does not depend, to the bit, on the texts beside it. On the CPU that costs nothing and is always so; on a
    /// GPU each pass is filled up to the budget's tokens.
    pub batch_invariant: bool,
    /// Only so many numbers of an embedding, the first ones, for models trained so (Kusupati et al. 2022, "Matryoshka
    /// Representation Learning"); where the model gives unit vectors they are brought to unit length again.
    pub dimensions: Option<usize>,
}

impl InferenceConfig {
    pub(crate) fn format(&self, device: Device) -> Result<LinearFormat> {
        let unfit = |expected: &str| Error::Setting {
            setting: "precision",
            value: format!("{:?}", self.precision).to_lowercase(),
            expected: expected.to_owned(),
        };
        match (self.precision, device) {
            (Precision::Float32, _) => Ok(LinearFormat::Float(Kind::Float)),
            (Precision::BFloat16, _) => Ok(LinearFormat::Float(Kind::BFloat16)),
            (Precision::Float16, Device::Cpu) => {
                Err(unfit("on the CPU take float32, bfloat16 or int8"))
            }
            (Precision::Float16, _) => Ok(LinearFormat::Float(Kind::Half)),
            (Precision::Int8, Device::Cpu) => Ok(LinearFormat::Int8),
            (Precision::Int8, _) => Err(unfit("on a GPU take float32, bfloat16 or float16")),
        }
    }

    pub(crate) fn check(&self, width: usize) -> Result<()> {
        let TokenBudget {
            max_tokens,
            max_rows,
        } = self.budget.unwrap_or_default();
        for (setting, value) in [("max_tokens", max_tokens), ("max_rows", max_rows)] {
            if value == 0 || value > 1 << 24 {
                return Err(Error::Setting {
                    setting,
                    value: value.to_string(),
                    expected: "it must be at least 1 and at most 16777216".to_owned(),
                });
            }
        }
        match self.dimensions {
            Some(dimensions) if !(1..=width).contains(&dimensions) => Err(Error::Setting {
                setting: "dimensions",
                value: dimensions.to_string(),
                expected: format!("the model has {width}"),
            }),
            _ => Ok(()),
        }
    }

    fn budget(&self, device: Device) -> TokenBudget {
        self.budget.unwrap_or(TokenBudget::of(device))
    }

    /// Tokens up to which a pass is filled.
    fn at_least(&self, device: Device) -> usize {
        match device {
            Device::Cpu => FrozenLinear::EXACT_ROWS as usize,
            _ if self.batch_invariant => self.budget(device).max_tokens,
            _ => 0,
        }
    }
}

/// What a model gives for a batch, `[rows, width]`, on another thread.
pub(crate) type Compute = Box<dyn Fn(&TokenBatch) -> Result<Tensor> + Send>;

/// Runs `inputs` through a model in passes of like length and gives their results in input order: `width` numbers each, row
/// after row. Texts are tokenized ahead, a window of them at a time, so memory beyond the result is that of a few thousand texts.
/// `compute` is this thread's; `others` has more for threads of their own, where passes are to be computed side by side.
/// `progress` hears how many are done.
#[allow(clippy::too_many_arguments, reason = "each is a thing of its own")]
pub(crate) fn run<T: Sync>(
    inputs: &[T],
    width: usize,
    config: &InferenceConfig,
    device: Device,
    tokenize: impl Fn(&[T]) -> Result<Vec<Tokens>> + Sync,
    compute: impl Fn(&TokenBatch) -> Result<Tensor>,
    others: impl FnOnce() -> Vec<Compute>,
    progress: &mut dyn FnMut(usize),
) -> Result<(Vec<f32>, TokenUsage)> {
    let (at_least, budget) = (config.at_least(device), config.budget(device));
    let mut collected = Collected {
        values: vec![0f32; inputs.len() * width],
        usage: TokenUsage::default(),
        width,
        done: 0,
    };
    let passes = |first: usize| -> Result<Vec<Pass>> {
        let last = (first + WINDOW).min(inputs.len());
        let tokens = Arc::new(tokenize(&inputs[first..last])?);
        let lengths: Vec<usize> = tokens.iter().map(Tokens::len).collect();
        let plan = plan_batches(&lengths, budget).into_iter();
        let pass = |rows| Pass {
            tokens: Arc::clone(&tokens),
            rows,
            first,
        };
        Ok(plan.map(pass).collect())
    };
    let mut first_passes = passes(0)?;
    let few = first_passes.len() < SIDE_BY_SIDE && inputs.len() <= WINDOW;
    let others = if few { Vec::new() } else { others() };
    if others.is_empty() {
        // One pass after the other, each by all threads.
        let mut first = 0;
        loop {
            for pass in &first_passes {
                collected.take(pass.run(&compute, at_least, device)?, progress);
            }
            first += WINDOW;
            if first >= inputs.len() {
                return Ok(collected.finish());
            }
            first_passes = passes(first)?;
        }
    }
    std::thread::scope(|scope| {
        let (passes_in, passes_out) = bounded::<Pass>(2 * others.len());
        let (results_in, results_out) = bounded(2 * others.len());
        let feeder_results = results_in.clone();
        let passes = &passes;
        scope.spawn(move || {
            let mut ready = Ok(first_passes);
            // A side that leaves early has failed: then there is nothing left to do here either.
            for next in (WINDOW..inputs.len() + WINDOW).step_by(WINDOW) {
                match std::mem::replace(&mut ready, Ok(Vec::new())) {
                    Ok(window) => {
                        for pass in window {
                            if passes_in.send(pass).is_err() {
                                return;
                            }
                        }
                    }
                    Err(error) => {
                        let _ = feeder_results.send(Err(error));
                        return;
                    }
                }
                if next < inputs.len() {
                    ready = passes(next);
                }
            }
        });
        for compute in others {
            let (passes_out, results_in) = (passes_out.clone(), results_in.clone());
            scope.spawn(move || {
                one_thread_here();
                for pass in passes_out {
                    if results_in
                        .send(pass.run(&compute, at_least, device))
                        .is_err()
                    {
                        return;
                    }
                }
            });
        }
        drop((passes_out, results_in));
        for result in results_out {
            collected.take(result?, progress);
        }
        Ok::<_, Error>(())
    })?;
    Ok(collected.finish())
}

/// Rows of a window that are computed together.
struct Pass {
    tokens: Arc<Vec<Tokens>>,
    rows: Vec<usize>,
    /// Number of the window's first input.
    first: usize,
}

/// A pass's numbers, row after row.
struct PassResult {
    inputs: Vec<usize>,
    values: Vec<f32>,
    usage: TokenUsage,
}

impl Pass {
    fn run(
        &self,
        compute: impl Fn(&TokenBatch) -> Result<Tensor>,
        at_least: usize,
        device: Device,
    ) -> Result<PassResult> {
        let batch = TokenBatch::filled(&self.tokens, &self.rows, at_least, device);
        let tokens: usize = self.rows.iter().map(|&row| self.tokens[row].len()).sum();
        let result = tch::no_grad(|| compute(&batch))?;
        let flat = result
            .to_device(Device::Cpu)
            .to_kind(Kind::Float)
            .contiguous()
            .f_view(-1)?;
        Ok(PassResult {
            inputs: self.rows.iter().map(|row| self.first + row).collect(),
            values: Vec::<f32>::try_from(flat)?,
            usage: TokenUsage {
                tokens: tokens as u64,
                padding: (batch.tokens() - tokens) as u64,
            },
        })
    }
}

struct Collected {
    values: Vec<f32>,
    usage: TokenUsage,
    width: usize,
    done: usize,
}

impl Collected {
    fn take(&mut self, result: PassResult, progress: &mut dyn FnMut(usize)) {
        let vectors = result.values.chunks_exact(self.width);
        for (vector, input) in vectors.zip(&result.inputs) {
            self.values[input * self.width..(input + 1) * self.width].copy_from_slice(vector);
        }
        self.usage += result.usage;
        self.done += result.inputs.len();
        progress(self.done);
    }

    fn finish(self) -> (Vec<f32>, TokenUsage) {
        (self.values, self.usage)
    }
}

/// Threads that compute passes side by side: on the CPU as many as libtorch would use for one operation, on a GPU none.
pub(crate) fn workers(device: Device) -> usize {
    match device {
        Device::Cpu => usize::try_from(tch::get_num_threads()).unwrap_or(1),
        _ => 0,
    }
}
