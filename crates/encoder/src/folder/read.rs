//! Reading a model folder.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::json::{Presence, presence, read_json, read_object, read_optional};
use super::{
    CONFIG, METADATA, MODULES, ModelFolder, PICKLE, PICKLE_HINT, PROMPTS, Prompts,
    SENTENCE_CONFIGS, TOKENIZER, TOKENIZER_CONFIG, VOCABULARY, WEIGHTS, settings,
};
use crate::config::BertConfig;
use crate::pooling::{Pooling, PoolingMode};
use crate::tokenizer_files::lowercases;
use crate::{Error, Result};

/// Opens the folder `dir`, which was asked for as `name`.
pub(super) fn open(dir: &Path, name: &str) -> Result<ModelFolder> {
    let dir = dir.to_path_buf();
    for file in [CONFIG, WEIGHTS] {
        if presence(&dir.join(file))? == Presence::Absent {
            return Err(missing(dir, file));
        }
    }
    let tokenizer = tokenizer_file(&dir)?;
    let config_path = dir.join(CONFIG);
    let config_json: Value = read_json(&config_path)?;
    settings::model_config(&config_path, &config_json)?;
    let invalid = |reason: String| Error::Config {
        path: config_path.clone(),
        reason,
    };
    let config: BertConfig = serde_json::from_value(config_json.clone())
        .map_err(|error| invalid(format!("{error}; fetch or save the folder again")))?;
    if let Some(problem) = config.problem() {
        return Err(invalid(problem));
    }
    if tokenizer == VOCABULARY {
        check_vocabulary(&dir.join(tokenizer), config.vocab_size)?;
    }
    let library = match read_object(&dir.join(PROMPTS))? {
        Some(fields) => settings::library(&dir, fields)?,
        None => settings::Library::default(),
    };
    Ok(ModelFolder {
        pooling: read_pooling(&dir)?,
        max_tokens: read_max_tokens(&dir, &config, tokenizer)?,
        prompts: prompts(&library, name, &dir),
        metadata: read_optional(&dir.join(METADATA))?.unwrap_or_default(),
        saved_prompts: library.prompts,
        default_prompt: library.default_prompt,
        similarity: library.similarity,
        tokenizer,
        dir,
        config,
        config_json,
    })
}

fn missing(folder: PathBuf, file: &str) -> Error {
    let hint = if file == WEIGHTS && folder.join(PICKLE).is_file() {
        PICKLE_HINT.to_owned()
    } else if file == WEIGHTS && folder.join("model.safetensors.index.json").is_file() {
        "its weights are cut into several files; save them as one in Python: \
         `AutoModel.from_pretrained(FOLDER).save_pretrained(FOLDER, max_shard_size=\"100GB\")`"
            .to_owned()
    } else if folder.join("0_Transformer").join(file).is_file() {
        "it lies in 0_Transformer, as old sentence-transformers wrote it; load and save the folder once in Python: \
         `SentenceTransformer(FOLDER).save_pretrained(NEW_FOLDER)`"
            .to_owned()
    } else {
        "is it a Hugging Face model folder, and whole? Fetch or save it again".to_owned()
    };
    Error::MissingFile {
        folder,
        file: file.to_owned(),
        hint,
    }
}

fn tokenizer_file(dir: &Path) -> Result<&'static str> {
    for file in [TOKENIZER, VOCABULARY] {
        if presence(&dir.join(file))? == Presence::File {
            return Ok(file);
        }
    }
    Err(Error::MissingFile {
        folder: dir.to_path_buf(),
        file: TOKENIZER.to_owned(),
        hint: "and no vocab.txt; make it once in Python: \
               `AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)`"
            .to_owned(),
    })
}

/// A vocabulary says nowhere where it ends. One that was cut off would give other ids without a word, so it is told by
/// an unfinished last line or many rows of the embedding without a token.
fn check_vocabulary(path: &Path, rows: i64) -> Result<()> {
    const PADDING: usize = 1024;
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let finished = bytes.ends_with(b"\n");
    let lines = bytes.iter().filter(|&&byte| byte == b'\n').count() + usize::from(!finished);
    let lacking = usize::try_from(rows).unwrap_or(0).saturating_sub(lines);
    if lacking > PADDING || (lacking > 0 && !finished) {
        return Err(Error::Config {
            path: path.to_path_buf(),
            reason: format!(
                "it holds {lines} tokens, but config.json has vocab_size {rows}: it may be cut off; fetch or save the \
                 folder again"
            ),
        });
    }
    Ok(())
}

