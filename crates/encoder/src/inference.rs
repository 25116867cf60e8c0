//! Models in use: how they compute, and how texts stream through them.

use std::sync::mpsc::sync_channel;

use jobmatch_torch_ext::{FrozenLinear, LinearFormat};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::batching::{TokenBudget, TokenUsage, plan_batches};
use crate::{Error, Result, TokenBatch, Tokens};

/// Texts that are tokenized at once and sorted by length among themselves.
const WINDOW: usize = 4096;

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
    /// Tokens and rows of one pass.
    pub budget: TokenBudget,
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
        } = self.budget;
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

    /// Tokens up to which a pass is filled.
    fn at_least(&self, device: Device) -> usize {
        match device {
            Device::Cpu => FrozenLinear::EXACT_ROWS as usize,
            _ if self.batch_invariant => self.budget.max_tokens,
            _ => 0,
        }
    }
}

/// Runs `inputs` through a model in passes of like length and gives their results in input order: `width` numbers each, row
/// after row. `tokenize` works ahead of `compute`, which gives `[rows, width]` for a batch. Memory beyond the result is that of
/// a few thousand texts. `progress` hears how many are done.
pub(crate) fn run<T: Sync>(
    inputs: &[T],
    width: usize,
    config: &InferenceConfig,
    device: Device,
    tokenize: impl Fn(&[T]) -> Result<Vec<Tokens>> + Send + Sync,
    mut compute: impl FnMut(&TokenBatch) -> Result<Tensor>,
    progress: &mut dyn FnMut(usize),
) -> Result<(Vec<f32>, TokenUsage)> {
    let mut values = vec![0f32; inputs.len() * width];
    let mut usage = TokenUsage::default();
    let mut done = 0;
    let mut window = |first: usize, tokens: Vec<Tokens>| -> Result<()> {
        let lengths: Vec<usize> = tokens.iter().map(Tokens::len).collect();
        usage += TokenUsage::of(&lengths);
        for rows in plan_batches(&lengths, config.budget) {
            let batch = TokenBatch::filled(&tokens, &rows, config.at_least(device), device);
            let used: usize = rows.iter().map(|&row| lengths[row]).sum();
            usage.padding += (batch.tokens() - used) as u64;
            let result = tch::no_grad(|| compute(&batch))?;
            let flat = result
                .to_device(Device::Cpu)
                .to_kind(Kind::Float)
                .contiguous();
            let flat = Vec::<f32>::try_from(flat.f_view(-1)?)?;
            for (vector, &row) in flat.chunks_exact(width).zip(&rows) {
                let at = (first + row) * width;
                values[at..at + width].copy_from_slice(vector);
            }
            done += rows.len();
            progress(done);
        }
        Ok(())
    };
    if inputs.len() <= WINDOW {
        window(0, tokenize(inputs)?)?;
        return Ok((values, usage));
    }
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(1);
        scope.spawn(move || {
            for (number, texts) in inputs.chunks(WINDOW).enumerate() {
                let tokens = tokenize(texts);
                let failed = tokens.is_err();
                // The other side leaves when it fails: then there is nothing left to do here either.
                if sender.send((number * WINDOW, tokens)).is_err() || failed {
                    break;
                }
            }
        });
        for (first, tokens) in receiver {
            window(first, tokens?)?;
        }
        Ok::<_, Error>(())
    })?;
    Ok((values, usage))
}
