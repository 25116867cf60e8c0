//! Token ids.

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

    /// A text of given token ids, all of segment 0.
    pub fn from_ids(ids: Vec<u32>) -> Self {
        Self {
            type_ids: vec![0; ids.len()],
            ids,
        }
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
