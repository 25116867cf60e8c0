//! Linear layers: with gradients, and frozen for inference.

use std::ffi::c_int;

use jobmatch_torch_ext_sys::{
    C_tensor, tx_has_onednn, tx_linear, tx_linear_pack, tx_linear_packed, tx_quantized_linear,
    tx_quantized_pack,
};
use tch::{Device, Kind, Tensor};

use crate::raw::{check, pointer, tensor_from};
use crate::{Error, Result};

/// Rows for which a weight is laid out; with fewer or more it is nearly as fast.
const TYPICAL_ROWS: i64 = 1024;

/// Elementwise non-linearity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Exact GELU, by the error function.
    Gelu,
    /// GELU by the tanh approximation.
    GeluTanh,
    /// Rectified linear.
    Relu,
}

impl Activation {
    /// The activation of each number; gradients flow.
    pub fn apply(self, values: &Tensor) -> Tensor {
        match self {
            Self::Gelu => values.gelu("none"),
            Self::GeluTanh => values.gelu("tanh"),
            Self::Relu => values.relu(),
        }
    }

    /// The shim's number.
    fn number(activation: Option<Self>) -> c_int {
        match activation {
            None => 0,
            Some(Self::Gelu) => 1,
            Some(Self::GeluTanh) => 2,
            Some(Self::Relu) => 3,
        }
    }
}

/// `input` times the transpose of `weight`, plus `bias`: `[rows, in]`, `[out, in]`, `[out]` to `[rows, out]`, as
/// `torch.nn.functional.linear`. Gradients flow to all three.
///
/// In float32 on the CPU it goes through oneDNN, forward and backward: where libtorch's own linear has only AVX2 (on
/// processors other than Intel's) that is about twice as fast.
///
/// # Errors
/// When libtorch refuses the shapes or kinds.
pub fn linear(input: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    tensor_from("compute a linear layer", |out| unsafe {
        // SAFETY: the tensors live through the call.
        tx_linear(pointer(input), pointer(weight), optional(bias), out)
    })
}

/// How a [`FrozenLinear`] keeps its weight and computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinearFormat {
    /// Input, weight and output in this floating-point kind.
    Float(Kind),
    /// Weight and input in 8-bit integers, float32 in and out; on the CPU. The weight is quantized symmetrically for each
    /// output, the input asymmetrically for each row while it passes, so a row's result does not depend on the other rows.
    Int8,
}

/// A linear layer for inference alone: its weight is laid out as the device computes it fastest, and no gradient flows.
///
/// On the CPU a row's result is the same to the bit whatever rows stand beside it, from [`FrozenLinear::EXACT_ROWS`] rows up.
#[derive(Debug)]
pub struct FrozenLinear {
    weight: Weight,
    bias: Option<Tensor>,
}

#[derive(Debug)]
enum Weight {
    Plain(Tensor),
    Packed(Tensor),
    Int8 {
        packed: Tensor,
        scales: Tensor,
        sums: Tensor,
    },
}

impl FrozenLinear {
    /// From so many rows up a row's result does not depend on the number of rows (seen with oneDNN as libtorch 2.11 has it; a
    /// test asks it).
    pub const EXACT_ROWS: i64 = 16;

    /// Takes a copy of `weight` `[out, in]` and `bias` `[out]`.
    ///
    /// # Errors
    /// [`LinearFormat::Int8`] off the CPU, or libtorch's refusal.
    pub fn new(weight: &Tensor, bias: Option<&Tensor>, format: LinearFormat) -> Result<Self> {
        let on_cpu = weight.device() == Device::Cpu;
        // SAFETY: it asks nothing of memory.
        let has_onednn = unsafe { tx_has_onednn() } == 1;
        let bias_in = |kind: Kind| bias.map(|bias| bias.detach().to_kind(kind).copy());
        match format {
            LinearFormat::Int8 if !on_cpu || !has_onednn => Err(Error::Setting {
                setting: "linear format",
                value: format!("Int8 on {:?}", weight.device()),
                expected: "a floating-point kind; 8-bit integers are for the CPU, with a libtorch that has oneDNN",
            }),
            LinearFormat::Int8 => Ok(Self {
                weight: quantize(weight)?,
                bias: bias_in(Kind::Float),
            }),
            LinearFormat::Float(kind) => {
                let plain = weight.detach().to_kind(kind);
                let packs = matches!(kind, Kind::Float | Kind::BFloat16);
                let weight = if on_cpu && has_onednn && packs {
                    Weight::Packed(tensor_from("lay a weight out", |out| unsafe {
                        // SAFETY: the tensor lives through the call.
                        tx_linear_pack(pointer(&plain), TYPICAL_ROWS, out)
                    })?)
                } else {
                    Weight::Plain(plain.copy())
                };
                Ok(Self {
                    weight,
                    bias: bias_in(kind),
                })
            }
        }
    }

