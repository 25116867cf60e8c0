//! Attention over sequences of different lengths that stand one after the other, without padding between them.

use jobmatch_torch_ext_sys::{tx_varlen_attention, tx_varlen_attention_cpu};
use tch::{Device, Kind, Tensor};

use crate::raw::{pointer, tensor_from};
use crate::{Error, Result};

/// Scaled dot-product attention inside each sequence. `query`, `key` and `value` are `[tokens, heads, width]`, where the
/// sequences' tokens follow each other; sequence `i` has the tokens from `offsets[i]` up to `offsets[i + 1]`, which is
/// not included. The result is shaped as `query`. Gradients flow; `dropout` is the probability that an attention weight
/// is dropped (0 when not training).
///
/// On CUDA in half or bfloat16 it is libtorch's flash attention. On the CPU in float32, where no gradient is asked for,
/// it is a kernel of our own for many short sequences. All else takes the sequences of equal length that follow each
/// other at once, so order them by length. A sequence's result never depends on the others.
///
/// # Errors
/// When the offsets do not cover the tokens in order, or libtorch refuses the shapes.
pub fn variable_length_attention(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    offsets: &[i32],
    dropout: f64,
) -> Result<Tensor> {
    let tokens = query.size().first().copied().unwrap_or(0);
    let longest = longest(offsets, tokens)?;
    let kind = query.kind();
    if query.device().is_cuda() && matches!(kind, Kind::Half | Kind::BFloat16) {
        let ends = Tensor::from_slice(offsets).to_device(query.device());
        return tensor_from("attend without padding", |out| unsafe {
            // SAFETY: the tensors live through the call.
            tx_varlen_attention(
                pointer(query),
                pointer(key),
                pointer(value),
                pointer(&ends),
                longest,
                dropout,
                out,
            )
        });
    }
    let all = [query, key, value];
    let differentiable = all.iter().any(|each| each.requires_grad());
    let alike = query.dim() == 3
        && all.iter().all(|each| {
            each.size() == query.size() && each.stride() == query.stride() && each.stride()[2] == 1
        });
    let plain = query.device() == Device::Cpu && kind == Kind::Float && dropout == 0.0;
    if plain && alike && !differentiable {
        return tensor_from("attend without padding", |out| unsafe {
            // SAFETY: the tensors and the offsets live through the call.
            tx_varlen_attention_cpu(
                pointer(query),
                pointer(key),
                pointer(value),
                offsets.as_ptr(),
                offsets.len(),
                out,
            )
        });
    }
    by_runs(query, key, value, offsets, dropout)
}

/// The length of the longest sequence.
fn longest(offsets: &[i32], tokens: i64) -> Result<i64> {
    let sound = offsets.first() == Some(&0)
        && offsets.is_sorted()
        && offsets
            .last()
            .is_some_and(|last| i64::from(*last) == tokens);
    if !sound {
        return Err(Error::Setting {
            setting: "offsets",
            value: format!("{offsets:?}"),
            expected: "0, then each sequence's end in rising order, the last one the number of tokens",
        });
    }
    let lengths = offsets.windows(2).map(|pair| i64::from(pair[1] - pair[0]));
    Ok(lengths.max().unwrap_or(0))
}

