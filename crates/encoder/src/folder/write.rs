//! Writing a model folder.

use std::path::Path;

use serde_json::{Value, json};
use tch::nn;

use super::json::{read_optional, write_json};
use super::{
    CONFIG, METADATA, MODULES, ModelFolder, PROMPTS, Prompts, SENTENCE_CONFIGS, TOKENIZER,
    TOKENIZER_CONFIG, TOKENIZER_FILES, WEIGHTS,
};
use crate::tokenizer_files::effective_json;
use crate::weights::save_weights;
use crate::{Error, Result};

impl ModelFolder {
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
        write_json(&target.join(SENTENCE_CONFIGS[0]), &sentence)?;
        let Prompts { query, passage } = &self.prompts;
        let mut prompts = self.saved_prompts.clone();
        // sentence-transformers looks for `document`; E5's own name for it is `passage`.
        for (name, prompt) in [
            ("query", query),
            ("passage", passage),
            ("document", passage),
        ] {
            prompts.insert(name.to_owned(), prompt.clone());
        }
        write_json(
            &target.join(PROMPTS),
            &json!({
                "__version__": {},
                "model_type": "SentenceTransformer",
                "prompts": prompts,
                "default_prompt_name": self.default_prompt,
                "similarity_fn_name": self.similarity.name(),
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
        let path = target.join(TOKENIZER_CONFIG);
        let mut tokenizer: Value = read_optional(&path)?.unwrap_or_else(|| json!({}));
        tokenizer["model_max_length"] = json!(self.max_tokens);
        write_json(&path, &tokenizer)
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
        // To copy a file onto itself would empty it.
        let same = |path: &Path| path.canonicalize().ok();
        if same(&self.dir) != same(target) {
            for file in TOKENIZER_FILES {
                let source = self.dir.join(file);
                if source.is_file() {
                    std::fs::copy(&source, target.join(file))
                        .map_err(Error::io("copy", &source))?;
                }
            }
        }
        if let Some(json) = effective_json(&self.tokenizer())? {
            let path = target.join(TOKENIZER);
            std::fs::write(&path, json).map_err(Error::io("write", &path))?;
        }
        write_json(&target.join(CONFIG), config)?;
        write_json(&target.join(METADATA), &self.metadata)?;
        save_weights(store, &target.join(WEIGHTS))
    }
}