    /// `activation(input · weightᵀ + bias)`: `[rows, in]` to `[rows, out]`.
    ///
    /// # Errors
    /// When libtorch refuses the shape or kind of `input`.
    pub fn forward(&self, input: &Tensor, activation: Option<Activation>) -> Result<Tensor> {
        self.compute(input, activation, None)
    }

    /// `input · weightᵀ + bias + other`, where `other` is `[rows, out]`.
    ///
    /// # Errors
    /// When libtorch refuses the shapes or kinds.
    pub fn forward_plus(&self, input: &Tensor, other: &Tensor) -> Result<Tensor> {
        self.compute(input, None, Some(other))
    }

    /// The same layer over the same memory, for another thread.
    pub fn share(&self) -> Self {
        let weight = match &self.weight {
            Weight::Plain(weight) => Weight::Plain(weight.shallow_clone()),
            Weight::Packed(packed) => Weight::Packed(packed.shallow_clone()),
            Weight::Int8 {
                packed,
                scales,
                sums,
            } => Weight::Int8 {
                packed: packed.shallow_clone(),
                scales: scales.shallow_clone(),
                sums: sums.shallow_clone(),
            },
        };
        Self {
            weight,
            bias: self.bias.as_ref().map(Tensor::shallow_clone),
        }
    }

    fn compute(
        &self,
        input: &Tensor,
        activation: Option<Activation>,
        other: Option<&Tensor>,
    ) -> Result<Tensor> {
        let number = Activation::number(activation);
        let (bias, other_pointer) = (optional(self.bias.as_ref()), optional(other));
        match &self.weight {
            Weight::Plain(weight) => {
                let product = input.f_linear(weight, self.bias.as_ref())?;
                let activated = match activation {
                    Some(activation) => activation.apply(&product),
                    None => product,
                };
                Ok(match other {
                    Some(other) => activated.f_add(other)?,
                    None => activated,
                })
            }
            Weight::Packed(packed) => tensor_from("compute a packed linear layer", |out| unsafe {
                // SAFETY: the tensors live through the call.
                tx_linear_packed(
                    pointer(input),
                    pointer(packed),
                    bias,
                    number,
                    other_pointer,
                    out,
                )
            }),
            Weight::Int8 {
                packed,
                scales,
                sums,
            } => tensor_from("compute a linear layer in int8", |out| unsafe {
                // SAFETY: the tensors live through the call.
                tx_quantized_linear(
                    pointer(input),
                    pointer(packed),
                    pointer(scales),
                    pointer(sums),
                    bias,
                    number,
                    other_pointer,
                    out,
                )
            }),
        }
    }
}

fn quantize(weight: &Tensor) -> Result<Weight> {
    let mut out = [std::ptr::null_mut(); 3];
    let [packed, scales, sums] = &mut out;
    // SAFETY: the tensor lives through the call.
    check("quantize a weight", unsafe {
        tx_quantized_pack(pointer(weight), TYPICAL_ROWS, packed, scales, sums)
    })?;
    // SAFETY: without an error the three are new tensors of ours.
    let [packed, scales, sums] = out.map(|tensor| unsafe { Tensor::from_ptr(tensor) });
    Ok(Weight::Int8 {
        packed,
        scales,
        sums,
    })
}

