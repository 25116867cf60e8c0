//! What sentence-transformers' small JSON files may say. What is not understood here could change the model's numbers,
//! so it is refused by name, where a library that ignored it would compute something else without a word.

use std::path::Path;

use serde_json::{Map, Value};

use super::PROMPTS;
use crate::pooling::{Pooling, PoolingMode};
use crate::{Error, Result};

type Fields = Map<String, Value>;

/// How two embeddings are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Similarity {
    /// The cosine of the angle between them.
    #[default]
    Cosine,
    /// Their inner product.
    Dot,
    /// The negative of their Euclidean distance.
    Euclidean,
    /// The negative of their Manhattan distance.
    Manhattan,
}

impl Similarity {
    const NAMES: [(&'static str, Self); 4] = [
        ("cosine", Self::Cosine),
        ("dot", Self::Dot),
        ("euclidean", Self::Euclidean),
        ("manhattan", Self::Manhattan),
    ];

    /// Its name in sentence-transformers' files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::Dot => "dot",
            Self::Euclidean => "euclidean",
            Self::Manhattan => "manhattan",
        }
    }
}

/// One file's fields, taken out as they are understood; what is left over at the end is refused.
pub(super) struct Settings<'p> {
    path: &'p Path,
    fields: Fields,
}

impl<'p> Settings<'p> {
    pub(super) fn new(path: &'p Path, fields: Fields) -> Self {
        Self { path, fields }
    }

    pub(super) fn error(&self, reason: String) -> Error {
        Error::Config {
            path: self.path.to_path_buf(),
            reason,
        }
    }

    /// A field that changes no number.
    pub(super) fn harmless(&mut self, names: &[&str]) {
        for name in names {
            self.fields.remove(*name);
        }
    }

    /// A field's value; `None` where it is absent or null.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name).filter(|value| !value.is_null())
    }

    pub(super) fn take_text(&mut self, name: &str) -> Result<Option<String>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.error(format!("{name} is {other}; it must be a text"))),
        }
    }

    pub(super) fn take_count(&mut self, name: &str) -> Result<Option<usize>> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => match value.as_u64().map(usize::try_from) {
                Some(Ok(count)) => Ok(Some(count)),
                _ => Err(self.error(format!("{name} is {value}; it must be a whole number"))),
            },
        }
    }

    pub(super) fn take_flag(&mut self, name: &str) -> Result<Option<bool>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(other) => Err(self.error(format!("{name} is {other}; it must be true or false"))),
        }
    }

    /// A field that must be absent, null, empty or one of `supported`.
    pub(super) fn only(&mut self, name: &str, supported: &[Value]) -> Result<()> {
        match self.take(name) {
            None => Ok(()),
            Some(value) if is_empty(&value) || supported.contains(&value) => Ok(()),
            Some(value) => {
                let listed: Vec<String> = supported.iter().map(Value::to_string).collect();
                let instead = match listed.as_slice() {
                    [] => "it must be absent".to_owned(),
                    listed => format!("supported: {}", listed.join(", ")),
                };
                Err(self.error(format!(
                    "{name} is {value}, which is not supported; {instead}"
                )))
            }
        }
    }

    /// Refuses what nobody has asked for.
    pub(super) fn finish(self) -> Result<()> {
        let left = self.fields.iter().find(|(_, value)| !value.is_null());
        match left {
            None => Ok(()),
            Some((name, value)) => Err(self.error(format!(
                "the setting `{name}` ({value}) is not known, and could change the model's numbers; if it does not, \
                 remove it from the file"
            ))),
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(values) => values.is_empty(),
        _ => false,
    }
}

/// What `config_sentence_transformers.json` says.
#[derive(Debug, Default)]
pub(super) struct Library {
    pub(super) prompts: std::collections::BTreeMap<String, String>,
    pub(super) default_prompt: Option<String>,
    pub(super) similarity: Similarity,
}

pub(super) fn library(dir: &Path, fields: Fields) -> Result<Library> {
    let path = dir.join(PROMPTS);
    let mut settings = Settings::new(&path, fields);
    settings.harmless(&["__version__", "keep_in_fp32_modules"]);
    let crosses = settings.fields.get("model_type") == Some(&"CrossEncoder".into());
    settings.only(
        "model_type",
        &["SentenceTransformer".into(), "CrossEncoder".into()],
    )?;
    settings.only("truncate_dim", &[])?;
    activation(&mut settings)?;
    let mut library = Library::default();
    match settings.take("prompts") {
        None => {}
        Some(Value::Object(prompts)) => {
            for (name, prompt) in prompts {
                let text = match prompt {
                    Value::String(text) => text,
                    Value::Null => String::new(),
                    other => {
                        return Err(settings.error(format!(
                            "prompts holds {other} as `{name}`; it must be a text"
                        )));
                    }
                };
                library.prompts.insert(name, text);
            }
        }
        Some(other) => {
            return Err(
                settings.error(format!("prompts is {other}; it must be an object of texts"))
            );
        }
    }
    library.default_prompt = settings.take_text("default_prompt_name")?;
    if let Some(name) = &library.default_prompt
        && !library.prompts.contains_key(name)
    {
        let known: Vec<&str> = library.prompts.keys().map(String::as_str).collect();
        return Err(settings.error(format!(
            "default_prompt_name is `{name}`, but the prompts are [{}]",
            known.join(", ")
        )));
    }
    if let Some(name) = library.default_prompt.as_ref().filter(|_| crosses) {
        return Err(settings.error(format!(
            "default_prompt_name is `{name}`: a prompt before the pairs of a cross-encoder is not supported"
        )));
    }
    if let Some(name) = settings.take_text("similarity_fn_name")? {
        let known = Similarity::NAMES.iter().find(|(known, _)| *known == name);
        let Some((_, similarity)) = known else {
            return Err(settings.error(format!(
                "similarity_fn_name is `{name}`; cosine, dot, euclidean and manhattan are supported"
            )));
        };
        library.similarity = *similarity;
    }
    settings.finish()?;
    Ok(library)
}

