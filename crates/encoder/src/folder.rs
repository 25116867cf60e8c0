//! Model folders as Hugging Face transformers and sentence-transformers lay them out: found, read, written.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tch::nn;

use crate::config::BertConfig;
use crate::pooling::{Pooling, PoolingMode};
use crate::weights::save_weights;
use crate::{Error, Result};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const TOKENIZER: &str = "tokenizer.json";
const MODULES: &str = "modules.json";
const SENTENCE_CONFIG: &str = "sentence_bert_config.json";
const PROMPTS: &str = "config_sentence_transformers.json";
/// What jobmatch itself has to remember about a model it trained.
const METADATA: &str = "jobmatch.json";
/// Files that make up a tokenizer; copied as they are.
const TOKENIZER_FILES: [&str; 4] = [
    TOKENIZER,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
];
/// Models that may be asked for by name, and where the hub keeps them.
const NAMED_MODELS: [(&str, &str); 3] = [
    ("minilm", "sentence-transformers/all-MiniLM-L6-v2"),
    ("e5-base-v2", "intfloat/e5-base-v2"),
    ("ms-marco-minilm", "cross-encoder/ms-marco-MiniLM-L6-v2"),
];

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
}

/// Where the model called `name` lies: a folder (or a stage's output that holds one in `model/`), or one of the
/// known names in the cache (`JOBMATCH_CACHE`, else the XDG cache folder).
///
/// # Errors
/// When there is no such folder, with the places looked at and what to do.
pub fn resolve_model(name: &str) -> Result<PathBuf> {
    let folder = Path::new(name);
    if folder.is_dir() {
        let inner = folder.join("model");
        let holds_inner = !folder.join(CONFIG).exists() && inner.join(CONFIG).exists();
        return Ok(if holds_inner {
            inner
        } else {
            folder.to_path_buf()
        });
    }
    let unknown = |hint: String| Error::UnknownModel {
        name: name.to_owned(),
        hint,
    };
    let Some((_, repository)) = NAMED_MODELS.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = NAMED_MODELS.iter().map(|(known, _)| *known).collect();
        return Err(unknown(format!(
            "there is no such folder, and the known names are {}",
            known.join(", ")
        )));
    };
    let cached = cache_folder()
        .ok_or_else(|| {
            unknown("set JOBMATCH_CACHE or HOME to say where models are kept".to_owned())
        })?
        .join("models")
        .join(name);
    if cached.is_dir() {
        return Ok(cached);
    }
    let way = if name == "minilm" {
        "run `cargo xtask setup`".to_owned()
    } else {
        format!("put the files of {repository} there, or give the folder that holds them")
    };
    Err(unknown(format!("{} is not there; {way}", cached.display())))
}

fn cache_folder() -> Option<PathBuf> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("JOBMATCH_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("jobmatch")))
        .or_else(|| set("HOME").map(|home| home.join(".cache").join("jobmatch")))
}

/// A model folder that has been read and checked, all but its weights.
#[derive(Debug, Clone)]
pub struct ModelFolder {
    dir: PathBuf,
    config: BertConfig,
    config_json: Value,
    pooling: Pooling,
    max_tokens: usize,
    /// What stands before queries and passages; a trainer may set it before it writes.
    pub prompts: Prompts,
    /// What jobmatch remembers; a trainer sets it before it writes.
    pub metadata: Metadata,
}

#[derive(Deserialize)]
struct Module {
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

impl ModelFolder {
    /// Opens the model called `name` (see [`resolve_model`]).
    ///
    /// # Errors
    /// A missing file, or one that says what is not supported, is named.
    pub fn open(name: &str) -> Result<Self> {
        let dir = resolve_model(name)?;
        for file in [CONFIG, WEIGHTS, TOKENIZER] {
            if !dir.join(file).is_file() {
                return Err(Error::MissingFile {
                    hint: missing_hint(&dir, file),
                    folder: dir,
                    file: file.to_owned(),
                });
            }
        }
        let config_path = dir.join(CONFIG);
        let config_json: Value = read_json(&config_path)?;
        let invalid = |reason: String| Error::Config {
            path: config_path.clone(),
            reason,
        };
        let config: BertConfig = serde_json::from_value(config_json.clone())
            .map_err(|error| invalid(error.to_string()))?;
        if let Some(problem) = config.problem() {
            return Err(invalid(problem));
        }
        Ok(Self {
            pooling: read_pooling(&dir)?,
            max_tokens: read_max_tokens(&dir, &config)?,
            prompts: read_prompts(&dir, name)?,
            metadata: read_optional(&dir.join(METADATA))?.unwrap_or_default(),
            dir,
            config,
            config_json,
        })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
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

    /// The weights file.
    pub fn weights(&self) -> PathBuf {
        self.dir.join(WEIGHTS)
    }

    /// The tokenizer file.
    pub fn tokenizer(&self) -> PathBuf {
        self.dir.join(TOKENIZER)
    }

    /// `blake3:` and the hash over the files that decide the model's numbers: configuration, weights, tokenizer,
    /// pooling, prompts and passage template. Two folders with the same fingerprint give the same embeddings.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn fingerprint(&self) -> Result<String> {
        let mut hasher = blake3::Hasher::new();
        for file in [CONFIG, WEIGHTS, TOKENIZER] {
            let path = self.dir.join(file);
            let hash = blake3::Hasher::new()
                .update_mmap_rayon(&path)
                .map_err(Error::io("read", &path))?
                .finalize();
            hasher.update(hash.as_bytes());
        }
        let settings = format!(
            "{:?} {:?} {} {:?}",
            self.pooling, self.prompts, self.max_tokens, self.metadata
        );
        hasher.update(settings.as_bytes());
        Ok(format!("blake3:{}", hasher.finalize().to_hex()))
    }

