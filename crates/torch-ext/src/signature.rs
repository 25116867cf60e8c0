//! What a rank brings to a collective, in numbers that all ranks compare before it.
//!
//! libtorch itself compares nothing: with different shapes gloo hangs or copies past the end.

use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// Numbers of a signature: operation, argument, fitness, kind, device, axes, then the shape.
pub(crate) const LENGTH: usize = 6 + AXES;
/// The most axes of a tensor in a collective.
const AXES: usize = 10;

/// Scalar types that collectives carry; the place in the list is the number in a signature.
const KINDS: [Kind; 8] = [
    Kind::Float,
    Kind::Double,
    Kind::Half,
    Kind::BFloat16,
    Kind::Int64,
    Kind::Int,
    Kind::Uint8,
    Kind::Int8,
];

/// A collective; the place in the list is the number in a signature.
pub(crate) const OPERATIONS: [&str; 6] = [
    "all_reduce",
    "all_gather",
    "all_gather_with_gradient",
    "broadcast",
    "barrier",
    "Ddp::new",
];

/// What an all_reduce computes; the place in the list is the shim's number.
const REDUCTIONS: [&str; 3] = ["sum", "maximum", "minimum"];

/// Why a tensor cannot be sent, if it cannot; the place in the list is the number in a signature.
const PROBLEMS: [&str; 6] = [
    "fits",
    "is not contiguous",
    "is on another device than its rank",
    "has more than 10 axes",
    "is of a kind that collectives do not carry",
    "has no axis to gather along",
];

/// What this rank brings: the operation's number, its argument (such as the root), and the tensor.
pub(crate) fn of(
    operation: usize,
    argument: i64,
    tensor: Option<&Tensor>,
    home: Device,
) -> [i64; LENGTH] {
    let mut numbers = [0; LENGTH];
    numbers[0] = operation as i64;
    numbers[1] = argument;
    let Some(tensor) = tensor else {
        return numbers;
    };
    let shape = tensor.size();
    let kind = KINDS.iter().position(|kind| *kind == tensor.kind());
    let device = tensor.device();
    let gathers = OPERATIONS[operation].starts_with("all_gather");
    numbers[2] = if kind.is_none() {
        4
    } else if device != Device::Cpu && device != home {
        2
    } else if shape.len() > AXES {
        3
    } else if gathers && shape.is_empty() {
        5
    } else if !tensor.is_contiguous() {
        1
    } else {
        0
    };
    numbers[3] = kind.map_or(-1, |kind| kind as i64);
    numbers[4] = i64::from(device.is_cuda());
    numbers[5] = shape.len() as i64;
    for (number, size) in numbers[6..].iter_mut().zip(&shape) {
        *number = *size;
    }
    numbers
}

/// An error unless all ranks brought the same, and it fits. `all` holds the ranks' signatures one after the other; every
/// rank sees the same, and so comes to the same verdict.
pub(crate) fn compare(all: &[i64]) -> Result<()> {
    let ranks: Vec<&[i64]> = all.chunks_exact(LENGTH).collect();
    for (rank, numbers) in ranks.iter().enumerate() {
        let problem = usize::try_from(numbers[2]).unwrap_or(0);
        if problem != 0 {
            return Err(Error::Unfit {
                operation: name(&OPERATIONS, numbers[0]),
                rank: rank as u32,
                problem: name(&PROBLEMS, numbers[2]).to_owned(),
            });
        }
    }
    if ranks.windows(2).all(|pair| pair[0] == pair[1]) {
        return Ok(());
    }
    let words = ranks.iter().enumerate();
    Err(Error::Mismatch {
        ranks: words
            .map(|(rank, numbers)| format!("rank {rank}: {}", in_words(numbers)))
            .collect(),
    })
}

fn in_words(numbers: &[i64]) -> String {
    let operation = name(&OPERATIONS, numbers[0]);
    let axes = usize::try_from(numbers[5]).unwrap_or(0).min(AXES);
    let shape = &numbers[6..6 + axes];
    let kind = usize::try_from(numbers[3])
        .ok()
        .and_then(|kind| KINDS.get(kind));
    let device = if numbers[4] == 1 { "a GPU" } else { "the CPU" };
    let argument = match (operation, numbers[1]) {
        ("broadcast", root) => format!(" from rank {root}"),
        ("all_reduce", number) => format!(" ({})", name(&REDUCTIONS, number)),
        _ => String::new(),
    };
    match kind {
        _ if operation == "barrier" => operation.to_owned(),
        Some(kind) => format!("{operation}{argument} of {kind:?} {shape:?} on {device}"),
        None => format!("{operation}{argument}"),
    }
}

fn name(names: &[&'static str], number: i64) -> &'static str {
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    names.get(number).copied().unwrap_or("something unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(first: [i64; LENGTH], second: [i64; LENGTH]) -> String {
        let all: Vec<i64> = first.into_iter().chain(second).collect();
        compare(&all).map_or_else(|error| error.to_string(), |()| "agree".to_owned())
    }

    #[test]
    fn what_differs_is_told_for_each_rank() {
        let cpu = Device::Cpu;
        let floats = Tensor::zeros([2, 3], (Kind::Float, cpu));
        let doubles = Tensor::zeros([2, 4], (Kind::Double, cpu));
        let sum = |tensor| of(0, 0, Some(tensor), cpu);
        assert_eq!(verdict(sum(&floats), sum(&floats)), "agree");
        assert_eq!(
            verdict(sum(&floats), sum(&doubles)),
            "the ranks do not agree: rank 0: all_reduce (sum) of Float [2, 3] on the CPU; \
             rank 1: all_reduce (sum) of Double [2, 4] on the CPU"
        );
        assert_eq!(
            verdict(sum(&floats), of(4, 0, None, cpu)),
            "the ranks do not agree: rank 0: all_reduce (sum) of Float [2, 3] on the CPU; rank 1: barrier"
        );
        let strided = floats.transpose(0, 1);
        assert_eq!(
            verdict(sum(&floats), sum(&strided)),
            "all_reduce: the tensor on rank 1 is not contiguous"
        );
        let mut on_gpu = sum(&floats);
        on_gpu[4] = 1;
        assert_eq!(
            verdict(on_gpu, sum(&floats)),
            "the ranks do not agree: rank 0: all_reduce (sum) of Float [2, 3] on a GPU; \
             rank 1: all_reduce (sum) of Float [2, 3] on the CPU"
        );
        on_gpu[2] = 2;
        assert_eq!(
            verdict(sum(&floats), on_gpu),
            "all_reduce: the tensor on rank 1 is on another device than its rank"
        );
        let scalar = Tensor::from(1.0);
        assert_eq!(
            verdict(of(1, 0, Some(&scalar), cpu), of(1, 0, Some(&scalar), cpu)),
            "all_gather: the tensor on rank 0 has no axis to gather along"
        );
    }
}
