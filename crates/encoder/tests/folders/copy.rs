//! A model's folder that a test may change.

use std::path::{Path, PathBuf};

use jobmatch_encoder::{Device, InferenceConfig, ModelFolder, PairEncoder, SentenceEncoder};
use serde_json::{Value, json};
use tempfile::TempDir;

pub fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/models")
        .join(name)
}

/// A folder that may be changed.
pub struct Folder(pub TempDir);

impl Folder {
    pub fn of(name: &str) -> Self {
        let copy = Self(tempfile::tempdir().unwrap());
        copy_all(&model(name), &copy.path(""));
        copy
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    pub fn name(&self) -> String {
        self.0.path().display().to_string()
    }

    pub fn write(self, file: &str, json: &Value) -> Self {
        let path = self.path(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, json.to_string()).unwrap();
        self
    }

    /// One field of a file, which is made if there is none.
    pub fn set(self, file: &str, field: &str, value: Value) -> Self {
        let mut json = std::fs::read(self.path(file)).map_or_else(
            |_| json!({}),
            |bytes| serde_json::from_slice(&bytes).unwrap(),
        );
        json[field] = value;
        self.write(file, &json)
    }

    pub fn remove(self, file: &str) -> Self {
        let path = self.path(file);
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
        self
    }

    pub fn open(&self) -> ModelFolder {
        ModelFolder::open(&self.name()).unwrap()
    }

    pub fn sentences(&self) -> SentenceEncoder {
        SentenceEncoder::load(&self.name(), Device::Cpu).unwrap()
    }

    pub fn pairs(&self) -> PairEncoder {
        PairEncoder::load(&self.name(), Device::Cpu).unwrap()
    }

    /// The message of opening it and loading its weights.
    pub fn refusal(&self) -> String {
        match SentenceEncoder::load(&self.name(), Device::Cpu) {
            Ok(_) => panic!("the folder was taken for sound"),
            Err(error) => error.to_string(),
        }
    }
}

pub fn copy_all(source: &Path, target: &Path) {
    for entry in std::fs::read_dir(source).unwrap() {
        let path = entry.unwrap().path();
        let target = target.join(path.file_name().unwrap());
        if path.is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_all(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

pub fn embed(encoder: &SentenceEncoder) -> Vec<f32> {
    let texts = [
        "Plan budgets.",
        "naïve façade",
        "",
        "Repair diesel engines, pumps.",
    ];
    let embedder = encoder.embedder(InferenceConfig::default()).unwrap();
    embedder.embed("", &texts, &mut |_| {}).unwrap().0
}

pub fn score(encoder: &PairEncoder) -> Vec<f32> {
    let pairs = [("Plan budgets.", "Repair engines."), ("", "Teach.")];
    let scorer = encoder.scorer(InferenceConfig::default()).unwrap();
    scorer.score(&pairs, &mut |_| {}).unwrap().logits
}

pub fn modules(kinds: &[(&str, &str)]) -> Value {
    let row = |(place, (kind, path)): (usize, &(&str, &str))| json!({"idx": place, "name": place.to_string(), "path": path, "type": kind});
    kinds.iter().enumerate().map(row).collect()
}

/// `tiny-bert` with a bare vocabulary in place of its tokenizer.
pub fn with_vocabulary() -> Folder {
    let folder = Folder::of("tiny-bert");
    let json: Value =
        serde_json::from_slice(&std::fs::read(folder.path("tokenizer.json")).unwrap()).unwrap();
    let mut tokens: Vec<(u64, &str)> = json["model"]["vocab"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(token, id)| (id.as_u64().unwrap(), token.as_str()))
        .collect();
    tokens.sort_unstable();
    let lines: String = tokens
        .iter()
        .map(|(_, token)| format!("{token}\n"))
        .collect();
    std::fs::write(folder.path("vocab.txt"), lines).unwrap();
    folder.remove("tokenizer.json").write(
        "tokenizer_config.json",
        &json!({"tokenizer_class": "BertTokenizer", "model_max_length": 64}),
    )
}