    /// Writes a bi-encoder folder that sentence-transformers loads unchanged.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_sentence_encoder(&self, store: &nn::VarStore, target: &Path) -> Result<()> {
        self.write_base(
            store,
            target,
            &self.config_with(&json!({"architectures": [self.architectures()[0]]})),
        )?;
        let mut modules = vec![("", "Transformer"), ("1_Pooling", "Pooling")];
        if self.pooling.normalize {
            modules.push(("2_Normalize", "Normalize"));
        }
        let modules: Vec<Value> = modules
            .into_iter()
            .enumerate()
            .map(|(index, (path, kind))| {
                json!({"idx": index, "name": index.to_string(), "path": path,
                       "type": format!("sentence_transformers.models.{kind}")})
            })
            .collect();
        write_json(&target.join(MODULES), &modules)?;
        let pooling = self.pooling.to_json(self.config.hidden_size);
        write_json(&target.join("1_Pooling").join(CONFIG), &pooling)?;
        if self.pooling.normalize {
            write_json(&target.join("2_Normalize").join(CONFIG), &json!({}))?;
        }
        let sentence = json!({"max_seq_length": self.max_tokens, "do_lower_case": false});
        write_json(&target.join(SENTENCE_CONFIG), &sentence)?;
        let Prompts { query, passage } = &self.prompts;
        write_json(
            &target.join(PROMPTS),
            &json!({
                "__version__": {},
                "model_type": "SentenceTransformer",
                // sentence-transformers looks for `document`; E5's own name for it is `passage`.
                "prompts": {"query": query, "passage": passage, "document": passage},
                "default_prompt_name": null,
                "similarity_fn_name": "cosine",
            }),
        )
    }

    /// Writes a cross-encoder folder of one logit that sentence-transformers' `CrossEncoder` loads unchanged. Its
    /// `predict` then applies a sigmoid, so its scores are probabilities as ours are.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_pair_encoder(&self, store: &nn::VarStore, target: &Path) -> Result<()> {
        let config = self.config_with(&json!({
            "architectures": [self.architectures()[1]],
            "id2label": {"0": "LABEL_0"},
            "label2id": {"LABEL_0": 0},
            "sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid"},
        }));
        self.write_base(store, target, &config)?;
        // CrossEncoder takes its length from the tokenizer's configuration.
        let path = target.join("tokenizer_config.json");
        let mut tokenizer: Value = read_optional(&path)?.unwrap_or_else(|| json!({}));
        tokenizer["model_max_length"] = json!(self.max_tokens);
        write_json(&path, &tokenizer)
    }

    /// The same folder with inputs cut to `max_tokens` tokens (at most the number of positions).
    #[must_use]
    pub fn with_max_tokens(mut self, max_tokens: usize) -> Self {
        self.max_tokens = max_tokens.min(self.config.max_tokens());
        self
    }

    fn architectures(&self) -> [String; 2] {
        self.config.family().architectures(&self.config.model_type)
    }

    fn config_with(&self, changes: &Value) -> Value {
        let mut config = self.config_json.clone();
        if let (Some(config), Some(changes)) = (config.as_object_mut(), changes.as_object()) {
            // Where the weights once came from says nothing about this folder, and may be somebody's path.
            config.remove("_name_or_path");
            config.extend(changes.clone());
        }
        config
    }

    fn write_base(&self, store: &nn::VarStore, target: &Path, config: &Value) -> Result<()> {
        std::fs::create_dir_all(target).map_err(Error::io("create", target))?;
        for file in TOKENIZER_FILES {
            let source = self.dir.join(file);
            if source.is_file() {
                std::fs::copy(&source, target.join(file)).map_err(Error::io("copy", &source))?;
            }
        }
        write_json(&target.join(CONFIG), config)?;
        write_json(&target.join(METADATA), &self.metadata)?;
        save_weights(store, &target.join(WEIGHTS))
    }
}