/// A cross-encoder's activation: ours gives logits, of which a sigmoid keeps the order; others would mean other scores.
fn activation(settings: &mut Settings) -> Result<()> {
    settings.only(
        "activation_fn",
        &[
            "torch.nn.modules.activation.Sigmoid".into(),
            "torch.nn.modules.linear.Identity".into(),
        ],
    )
}

/// Fields of `config.json` that change what a BERT computes and that the arithmetic does not have.
pub(super) fn model_config(path: &Path, config: &Value) -> Result<()> {
    let Some(fields) = config.as_object() else {
        return Err(Error::Config {
            path: path.to_path_buf(),
            reason: "it must hold one JSON object; fetch or save the folder again".to_owned(),
        });
    };
    let mut settings = Settings::new(path, fields.clone());
    for switch in ["is_decoder", "add_cross_attention"] {
        settings.only(switch, &[false.into()])?;
    }
    for absent in ["pruned_heads", "quantization_config", "auto_map"] {
        settings.only(absent, &[])?;
    }
    if let Some(Value::Object(inner)) = settings.take("sentence_transformers") {
        let mut inner = Settings::new(path, inner);
        inner.harmless(&["version"]);
        activation(&mut inner)?;
        inner.finish()?;
    }
    Ok(())
}

/// What the first module's settings say: the longest input, if they name one, and whether texts are lowercased first.
pub(super) fn transformer(path: &Path, fields: Fields) -> Result<(Option<usize>, bool)> {
    let mut settings = Settings::new(path, fields);
    settings.harmless(&["unpad_inputs"]);
    let max_tokens = settings.take_count("max_seq_length")?;
    let lowercase = settings.take_flag("do_lower_case")?.unwrap_or(false);
    settings.only(
        "transformer_task",
        &[
            "feature-extraction".into(),
            "sequence-classification".into(),
        ],
    )?;
    settings.only(
        "modality_config",
        &[
            serde_json::json!({"text": {"method": "forward", "method_output_name": "last_hidden_state"}}),
            serde_json::json!({"text": {"method": "forward", "method_output_name": "logits"}}),
        ],
    )?;
    settings.only(
        "module_output_name",
        &["token_embeddings".into(), "scores".into()],
    )?;
    for absent in [
        "processing_kwargs",
        "query_length",
        "document_length",
        "query_expansion",
        "model_args",
        "model_kwargs",
        "tokenizer_args",
        "processor_kwargs",
        "config_args",
        "config_kwargs",
        "tokenizer_name_or_path",
    ] {
        settings.only(absent, &[])?;
    }
    settings.finish()?;
    Ok((max_tokens, lowercase))
}

/// What a pooling module's settings say.
pub(super) fn pooling(path: &Path, fields: Fields) -> Result<PoolingMode> {
    let mut settings = Settings::new(path, fields.clone());
    if settings.take_flag("include_prompt")? == Some(false) {
        return Err(settings.error(
            "include_prompt is false: prompts would have to be left out of the pooling, which is not supported"
                .to_owned(),
        ));
    }
    // What sentence-transformers only reports; the weights' shapes decide.
    settings.harmless(&["word_embedding_dimension", "embedding_dimension"]);
    let mut modes = fields;
    // A list of one mode means that mode.
    if let Some(Value::Array(listed)) = modes.get("pooling_mode")
        && let [mode] = listed.as_slice()
    {
        let mode = mode.clone();
        modes.insert("pooling_mode".to_owned(), mode);
    }
    let mode =
        Pooling::mode_from_json(&Value::Object(modes)).map_err(|reason| settings.error(reason))?;
    settings.harmless(&[
        "pooling_mode",
        "pooling_mode_cls_token",
        "pooling_mode_max_tokens",
        "pooling_mode_mean_tokens",
        "pooling_mode_mean_sqrt_len_tokens",
        "pooling_mode_weightedmean_tokens",
        "pooling_mode_lasttoken",
    ]);
    settings.finish()?;
    Ok(mode)
}

/// Refuses a normalizing module that works on something else than the embedding.
pub(super) fn normalize(path: &Path, fields: Fields) -> Result<()> {
    let mut settings = Settings::new(path, fields);
    for name in ["module_input_name", "module_output_name"] {
        settings.only(name, &["sentence_embedding".into()])?;
    }
    settings.finish()
}
