//! Texts to token ids, and token ids to padded batches.

use std::path::Path;

use tch::{Device, Kind, Tensor};
use tokenizers::{EncodeInput, Encoding, Tokenizer, TruncationParams, TruncationStrategy};

use crate::{Error, Result};

/// One text, or one pair of texts, as the model takes it: special tokens included, truncated, not padded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    ids: Vec<u32>,
    type_ids: Vec<u32>,
}

impl Tokens {
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
}

impl From<&Encoding> for Tokens {
    fn from(encoding: &Encoding) -> Self {
        Self {
            ids: encoding.get_ids().to_vec(),
            type_ids: encoding.get_type_ids().to_vec(),
        }
    }
}

/// A tokenizer with a fixed truncation length.
#[derive(Debug)]
pub struct TextTokenizer {
    tokenizer: Tokenizer,
    pad_id: u32,
    max_tokens: usize,
}

impl TextTokenizer {
    /// Reads a `tokenizer.json`. Texts are cut to `max_tokens` tokens, special tokens included; of a pair, the
    /// longer text is cut first, as transformers' `truncation=True` does.
    ///
    /// # Errors
    /// When the file cannot be read as a tokenizer.
    pub fn from_file(path: &Path, max_tokens: usize) -> Result<Self> {
        let unusable = |source| Error::Tokenizer {
            path: path.to_path_buf(),
            source,
        };
        let mut tokenizer = Tokenizer::from_file(path).map_err(unusable)?;
        // The file may fix a padding or truncation of its own: padding belongs to the batch.
        let pad_id = tokenizer
            .get_padding()
            .map(|padding| padding.pad_id)
            .or_else(|| tokenizer.token_to_id("[PAD]"))
            .unwrap_or(0);
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(Some(TruncationParams {
                max_length: max_tokens,
                strategy: TruncationStrategy::LongestFirst,
                ..TruncationParams::default()
            }))
            .map_err(unusable)?;
        Ok(Self {
            tokenizer,
            pad_id,
            max_tokens,
        })
    }

    /// The length to which texts are cut, in tokens, special tokens included.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Number of different token ids, added tokens included.
    pub fn vocabulary(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    /// Tokens of each text after `prompt` is put before it, in input order, in parallel.
    ///
    /// # Errors
    /// When the tokenizer fails on a text.
    pub fn encode(&self, prompt: &str, texts: &[&str]) -> Result<Vec<Tokens>> {
        if prompt.is_empty() {
            self.encode_inputs(texts.to_vec())
        } else {
            let prompted: Vec<String> =
                texts.iter().map(|text| format!("{prompt}{text}")).collect();
            self.encode_inputs(prompted)
        }
    }

    /// Tokens of each (first, second) pair, in input order, in parallel.
    ///
    /// # Errors
    /// When the tokenizer fails on a pair.
    pub fn encode_pairs(&self, pairs: &[(&str, &str)]) -> Result<Vec<Tokens>> {
        self.encode_inputs(pairs.to_vec())
    }

    fn encode_inputs<'s, E>(&self, inputs: Vec<E>) -> Result<Vec<Tokens>>
    where
        E: Into<EncodeInput<'s>> + Send,
    {
        let encodings = self
            .tokenizer
            .encode_batch_fast(inputs, true)
            .map_err(|source| Error::Tokenize { source })?;
        Ok(encodings.iter().map(Tokens::from).collect())
    }

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
