//! Token ids, and token ids to padded batches.

use tch::{Device, Kind, Tensor};

use crate::tokenizer::TextTokenizer;

/// One text, or one pair of texts, as the model takes it: special tokens included, truncated, not padded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    ids: Vec<u32>,
    type_ids: Vec<u32>,
}

impl Tokens {
    /// The tokens with these ids, each in the segment that `type_ids` says at its place.
    pub(crate) fn new(ids: Vec<u32>, type_ids: Vec<u32>) -> Self {
        Self { ids, type_ids }
    }

    /// Number of tokens, special tokens included.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no token at all; a BERT tokenizer gives at least its two special tokens.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The token ids, in order.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Which text of a pair each token belongs to: 0 for the first (and for single texts), 1 for the second.
    pub fn type_ids(&self) -> &[u32] {
        &self.type_ids
    }
}

impl TextTokenizer {
    /// A padded batch of the rows of `tokens` that `rows` names, in that order.
    pub fn batch(&self, tokens: &[Tokens], rows: &[usize], device: Device) -> TokenBatch {
        let longest = rows.iter().map(|&row| tokens[row].len()).max().unwrap_or(0);
        let mut ids = Vec::with_capacity(rows.len() * longest);
        let mut type_ids = Vec::with_capacity(rows.len() * longest);
        let mut mask = Vec::with_capacity(rows.len() * longest);
        for &row in rows {
            let tokens = &tokens[row];
            let padding = longest - tokens.len();
            ids.extend(tokens.ids.iter().map(|&id| i64::from(id)));
            ids.extend(std::iter::repeat_n(i64::from(self.pad_id), padding));
            type_ids.extend(tokens.type_ids.iter().map(|&id| i64::from(id)));
            type_ids.extend(std::iter::repeat_n(0, padding));
            mask.extend(std::iter::repeat_n(1i64, tokens.len()));
            mask.extend(std::iter::repeat_n(0i64, padding));
        }
        let padded = mask.contains(&0);
        let shape = [rows.len() as i64, longest as i64];
        let tensor = |values: &[i64]| Tensor::from_slice(values).view(shape).to_device(device);
        TokenBatch {
            ids_bt: tensor(&ids),
            type_ids_bt: tensor(&type_ids),
            mask_bt: tensor(&mask),
            padded,
        }
    }
}

/// A batch as the model takes it: all tensors int64 of shape `[batch, tokens]`.
#[derive(Debug)]
pub struct TokenBatch {
    /// Token ids; the padding id after a row's end.
    pub ids_bt: Tensor,
    /// Segment ids: 0 for the first text of a pair (and for single texts and padding), 1 for the second.
    pub type_ids_bt: Tensor,
    /// 1 at tokens, 0 at padding.
    pub mask_bt: Tensor,
    /// Whether any row is shorter than the longest.
    pub padded: bool,
}

impl TokenBatch {
    /// What attention may look at, `[batch, 1, 1, tokens]` boolean, or `None` when nothing is padding.
    pub(crate) fn attention_mask(&self) -> Option<Tensor> {
        self.padded
            .then(|| self.mask_bt.to_kind(Kind::Bool).unsqueeze(1).unsqueeze(1))
    }
}
