//! A linear layer inside the encoder: variables that are trained, or a frozen copy of them.

use jobmatch_torch_ext::{Activation, FrozenLinear, LinearFormat, linear};
use tch::{Tensor, nn};

use crate::Result;
use crate::builder::Builder;

/// A linear layer. Several layers over the same input are computed as one, their outputs side by side.
#[derive(Debug)]
pub(crate) enum Projection {
    /// Variables: weights `[out, in]` and biases `[out]`.
    Trained {
        weights: Vec<Tensor>,
        biases: Vec<Tensor>,
    },
    /// For inference alone.
    Frozen(FrozenLinear),
}

impl Projection {
    /// Makes the variables of the layers under `paths`, each `inputs` to `outputs`.
    pub(crate) fn new(build: &Builder, paths: &[nn::Path], inputs: i64, outputs: i64) -> Self {
        let made = paths.iter().map(|path| build.linear(path, inputs, outputs));
        let (weights, biases) = made.unzip();
        Self::Trained { weights, biases }
    }

    /// `activation(input · weightᵀ + bias)`, `[rows, in]` to `[rows, out]`.
    pub(crate) fn forward(&self, input: &Tensor, activation: Option<Activation>) -> Result<Tensor> {
        match self {
            Self::Frozen(layer) => Ok(layer.forward(input, activation)?),
            Self::Trained { weights, biases } => {
                let product = linear(input, &joined(weights), Some(&joined(biases)))?;
                Ok(activation.map_or(product.shallow_clone(), |a| a.apply(&product)))
            }
        }
    }

    /// `dropout(input · weightᵀ + bias) + residual`; a frozen layer knows no dropout.
    pub(crate) fn forward_onto(
        &self,
        input: &Tensor,
        residual: &Tensor,
        dropout: f64,
        train: bool,
    ) -> Result<Tensor> {
        match self {
            Self::Frozen(layer) => Ok(layer.forward_plus(input, residual)?),
            Self::Trained { .. } => {
                let product = self.forward(input, None)?;
                Ok(product.f_dropout(dropout, train)?.f_add(residual)?)
            }
        }
    }

    /// A frozen copy; of a frozen layer there is none.
    pub(crate) fn freeze(&self, format: LinearFormat) -> Result<Self> {
        match self {
            Self::Frozen(_) => Err(crate::Error::Frozen),
            Self::Trained { weights, biases } => Ok(Self::Frozen(tch::no_grad(|| {
                FrozenLinear::new(&joined(weights), Some(&joined(biases)), format)
            })?)),
        }
    }

    /// The same frozen layer, for another thread.
    pub(crate) fn share(&self) -> Option<Self> {
        match self {
            Self::Frozen(layer) => Some(Self::Frozen(layer.share())),
            Self::Trained { .. } => None,
        }
    }
}

fn joined(tensors: &[Tensor]) -> Tensor {
    match tensors {
        [one] => one.shallow_clone(),
        many => Tensor::cat(many, 0),
    }
}