#[derive(Deserialize)]
struct Module {
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

/// Pooling as `modules.json` says it; mean and unit length where it does not say, as in a bare encoder's folder and
/// in a cross-encoder's.
fn read_pooling(dir: &Path) -> Result<Pooling> {
    let silent = Pooling {
        mode: PoolingMode::Mean,
        normalize: true,
    };
    let path = dir.join(MODULES);
    let Some(modules) = read_optional::<Vec<Module>>(&path)? else {
        return Ok(silent);
    };
    let invalid = |reason: String| Error::Config {
        path: path.clone(),
        reason,
    };
    let mut kinds = Vec::new();
    let mut pooling = silent;
    pooling.normalize = false;
    for module in &modules {
        let class = module.kind.rsplit('.').next().unwrap_or_default();
        let ours = module.kind.starts_with("sentence_transformers.");
        if !["Transformer", "Pooling", "Normalize"].contains(&class) || !ours {
            return Err(invalid(format!(
                "module `{class}` ({}); sentence-transformers' own Transformer, Pooling and Normalize are supported",
                module.kind
            )));
        }
        kinds.push(class);
        let mut parts = Path::new(&module.path).components();
        if !parts.all(|part| matches!(part, Component::Normal(_))) {
            return Err(invalid(format!(
                "module `{class}` lies in `{}`, outside the folder",
                module.path
            )));
        }
        let settings_path = dir.join(&module.path).join(CONFIG);
        match class {
            "Transformer" if !module.path.is_empty() => {
                return Err(invalid(format!(
                    "module `Transformer` lies in `{}`; load and save the folder once in Python: \
                     `SentenceTransformer(FOLDER).save_pretrained(NEW_FOLDER)`",
                    module.path
                )));
            }
            "Pooling" => {
                let Some(fields) = read_object(&settings_path)? else {
                    return Err(Error::MissingFile {
                        folder: dir.to_path_buf(),
                        file: format!("{}/{CONFIG}", module.path),
                        hint: "modules.json names it; fetch or save the folder again".to_owned(),
                    });
                };
                pooling.mode = settings::pooling(&settings_path, fields)?;
            }
            "Normalize" => {
                pooling.normalize = true;
                // Written since sentence-transformers 5; without it there is nothing to say. An empty path would be
                // the encoder's own configuration.
                if !module.path.is_empty()
                    && let Some(fields) = read_object(&settings_path)?
                {
                    settings::normalize(&settings_path, fields)?;
                }
            }
            _ => {}
        }
    }
    match kinds.as_slice() {
        ["Transformer"] => Ok(silent),
        ["Transformer", "Pooling"] | ["Transformer", "Pooling", "Normalize"] => Ok(pooling),
        other => Err(invalid(format!(
            "the modules are [{}]; supported: Transformer, Pooling and perhaps Normalize, in this order",
            other.join(", ")
        ))),
    }
}

/// `max_seq_length` if the folder says it, else the tokenizer's `model_max_length`; at most the number of positions.
/// sentence-transformers 6 cuts so.
fn read_max_tokens(dir: &Path, config: &BertConfig, tokenizer: &str) -> Result<usize> {
    let positions = config.max_tokens();
    let mut named = None;
    let mut source = dir.join(CONFIG);
    if dir.join(MODULES).is_file() || dir.join(SENTENCE_CONFIGS[0]).exists() {
        for file in SENTENCE_CONFIGS {
            let path = dir.join(file);
            let Some(fields) = read_object(&path)? else {
                continue;
            };
            let (length, lowercase) = settings::transformer(&path, fields)?;
            if lowercase && !lowercases(&dir.join(tokenizer))? {
                return Err(Error::Config {
                    path,
                    reason: "do_lower_case is true, but the tokenizer keeps capitals; set do_lower_case in \
                             tokenizer_config.json and save the tokenizer again"
                        .to_owned(),
                });
            }
            if length.is_some() {
                (named, source) = (length, path);
            }
            break;
        }
    }
    if named.is_none() {
        let path = dir.join(TOKENIZER_CONFIG);
        if let Some(fields) = read_object(&path)? {
            // Tokenizers write 1e30 for "no limit", which is not an integer.
            match fields.get("model_max_length") {
                None | Some(Value::Null) => {}
                Some(Value::Number(length)) => {
                    named = length
                        .as_u64()
                        .map(|n| usize::try_from(n).unwrap_or(usize::MAX));
                    source = path;
                }
                Some(other) => {
                    return Err(Error::Config {
                        reason: format!("model_max_length is {other}; it must be a number"),
                        path,
                    });
                }
            }
        }
    }
    let max_tokens = positions.min(named.unwrap_or(usize::MAX));
    if max_tokens < 8 {
        return Err(Error::Config {
            path: source,
            reason: format!("inputs are cut to {max_tokens} tokens; at least 8 are needed"),
        });
    }
    Ok(max_tokens)
}

fn prompts(library: &settings::Library, name: &str, dir: &Path) -> Prompts {
    let prompt = |names: &[&str]| -> Option<String> {
        names
            .iter()
            .find_map(|name| library.prompts.get(*name))
            .cloned()
    };
    let query = prompt(&["query"]);
    let passage = prompt(&["document", "passage", "corpus"]);
    if query.is_none() && passage.is_none() && is_e5(name, dir) {
        return Prompts::e5();
    }
    Prompts {
        query: query.unwrap_or_default(),
        passage: passage.unwrap_or_default(),
    }
}

/// E5's own folders do not hold their prefixes: they are known by name.
fn is_e5(name: &str, dir: &Path) -> bool {
    let folder = dir.file_name().unwrap_or_default().to_string_lossy();
    [name, folder.as_ref()].iter().any(|name| {
        name.to_lowercase()
            .split(['/', '-', '_', '@'])
            .any(|part| part == "e5")
    })
}
