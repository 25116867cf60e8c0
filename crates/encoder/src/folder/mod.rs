//! Model folders as Hugging Face transformers and sentence-transformers lay them out: found, read, written.

mod json;
mod names;
mod read;
mod settings;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::BertConfig;
use crate::pair_tokens::PairWindows;
use crate::pooling::Pooling;
use crate::tokenizer_files::effective_json;
use crate::{Error, Result};

pub(crate) use json::read_object;
pub use names::{ModelSources, resolve_model};
pub use settings::Similarity;

pub(crate) const CONFIG: &str = "config.json";
pub(crate) const WEIGHTS: &str = "model.safetensors";
pub(crate) const TOKENIZER: &str = "tokenizer.json";
pub(crate) const VOCABULARY: &str = "vocab.txt";
pub(crate) const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
pub(crate) const SPECIAL_TOKENS: &str = "special_tokens_map.json";
pub(crate) const ADDED_TOKENS: &str = "added_tokens.json";
pub(crate) const MODULES: &str = "modules.json";
/// The names that the first module's settings have had, in the order in which sentence-transformers looks for them.
pub(crate) const SENTENCE_CONFIGS: [&str; 7] = [
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
];
pub(crate) const PROMPTS: &str = "config_sentence_transformers.json";
/// What jobmatch itself has to remember about a model it trained.
const METADATA: &str = "jobmatch.json";
/// Files that make up a tokenizer; fetched where they exist, and copied as they are.
pub(crate) const TOKENIZER_FILES: [&str; 6] = [
    TOKENIZER,
    TOKENIZER_CONFIG,
    SPECIAL_TOKENS,
    ADDED_TOKENS,
    VOCABULARY,
    "sentencepiece.bpe.model",
];
/// Weights in PyTorch's own form, and what to do about them.
pub(crate) const PICKLE: &str = "pytorch_model.bin";
pub(crate) const PICKLE_HINT: &str = "pytorch_model.bin holds a pickle, which can run code and is not read; convert it \
     once in Python: `AutoModel.from_pretrained(FOLDER).save_pretrained(FOLDER, safe_serialization=True)`";

/// What stands before each text of a kind, because the model was trained so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prompts {
    /// Before a query (a job's sentence or a whole job).
    pub query: String,
    /// Before a passage (an attribute's text).
    pub passage: String,
}

impl Prompts {
    /// The prefixes of E5 (Wang et al. 2022, "Text Embeddings by Weakly-Supervised Contrastive Pre-training").
    pub fn e5() -> Self {
        Self {
            query: "query: ".to_owned(),
            passage: "passage: ".to_owned(),
        }
    }
}

/// What jobmatch remembers about a model beside what other libraries read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// How an attribute's passage was written when the model was trained.
    pub passage_template: Option<String>,
    /// How a cross-encoder takes pairs that are longer than it takes at once; absent: they are cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pair_windows: Option<PairWindows>,
}

/// A model folder that has been read and checked, all but its weights.
///
/// Weights are taken as they are, NaN and infinities too: such a model computes NaN, and what reads its numbers says so.
#[derive(Debug, Clone)]
pub struct ModelFolder {
    dir: PathBuf,
    config: BertConfig,
    config_json: Value,
    pooling: Pooling,
    max_tokens: usize,
    tokenizer: &'static str,
    /// All prompts that the folder holds, by name.
    saved_prompts: BTreeMap<String, String>,
    default_prompt: Option<String>,
    similarity: Similarity,
    /// What stands before queries and passages; a trainer may set it before it writes.
    pub prompts: Prompts,
    /// What jobmatch remembers; a trainer sets it before it writes.
    pub metadata: Metadata,
}

impl ModelFolder {
    /// Opens the model called `name` (see [`resolve_model`]).
    ///
    /// # Errors
    /// A missing file, or one that says what is not supported, is named.
    pub fn open(name: &str) -> Result<Self> {
        read::open(&resolve_model(name)?, name)
    }

    /// Opens the model called `name` as `sources` find it (see [`ModelSources::resolve`]).
    ///
    /// # Errors
    /// As [`ModelFolder::open`].
    pub fn open_from(sources: &ModelSources, name: &str) -> Result<Self> {
        read::open(&sources.resolve(name)?, name)
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The configuration file's values.
    #[cfg(feature = "rust-bert")]
    pub(crate) fn config_json(&self) -> &Value {
        &self.config_json
    }

    /// Shape and arithmetic of the encoder.
    pub fn config(&self) -> &BertConfig {
        &self.config
    }

    /// How hidden states become an embedding; mean and unit length where the folder does not say.
    pub fn pooling(&self) -> Pooling {
        self.pooling
    }

    /// Longest input in tokens, special tokens included.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// What the model's folder says should stand before a text that is neither called a query nor a passage
    /// (`default_prompt_name`); empty where it says nothing. As in sentence-transformers, queries and passages have
    /// their own prompts, and none where the folder names none for them.
    pub fn default_prompt(&self) -> &str {
        let named = self.default_prompt.as_ref();
        named
            .and_then(|name| self.saved_prompts.get(name))
            .map_or("", String::as_str)
    }

    /// How embeddings of this model are meant to be compared (`similarity_fn_name`); cosine where it does not say.
    pub fn similarity(&self) -> Similarity {
        self.similarity
    }

    /// The weights file.
    pub fn weights(&self) -> PathBuf {
        self.dir.join(WEIGHTS)
    }

    /// The tokenizer file: `tokenizer.json`, or `vocab.txt` where there is no such file.
    pub fn tokenizer(&self) -> PathBuf {
        self.dir.join(self.tokenizer)
    }

    /// `blake3:` and the hash over the files that decide the model's numbers: configuration, weights, tokenizer,
    /// pooling, prompts, passage template and windows of pairs. Two folders with the same fingerprint give the same embeddings.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn fingerprint(&self) -> Result<String> {
        let mut hasher = blake3::Hasher::new();
        let file = |path: &Path| -> Result<blake3::Hash> {
            Ok(blake3::Hasher::new()
                .update_mmap_rayon(path)
                .map_err(Error::io("read", path))?
                .finalize())
        };
        hasher.update(file(&self.dir.join(CONFIG))?.as_bytes());
        hasher.update(file(&self.weights())?.as_bytes());
        let tokenizer = match effective_json(&self.tokenizer())? {
            Some(json) => blake3::hash(json.as_bytes()),
            None => file(&self.tokenizer())?,
        };
        hasher.update(tokenizer.as_bytes());
        // Windows only where there are some: models that were fingerprinted before there were any keep theirs.
        let settings = format!(
            "{:?} {:?} {} Metadata {{ passage_template: {:?} }}",
            self.pooling, self.prompts, self.max_tokens, self.metadata.passage_template
        );
        hasher.update(settings.as_bytes());
        if let Some(windows) = self.metadata.pair_windows {
            hasher.update(format!(" {windows:?}").as_bytes());
        }
        Ok(format!("blake3:{}", hasher.finalize().to_hex()))
    }

    /// The same folder with inputs cut to `max_tokens` tokens (at most the number of positions).
    #[must_use]
    pub fn with_max_tokens(mut self, max_tokens: usize) -> Self {
        self.max_tokens = max_tokens.min(self.config.max_tokens());
        self
    }
}
