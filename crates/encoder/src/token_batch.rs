//! Batches of token sequences without padding.

use tch::{Device, Tensor};

use crate::Tokens;

/// A batch as the model takes it: the tokens of its sequences one after the other, without padding. Its tensors are int64 of
/// shape `[tokens]`.
#[derive(Debug)]
pub struct TokenBatch {
    /// Token ids.
    pub ids_t: Tensor,
    /// Segment ids: 0 for the first text of a pair (and for single texts), 1 for the second.
    pub type_ids_t: Tensor,
    /// Each token's place in its sequence, from 0.
    pub places_t: Tensor,
    /// Sequence `i` has the tokens from `offsets[i]` up to `offsets[i + 1]`, which is not included.
    pub offsets: Vec<i32>,
    /// Sequences that count; one that only fills up the batch may follow them.
    rows: usize,
}

impl TokenBatch {
    /// The sequences `rows` names of `tokens`, in that order, on `device`. Sequences of equal length side by side are computed
    /// together, so name them by length.
    pub fn new(tokens: &[Tokens], rows: &[usize], device: Device) -> Self {
        Self::filled(tokens, rows, 0, device)
    }

    /// As [`TokenBatch::new`], with a sequence put last that fills the batch up to `at_least` tokens and is no row of it: some
    /// matrix products compute a row in another way when there are only a few of them.
    pub fn filled(tokens: &[Tokens], rows: &[usize], at_least: usize, device: Device) -> Self {
        let count: usize = rows.iter().map(|&row| tokens[row].len()).sum();
        let filler = at_least.saturating_sub(count);
        let mut ids = Vec::with_capacity(count + filler);
        let mut type_ids = Vec::with_capacity(count + filler);
        let mut places = Vec::with_capacity(count + filler);
        let mut offsets = Vec::with_capacity(rows.len() + 2);
        offsets.push(0);
        for &row in rows {
            let tokens = &tokens[row];
            ids.extend(tokens.ids().iter().map(|&id| i64::from(id)));
            type_ids.extend(tokens.type_ids().iter().map(|&id| i64::from(id)));
            places.extend(0..tokens.len() as i64);
            offsets.push(ids.len() as i32);
        }
        if filler > 0 {
            // Sequences of one token: whatever the model's length is, they fit.
            for _ in 0..filler {
                ids.push(0);
                type_ids.push(0);
                places.push(0);
                offsets.push(ids.len() as i32);
            }
        }
        let tensor = |values: &[i64]| Tensor::from_slice(values).to_device(device);
        Self {
            ids_t: tensor(&ids),
            type_ids_t: tensor(&type_ids),
            places_t: tensor(&places),
            offsets,
            rows: rows.len(),
        }
    }

    /// Sequences that count.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Tokens of all sequences, those that only fill up included.
    pub fn tokens(&self) -> usize {
        self.offsets.last().map_or(0, |&end| end as usize)
    }

    /// The lengths of all sequences, those that only fill up included.
    pub fn lengths(&self) -> impl Iterator<Item = i64> + '_ {
        self.offsets
            .windows(2)
            .map(|pair| i64::from(pair[1] - pair[0]))
    }

    /// The first token of each row: `[rows, hidden]` of `[tokens, hidden]`.
    pub fn first_tokens(&self, hidden_th: &Tensor) -> Tensor {
        let firsts: Vec<i64> = self.offsets[..self.rows]
            .iter()
            .map(|&first| i64::from(first))
            .collect();
        let firsts = Tensor::from_slice(&firsts).to_device(hidden_th.device());
        hidden_th.index_select(0, &firsts)
    }

    /// `compute` of the tokens of rows of equal length that stand side by side, `[rows, length, hidden]` to `[rows, hidden]`, put
    /// together again.
    pub(crate) fn by_runs(
        &self,
        hidden_th: &Tensor,
        compute: impl Fn(&Tensor) -> Tensor,
    ) -> Tensor {
        let lengths: Vec<i64> = self.lengths().take(self.rows).collect();
        let hidden = hidden_th.size()[1];
        let mut first = 0;
        let mut parts = Vec::new();
        for run in lengths.chunk_by(|a, b| a == b) {
            let (rows, length) = (run.len() as i64, run[0]);
            let tokens = hidden_th.narrow(0, first, rows * length);
            parts.push(compute(&tokens.view([rows, length, hidden])));
            first += rows * length;
        }
        match parts.len() {
            0 => Tensor::zeros([0, hidden], (hidden_th.kind(), hidden_th.device())),
            1 => parts.remove(0),
            _ => Tensor::cat(&parts, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    fn rows(lengths: &[u32]) -> Vec<Tokens> {
        lengths
            .iter()
            .map(|&length| Tokens::from_ids((10..10 + length).collect()))
            .collect()
    }

    fn numbers(tensor: &Tensor) -> Vec<i64> {
        Vec::try_from(tensor.contiguous().view(-1)).unwrap()
    }

    #[test]
    fn tokens_follow_each_other() {
        let batch = TokenBatch::new(&rows(&[2, 3, 1]), &[1, 0], Device::Cpu);
        assert_eq!(numbers(&batch.ids_t), [10, 11, 12, 10, 11]);
        assert_eq!(numbers(&batch.places_t), [0, 1, 2, 0, 1]);
        assert_eq!(batch.offsets, [0, 3, 5]);
    }

    #[test]
    fn what_fills_up_is_no_row() {
        let batch = TokenBatch::filled(&rows(&[2, 2, 3]), &[0, 1, 2], 9, Device::Cpu);
        assert_eq!((batch.rows(), batch.tokens()), (3, 9));
        let hidden = Tensor::arange(9, (Kind::Float, Device::Cpu)).view([9, 1]);
        let sums = batch.by_runs(&hidden, |run| run.sum_dim_intlist(1, false, Kind::Float));
        assert_eq!(Vec::<f32>::try_from(sums.view(-1)).unwrap(), [1., 5., 15.]);
        let first = batch.first_tokens(&hidden);
        assert_eq!(Vec::<f32>::try_from(first.view(-1)).unwrap(), [0., 2., 4.]);
    }
}
