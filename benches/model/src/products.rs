use std::time::Instant;

use jobmatch_torch_ext::{FrozenLinear, LinearFormat};
use tch::{Device, Kind, Tensor};

/// The size of an encoder.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Transformer layers.
    pub layers: u64,
    /// Width of a hidden state.
    pub hidden: u64,
    /// Width inside a feed-forward block.
    pub inner: u64,
}

impl Shape {
    /// Floating point operations of one forward pass over sequences of these lengths: two for each weight of a linear layer and
    /// token, and 4 · length · hidden for each layer and token of attention.
    pub fn flops(&self, lengths: impl IntoIterator<Item = u64>) -> f64 {
        let weights = 4 * self.hidden * self.hidden + 2 * self.hidden * self.inner;
        let of = |length: u64| self.layers * length * (2 * weights + 4 * length * self.hidden);
        lengths.into_iter().map(of).sum::<u64>() as f64
    }
}

/// Floating point operations per second of the bare linear layers of `shape` over `rows` rows: the best of many rounds.
///
/// # Errors
/// When libtorch fails.
pub fn product_rate(shape: Shape, rows: i64, format: LinearFormat) -> anyhow::Result<f64> {
    let (hidden, inner) = (shape.hidden as i64, shape.inner as i64);
    let kind = match format {
        LinearFormat::Float(kind) => kind,
        LinearFormat::Int8 => Kind::Float,
    };
    let mut layers = Vec::new();
    for (inputs, outputs) in [
        (hidden, 3 * hidden),
        (hidden, hidden),
        (hidden, inner),
        (inner, hidden),
    ] {
        let weight = Tensor::randn([outputs, inputs], (Kind::Float, Device::Cpu));
        let input = Tensor::randn([rows, inputs], (kind, Device::Cpu));
        layers.push((FrozenLinear::new(&weight, None, format)?, input));
    }
    let flops = 2 * rows * (4 * hidden * hidden + 2 * hidden * inner);
    let mut best = 0f64;
    for _ in 0..50 {
        let begun = Instant::now();
        for (layer, input) in &layers {
            let _ = layer.forward(input, None)?;
        }
        best = best.max(flops as f64 / begun.elapsed().as_secs_f64());
    }
    Ok(best)
}