fn missing_hint(dir: &Path, file: &str) -> String {
    if file == WEIGHTS && dir.join("pytorch_model.bin").is_file() {
        return "pytorch_model.bin holds a pickle, which can run code and is not read; convert it once in Python: \
                `AutoModel.from_pretrained(FOLDER).save_pretrained(FOLDER, safe_serialization=True)`"
            .to_owned();
    }
    if file == TOKENIZER && dir.join("vocab.txt").is_file() {
        return "make it once from vocab.txt in Python: `AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)`"
            .to_owned();
    }
    "is it a Hugging Face model folder, and whole?".to_owned()
}

/// Pooling as `modules.json` says it; mean and unit length where there is no such file.
fn read_pooling(dir: &Path) -> Result<Pooling> {
    let path = dir.join(MODULES);
    let Some(modules) = read_optional::<Vec<Module>>(&path)? else {
        return Ok(Pooling {
            mode: PoolingMode::Mean,
            normalize: true,
        });
    };
    let mut pooling = Pooling {
        mode: PoolingMode::Mean,
        normalize: false,
    };
    for module in modules {
        match module.kind.rsplit('.').next().unwrap_or_default() {
            "Transformer" => {}
            "Normalize" => pooling.normalize = true,
            "Pooling" => {
                let path = dir.join(&module.path).join(CONFIG);
                pooling.mode = Pooling::mode_from_json(&read_json(&path)?)
                    .map_err(|reason| Error::Config { path, reason })?;
            }
            other => {
                return Err(Error::Config {
                    path,
                    reason: format!(
                        "module `{other}`; Transformer, Pooling and Normalize are supported"
                    ),
                });
            }
        }
    }
    Ok(pooling)
}

/// The shortest of the limits that the folder names: positions, `max_seq_length`, `model_max_length`.
fn read_max_tokens(dir: &Path, config: &BertConfig) -> Result<usize> {
    let named = |file: &str, key: &str| -> Result<Option<usize>> {
        let json: Option<Value> = read_optional(&dir.join(file))?;
        // Tokenizers write 1e30 for "no limit", which is not an integer.
        Ok(json
            .and_then(|json| json.get(key)?.as_u64())
            .map(|n| usize::try_from(n).unwrap_or(usize::MAX)))
    };
    let positions = config.max_tokens();
    let sentence = named(SENTENCE_CONFIG, "max_seq_length")?.unwrap_or(usize::MAX);
    let tokenizer = named("tokenizer_config.json", "model_max_length")?.unwrap_or(usize::MAX);
    let max_tokens = positions.min(sentence).min(tokenizer);
    if max_tokens < 8 {
        return Err(Error::Config {
            path: dir.join(SENTENCE_CONFIG),
            reason: format!("inputs are cut to {max_tokens} tokens; at least 8 are needed"),
        });
    }
    Ok(max_tokens)
}

fn read_prompts(dir: &Path, name: &str) -> Result<Prompts> {
    let json: Option<Value> = read_optional(&dir.join(PROMPTS))?;
    let saved = json.as_ref().and_then(|json| json.get("prompts"));
    let prompt = |names: &[&str]| -> Option<String> {
        names
            .iter()
            .find_map(|name| saved?.get(*name)?.as_str())
            .map(str::to_owned)
    };
    let query = prompt(&["query"]);
    let passage = prompt(&["passage", "document", "corpus"]);
    if query.is_none() && passage.is_none() && is_e5(name, dir) {
        return Ok(Prompts::e5());
    }
    Ok(Prompts {
        query: query.unwrap_or_default(),
        passage: passage.unwrap_or_default(),
    })
}

/// E5's own folders do not hold their prefixes: they are known by name.
fn is_e5(name: &str, dir: &Path) -> bool {
    let folder = dir.file_name().unwrap_or_default().to_string_lossy();
    [name, folder.as_ref()].iter().any(|name| {
        name.to_lowercase()
            .split(['/', '-', '_'])
            .any(|part| part == "e5")
    })
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    serde_json::from_slice(&bytes).map_err(|error| Error::Config {
        path: path.to_path_buf(),
        reason: error.to_string(),
    })
}

fn read_optional<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    if path.is_file() {
        read_json(path).map(Some)
    } else {
        Ok(None)
    }
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
    }
    let mut text = serde_json::to_string_pretty(value).map_err(|error| Error::Config {
        path: path.to_path_buf(),
        reason: error.to_string(),
    })?;
    text.push('\n');
    std::fs::write(path, text).map_err(Error::io("write", path))
}
