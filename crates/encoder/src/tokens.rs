//! Texts to token ids.

use std::path::Path;

use tokenizers::{EncodeInput, Encoding, Tokenizer, TruncationParams, TruncationStrategy};

use crate::{Error, Result};

/// One text, or one pair of texts, as the model takes it: special tokens included, truncated, not padded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    ids: Vec<u32>,
    type_ids: Vec<u32>,
}

impl Tokens {
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

    /// The segment of each token.
    pub fn type_ids(&self) -> &[u32] {
        &self.type_ids
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
        // The file may fix a padding or truncation of its own: batches are not padded.
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
}