/// Sequences of equal length that follow each other, at once.
fn by_runs(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    offsets: &[i32],
    dropout: f64,
) -> Result<Tensor> {
    let &[_, heads, width] = query.size().as_slice() else {
        return Err(Error::Setting {
            setting: "query",
            value: format!("shaped {:?}", query.size()),
            expected: "[tokens, heads, width]",
        });
    };
    let lengths: Vec<i64> = offsets
        .windows(2)
        .map(|pair| i64::from(pair[1] - pair[0]))
        .collect();
    let mut first = 0;
    let mut contexts = Vec::new();
    for run in lengths.chunk_by(|a, b| a == b) {
        let (count, length) = (run.len() as i64, run[0]);
        let part = |tensor: &Tensor| -> Result<Tensor> {
            Ok(tensor
                .f_narrow(0, first, count * length)?
                .f_reshape([count, length, heads, width])?
                .f_transpose(1, 2)?)
        };
        if length > 0 {
            let none = None::<&Tensor>;
            let (query, key, value) = (part(query)?, part(key)?, part(value)?);
            let context = Tensor::f_scaled_dot_product_attention(
                &query, &key, &value, none, dropout, false, None, false,
            )?;
            contexts.push(
                context
                    .f_transpose(1, 2)?
                    .f_reshape([count * length, heads, width])?,
            );
        }
        first += count * length;
    }
    match contexts.len() {
        // Nothing to attend to, but still a result with a gradient.
        0 => Ok(query.f_add(key)?.f_add(value)?.contiguous()),
        1 => Ok(contexts.remove(0).contiguous()),
        _ => Ok(Tensor::f_cat(&contexts, 0)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers without a random generator, which all tests of one process share.
    fn numbers(shape: [i64; 3], step: f64) -> Tensor {
        let count = shape.iter().product::<i64>();
        (Tensor::arange(count, (Kind::Double, Device::Cpu)) * step)
            .sin()
            .view(shape)
            .set_requires_grad(true)
    }

    #[test]
    fn each_sequence_attends_to_itself_alone() {
        let (tokens, heads, width) = (9, 2, 4);
        let offsets = [0, 4, 4, 5, 9];
        let inputs = [0.7, 1.3, 2.1].map(|step| numbers([tokens, heads, width], step));
        let [query, key, value] = &inputs;
        let together = variable_length_attention(query, key, value, &offsets, 0.0).unwrap();
        let parts: Vec<Tensor> = offsets
            .windows(2)
            .filter(|pair| pair[0] < pair[1])
            .map(|pair| {
                let part = |tensor: &Tensor| {
                    tensor
                        .narrow(0, i64::from(pair[0]), i64::from(pair[1] - pair[0]))
                        .transpose(0, 1)
                };
                let none = None::<Tensor>;
                Tensor::scaled_dot_product_attention(
                    &part(query),
                    &part(key),
                    &part(value),
                    none,
                    0.0,
                    false,
                    None,
                    false,
                )
                .transpose(0, 1)
            })
            .collect();
        let alone = Tensor::cat(&parts, 0);
        assert!(together.allclose(&alone, 1e-12, 1e-12, false));
        let gradients = |context: &Tensor| {
            Tensor::run_backward(&[context.square().sum(Kind::Double)], &inputs, true, false)
        };
        for (ours, theirs) in gradients(&together).iter().zip(&gradients(&alone)) {
            assert!(ours.allclose(theirs, 1e-12, 1e-12, false));
        }
    }

    #[test]
    fn without_gradients_the_numbers_are_the_same() {
        // Widths and lengths around the sizes of vectors; query, key and value as parts of one tensor.
        for (heads, width) in [(3, 32), (2, 64), (2, 8), (1, 20), (2, 1)] {
            let offsets: Vec<i32> = [1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, 100, 0, 70]
                .iter()
                .scan(0, |end, length| {
                    *end += length;
                    Some(*end)
                })
                .collect();
            let offsets = [vec![0], offsets].concat();
            let tokens = i64::from(offsets[offsets.len() - 1]);
            let count = tokens * 3 * heads * width;
            let numbers = (Tensor::arange(count, (Kind::Double, Device::Cpu)) * 0.7).sin();
            let run = |kind: Kind| {
                let all = numbers.to_kind(kind).view([tokens, 3, heads, width]);
                let [query, key, value] = [0, 1, 2].map(|part| all.select(1, part));
                variable_length_attention(&query, &key, &value, &offsets, 0.0)
                    .unwrap()
                    .to_kind(Kind::Double)
            };
            let difference = (run(Kind::Float) - run(Kind::Double)).abs().max();
            let difference = difference.double_value(&[]);
            assert!(difference < 1e-6, "{heads} heads of {width}: {difference}");
        }
    }

    #[test]
    fn a_sequence_does_not_depend_on_the_others() {
        let numbers = (Tensor::arange(90 * 2 * 32, (Kind::Float, Device::Cpu)) * 0.7).sin();
        let all = numbers.view([90, 2, 32]);
        let attend = |part: &Tensor, offsets: &[i32]| {
            variable_length_attention(part, part, part, offsets, 0.0).unwrap()
        };
        let together = attend(&all, &[0, 33, 50, 90]);
        let alone = attend(&all.narrow(0, 33, 17), &[0, 17]);
        assert!(together.narrow(0, 33, 17).equal(&alone));
    }

    #[test]
    fn nothing_to_attend_to_still_has_a_gradient() {
        let query = numbers([0, 2, 4], 1.0);
        let context = variable_length_attention(&query, &query, &query, &[0], 0.0).unwrap();
        assert_eq!(context.size(), [0, 2, 4]);
        context.sum(Kind::Double).backward();
    }

    #[test]
    fn offsets_that_do_not_cover_the_tokens_are_refused() {
        let query = numbers([3, 1, 2], 1.0);
        for offsets in [&[0, 2][..], &[1, 3], &[0, 2, 1, 3], &[]] {
            assert!(variable_length_attention(&query, &query, &query, offsets, 0.0).is_err());
        }
    }
}