fn optional(tensor: Option<&Tensor>) -> *mut C_tensor {
    tensor.map_or(std::ptr::null_mut(), pointer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers without a random generator, which all tests of one process share.
    fn numbers(shape: &[i64], step: f64, kind: Kind) -> Tensor {
        let count = shape.iter().product::<i64>();
        (Tensor::arange(count, (Kind::Double, Device::Cpu)) * step)
            .sin()
            .to_kind(kind)
            .view(shape)
    }

    fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
        (a.to_kind(Kind::Double) - b.to_kind(Kind::Double))
            .abs()
            .max()
            .double_value(&[])
    }

    #[test]
    fn products_and_gradients_are_libtorchs() {
        let leaf = |shape: &[i64], step| numbers(shape, step, Kind::Float).set_requires_grad(true);
        let run = |ours: bool| {
            let (x, w, b) = (leaf(&[37, 48], 0.7), leaf(&[24, 48], 1.3), leaf(&[24], 2.1));
            let y = if ours {
                linear(&x, &w, Some(&b)).unwrap()
            } else {
                x.linear(&w, Some(&b))
            };
            (&y * &y).sum(Kind::Float).backward();
            [y.detach(), x.grad(), w.grad(), b.grad()]
        };
        for (ours, theirs) in run(true).iter().zip(run(false)) {
            let scale = theirs.abs().max().double_value(&[]);
            assert!(largest_difference(ours, &theirs) < 2e-6 * scale.max(1.0));
        }
        let double = numbers(&[3, 48], 0.7, Kind::Double);
        let weight = numbers(&[24, 48], 1.3, Kind::Double);
        assert_eq!(linear(&double, &weight, None).unwrap().kind(), Kind::Double);
        assert!(linear(&double, &double.transpose(0, 1), None).is_err());
    }

    #[test]
    fn frozen_layers_give_the_same_numbers() {
        let (x, w, b) = (
            numbers(&[50, 64], 0.7, Kind::Float),
            numbers(&[96, 64], 1.3, Kind::Float),
            numbers(&[96], 2.1, Kind::Float),
        );
        let other = numbers(&[50, 96], 0.3, Kind::Float);
        for (format, within) in [
            (LinearFormat::Float(Kind::Float), 1e-5),
            (LinearFormat::Float(Kind::BFloat16), 0.2),
            (LinearFormat::Int8, 0.15),
        ] {
            let layer = FrozenLinear::new(&w, Some(&b), format).unwrap();
            let kind = match format {
                LinearFormat::Float(kind) => kind,
                LinearFormat::Int8 => Kind::Float,
            };
            let input = x.to_kind(kind);
            let exact = x.linear(&w, Some(&b));
            for activation in [
                None,
                Some(Activation::Gelu),
                Some(Activation::GeluTanh),
                Some(Activation::Relu),
            ] {
                let expected = activation.map_or(exact.shallow_clone(), |a| a.apply(&exact));
                let found = layer.forward(&input, activation).unwrap();
                let difference = largest_difference(&found, &expected);
                assert!(
                    difference < within,
                    "{format:?} {activation:?} {difference}"
                );
            }
            let found = layer.forward_plus(&input, &other.to_kind(kind)).unwrap();
            let difference = largest_difference(&found, &(exact + &other));
            assert!(difference < within, "{format:?} {difference}");
        }
    }

    #[test]
    fn a_row_does_not_depend_on_the_others() {
        for (inputs, outputs) in [(384, 1152), (1536, 384), (32, 96)] {
            let x = numbers(&[700, inputs], 0.7, Kind::Float);
            let w = numbers(&[outputs, inputs], 1.3, Kind::Float);
            for format in [
                LinearFormat::Float(Kind::Float),
                LinearFormat::Float(Kind::BFloat16),
                LinearFormat::Int8,
            ] {
                let layer = FrozenLinear::new(&w, None, format).unwrap();
                let input = match format {
                    LinearFormat::Float(kind) => x.to_kind(kind),
                    LinearFormat::Int8 => x.shallow_clone(),
                };
                let whole = layer.forward(&input, Some(Activation::Gelu)).unwrap();
                for rows in [16, 17, 31, 33, 64, 100, 129, 300, 512, 699] {
                    let part = layer
                        .forward(&input.narrow(0, 1, rows), Some(Activation::Gelu))
                        .unwrap();
                    let same = part.equal(&whole.narrow(0, 1, rows));
                    assert!(same, "{format:?} {inputs} {outputs} {rows}");
                }
            }
        }
    }
}
