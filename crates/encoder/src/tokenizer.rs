//! Texts to token ids.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tokenizers::{
    EncodeInput, Encoding, PostProcessor, Tokenizer, TruncationDirection, TruncationParams,
    TruncationStrategy,
};

use crate::pair_tokens::{Memo, PairTemplate};
use crate::tokenizer_files::{TokenizerFiles, read_tokenizer};
use crate::tokens::Tokens;
use crate::{Error, Result};

/// Which text of a pair is cut when the pair is too long. Single texts are always cut at their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Truncation {
    /// The longer one, and both once they are of one length, as transformers' `truncation=True`.
    #[default]
    LongestFirst,
    /// The first only. A pair whose second text alone leaves it no token is an error.
    OnlyFirst,
    /// The second only. A pair whose first text alone leaves it no token is an error.
    OnlySecond,
}

/// A tokenizer with a fixed truncation length.
#[derive(Debug)]
pub struct TextTokenizer {
    tokenizer: Tokenizer,
    /// The same without truncation, made when it is first asked for.
    uncut: OnceLock<Tokenizer>,
    max_tokens: usize,
    truncation: Truncation,
    segments: bool,
    pairs: Option<PairTemplate>,
    memo: Memo,
    path: PathBuf,
}

impl TextTokenizer {
    /// Reads a `tokenizer.json`, or a BERT `vocab.txt`, with the settings beside it (`tokenizer_config.json`, for
    /// `vocab.txt` also `special_tokens_map.json` and `added_tokens.json`), giving the ids of transformers'
    /// tokenizer. Texts are cut to `max_tokens` tokens, special tokens included; of a pair, as [`Truncation`] says.
    ///
    /// # Errors
    /// When a file cannot be read as a tokenizer, asks for what is not supported, or `max_tokens` leaves no room
    /// beside the special tokens of a pair.
    pub fn from_file(path: &Path, max_tokens: usize) -> Result<Self> {
        let unusable = |source| Error::Tokenizer {
            path: path.to_path_buf(),
            source,
        };
        let TokenizerFiles {
            mut tokenizer,
            segments,
            ..
        } = read_tokenizer(path)?;
        // The file may fix a padding or truncation of its own: batches are not padded.
        tokenizer.with_padding(None);
        // Before lengths are limited: it must see both texts of its pair.
        let _ = tokenizer.with_truncation(None);
        let pairs = PairTemplate::of(&tokenizer);
        tokenizer
            .with_truncation(Some(TruncationParams {
                max_length: max_tokens,
                strategy: TruncationStrategy::LongestFirst,
                direction: TruncationDirection::Right,
                stride: 0,
            }))
            .map_err(unusable)?;
        let special = special_tokens(&tokenizer, true);
        if max_tokens <= special {
            return Err(Error::Config {
                path: path.to_path_buf(),
                reason: format!(
                    "inputs are cut to {max_tokens} tokens, but a pair has {special} special tokens; allow more"
                ),
            });
        }
        Ok(Self {
            pairs,
            tokenizer,
            uncut: OnceLock::new(),
            max_tokens,
            truncation: Truncation::default(),
            segments,
            memo: Memo::default(),
            path: path.to_path_buf(),
        })
    }

    /// The same tokenizer, cutting pairs that are too long as `truncation` says.
    #[must_use]
    pub fn with_truncation(mut self, truncation: Truncation) -> Self {
        self.truncation = truncation;
        self
    }

    /// Which text of a pair is cut.
    pub fn truncation(&self) -> Truncation {
        self.truncation
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

    fn encode_inputs<'s, E>(&self, inputs: Vec<E>) -> Result<Vec<Tokens>>
    where
        E: Into<EncodeInput<'s>> + Send,
    {
        let encodings = self
            .tokenizer
            .encode_batch_fast(inputs, true)
            .map_err(|source| Error::Tokenize { source })?;
        Ok(encodings
            .iter()
            .map(|encoding| self.tokens(encoding))
            .collect())
    }

    /// A model that is not told which text a token belongs to takes all as the first's.
    fn tokens(&self, encoding: &Encoding) -> Tokens {
        let type_ids = if self.segments {
            encoding.get_type_ids().to_vec()
        } else {
            vec![0; encoding.len()]
        };
        Tokens::new(encoding.get_ids().to_vec(), type_ids)
    }

    /// What stands around the texts of a pair.
    pub(crate) fn pair_template(&self) -> Result<&PairTemplate> {
        self.pairs.as_ref().ok_or_else(|| Error::Config {
            path: self.path.clone(),
            reason: "it does not put the two texts of a pair one after the other".to_owned(),
        })
    }

    /// The ids of texts that pairs were made of.
    pub(crate) fn memo(&self) -> &Memo {
        &self.memo
    }

    /// Whether the model is told which text of a pair a token belongs to.
    pub(crate) fn segments(&self) -> bool {
        self.segments
    }

    /// The tokenizer without truncation.
    pub(crate) fn uncut(&self) -> &Tokenizer {
        self.uncut.get_or_init(|| {
            let mut uncut = self.tokenizer.clone();
            // Only a length can be refused, and this takes it away.
            let _ = uncut.with_truncation(None);
            uncut
        })
    }
}

/// Number of special tokens put around one text or a pair.
fn special_tokens(tokenizer: &Tokenizer, pair: bool) -> usize {
    tokenizer
        .get_post_processor()
        .map_or(0, |processor| processor.added_tokens(pair))
}
