//! Attention without padding in half precision, against float32 on the CPU.

use anyhow::Result;
use jobmatch_torch_ext::variable_length_attention;
use tch::{Device, Kind, Tensor};

use crate::report::Outcome;

const OFFSETS: [i32; 6] = [0, 3, 60, 61, 189, 250];
const HEADS: i64 = 4;
const WIDTH: i64 = 64;
/// Of values about 1 in bfloat16, whose steps there are 0.008.
const BOUND: f64 = 0.03;

fn inputs(device: Device, kind: Kind) -> [Tensor; 3] {
    [0.7, 1.3, 2.1].map(|step| {
        let count = 250 * HEADS * WIDTH;
        let numbers = (Tensor::arange(count, (Kind::Double, Device::Cpu)) * step).sin();
        let shaped = numbers
            .view([250, HEADS, WIDTH])
            .to_kind(kind)
            .to_device(device);
        shaped.set_requires_grad(true)
    })
}

/// The context, and the gradients of the sum of its squares.
fn attend(device: Device, kind: Kind) -> Result<[Tensor; 4]> {
    let inputs = inputs(device, kind);
    let [query, key, value] = &inputs;
    let context = variable_length_attention(query, key, value, &OFFSETS, 0.0)?;
    let loss = context.to_kind(Kind::Float).square().sum(Kind::Float);
    loss.f_backward()?;
    let plain = |tensor: Tensor| tensor.detach().to_device(Device::Cpu).to_kind(Kind::Float);
    Ok([
        plain(context),
        plain(query.grad()),
        plain(key.grad()),
        plain(value.grad()),
    ])
}

fn compare(device: Device, which: std::ops::Range<usize>) -> Result<Outcome> {
    let exact = attend(Device::Cpu, Kind::Float)?;
    let mut figures = Vec::new();
    let mut largest: f64 = 0.0;
    for kind in [Kind::BFloat16, Kind::Half] {
        let ours = attend(device, kind)?;
        let difference = which
            .clone()
            .map(|at| (&ours[at] - &exact[at]).abs().max().double_value(&[]))
            .fold(0.0, f64::max);
        largest = largest.max(difference);
        figures.push(format!("{kind:?} {difference:.1e}"));
    }
    let how = if device.is_cuda() {
        ""
    } else {
        " (on the CPU)"
    };
    Ok(Outcome::judged(
        format!("{}{how}", figures.join(", ")),
        format!("{BOUND} from float32"),
        largest <= BOUND,
    ))
}

pub fn values(device: Device) -> Result<Outcome> {
    compare(device, 0..1)
}

pub fn gradients(device: Device) -> Result<Outcome> {
    compare(device, 1..4)
}
