//! Attention over sequences of different lengths that stand one after the other, without padding between them.

use jobmatch_torch_ext_sys::tx_varlen_attention;
use tch::{Kind, Tensor};

use crate::raw::{pointer, tensor_from};
use crate::{Error, Result};

/// Scaled dot-product attention inside each sequence. `query`, `key` and `value` are `[tokens, heads, width]`, where the
/// sequences' tokens follow each other; sequence `i` has the tokens from `offsets[i]` up to `offsets[i + 1]`, which is
/// not included. The result is shaped as `query`. Gradients flow; `dropout` is the probability that an attention weight
/// is dropped (0 when not training).
///
/// On CUDA in half or bfloat16 it is libtorch's flash attention, and no padding is computed. Elsewhere the sequences are
/// padded to the longest, which gives the same numbers.
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
    let half = matches!(query.kind(), Kind::Half | Kind::BFloat16);
    if query.device().is_cuda() && half {
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
    padded(query, key, value, offsets, longest, dropout)
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

fn padded(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    offsets: &[i32],
    longest: i64,
    dropout: f64,
) -> Result<Tensor> {
    let &[tokens, heads, width] = query.size().as_slice() else {
        return Err(Error::Setting {
            setting: "query",
            value: format!("shaped {:?}", query.size()),
            expected: "[tokens, heads, width]",
        });
    };
    let sequences = offsets.len() as i64 - 1;
    // Token of each place of the padded rows; padding takes the row of zeros that is put after the last token.
    let mut token_of_place = Vec::with_capacity((sequences * longest) as usize);
    let mut place_of_token = Vec::with_capacity(tokens as usize);
    for pair in offsets.windows(2) {
        let (from, to) = (i64::from(pair[0]), i64::from(pair[1]));
        for place in 0..longest {
            if from + place < to {
                place_of_token.push(token_of_place.len() as i64);
                token_of_place.push(from + place);
            } else {
                token_of_place.push(tokens);
            }
        }
    }
    let device = query.device();
    let token_of_place = Tensor::from_slice(&token_of_place).to_device(device);
    let place_of_token = Tensor::from_slice(&place_of_token).to_device(device);
    let mask = token_of_place
        .ne(tokens)
        .f_view([sequences, 1, 1, longest])?;
    let pad = |tensor: &Tensor| -> Result<Tensor> {
        let zeros = Tensor::zeros([1, heads, width], (tensor.kind(), device));
        Ok(Tensor::f_cat(&[tensor, &zeros], 0)?
            .f_index_select(0, &token_of_place)?
            .f_view([sequences, longest, heads, width])?
            .transpose(1, 2))
    };
    let context = Tensor::f_scaled_dot_product_attention(
        &pad(query)?,
        &pad(key)?,
        &pad(value)?,
        Some(&mask),
        dropout,
        false,
        None,
        false,
    )?;
    Ok(context
        .transpose(1, 2)
        .f_reshape([sequences * longest, heads, width])?
        .f_index_select(0, &place_of_token)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

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
    fn offsets_that_do_not_cover_the_tokens_are_refused() {
        let query = numbers([3, 1, 2], 1.0);
        for offsets in [&[0, 2][..], &[1, 3], &[0, 2, 1, 3], &[]] {
            assert!(variable_length_attention(&query, &query, &query, offsets, 0.0).is_err());
        }
    }
}
