//! Fresh variables, in the right parameter group and with BERT's initial values.

use tch::nn::{self, Init};
use tch::{Kind, Tensor};

use crate::Result;
use crate::config::BertConfig;

/// Parameter group of the weights that decay while training.
const DECAYED: usize = 0;
/// Parameter group of biases and layer normalizations, which do not decay.
const NOT_DECAYED: usize = 1;

/// Makes variables.
pub(crate) struct Builder<'c> {
    pub(crate) config: &'c BertConfig,
}

impl Builder<'_> {
    fn weights(&self) -> Init {
        Init::Randn {
            mean: 0.0,
            stdev: self.config.initializer_range,
        }
    }

    /// A table `[rows, hidden]`.
    pub(crate) fn embedding(&self, path: nn::Path, rows: i64) -> Tensor {
        path.set_group(DECAYED)
            .var("weight", &[rows, self.config.hidden_size], self.weights())
    }

    /// Weight and bias of a linear layer.
    pub(crate) fn linear(&self, path: &nn::Path, inputs: i64, outputs: i64) -> (Tensor, Tensor) {
        // They belong to different groups, so they are made one by one.
        let weight =
            path.clone()
                .set_group(DECAYED)
                .var("weight", &[outputs, inputs], self.weights());
        let bias = path
            .clone()
            .set_group(NOT_DECAYED)
            .var("bias", &[outputs], Init::Const(0.0));
        (weight, bias)
    }

    /// A layer normalization over the hidden states.
    pub(crate) fn layer_norm(&self, path: nn::Path) -> Norm {
        let path = path.set_group(NOT_DECAYED);
        let shape = [self.config.hidden_size];
        Norm {
            weight: path.var("weight", &shape, Init::Const(1.0)),
            bias: path.var("bias", &shape, Init::Const(0.0)),
            epsilon: self.config.layer_norm_eps,
        }
    }
}

/// Layer normalization: each row to mean 0 and variance 1, then scaled and shifted.
#[derive(Debug)]
pub(crate) struct Norm {
    weight: Tensor,
    bias: Tensor,
    epsilon: f64,
}

impl Norm {
    pub(crate) fn forward(&self, hidden_th: &Tensor) -> Result<Tensor> {
        let shape = self.weight.size();
        let (weight, bias) = (Some(&self.weight), Some(&self.bias));
        Ok(hidden_th.f_layer_norm(shape, weight, bias, self.epsilon, true)?)
    }

    pub(crate) fn share(&self) -> Self {
        Self {
            weight: self.weight.shallow_clone(),
            bias: self.bias.shallow_clone(),
            epsilon: self.epsilon,
        }
    }

    pub(crate) fn freeze(&self, kind: Kind) -> Self {
        Self {
            weight: frozen(&self.weight, kind),
            bias: frozen(&self.bias, kind),
            epsilon: self.epsilon,
        }
    }
}

/// A copy of a variable that is none.
pub(crate) fn frozen(variable: &Tensor, kind: Kind) -> Tensor {
    variable.detach().to_kind(kind).copy()
}
