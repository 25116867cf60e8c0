//! A bi-encoder in use, where prompts are put where they belong and results are plain numbers, and one in training.

use std::path::Path;

use jobmatch_encoder::{Device, Embedder, InferenceConfig, ModelFolder, SentenceEncoder};
use jobmatch_records::PassageTemplate;
use jobmatch_torch_ext::best_device;

use crate::{Error, Result};

/// Unit-length vectors, one per text.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// Numbers in a vector.
    pub dimension: usize,
    /// The vectors, row after row.
    pub values: Vec<f32>,
}

impl Embeddings {
    /// Number of vectors.
    pub fn len(&self) -> usize {
        self.values.len().checked_div(self.dimension).unwrap_or(0)
    }

    /// Whether there is no vector.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The vector of row `row`.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.dimension..(row + 1) * self.dimension]
    }

    /// Inner product, which is the cosine, of one row here and one row there.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn similarity(&self, row: usize, other: &Self, other_row: usize) -> f32 {
        self.row(row)
            .iter()
            .zip(other.row(other_row))
            .map(|(a, b)| a * b)
            .sum()
    }
}

/// A bi-encoder in use, with its prompts, its passage template and its fingerprint.
#[derive(Debug)]
pub struct BiEncoder {
    embedder: Embedder,
    template: Option<PassageTemplate>,
    fingerprint: String,
}

impl BiEncoder {
    /// Loads a model by name or folder, onto a GPU when libtorch sees one, in float32.
    ///
    /// # Errors
    /// When the folder, its weights or its passage template are not sound.
    pub fn load(model: &str) -> Result<Self> {
        Self::load_with(model, InferenceConfig::default())
    }

    /// As [`BiEncoder::load`], computing as `config` says.
    ///
    /// # Errors
    /// As [`BiEncoder::load`], and when the model or its device do not bear a setting.
    pub fn load_with(model: &str, config: InferenceConfig) -> Result<Self> {
        Self::load_on(model, best_device(0), config)
    }

    /// As [`BiEncoder::load_with`], onto `device`.
    ///
    /// # Errors
    /// As [`BiEncoder::load_with`].
    pub fn load_on(model: &str, device: Device, config: InferenceConfig) -> Result<Self> {
        TrainableBiEncoder::from_folder(ModelFolder::open(model)?, device)?.in_use(config)
    }

    /// Numbers in an embedding.
    pub fn dimension(&self) -> usize {
        self.embedder.dimension()
    }

    /// How passages were written when the model was trained, if it was trained here.
    pub fn template(&self) -> Option<&PassageTemplate> {
        self.template.as_ref()
    }

    /// `blake3:` and a hash over all that decides the embeddings, as it stood in the folder.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Embeddings of queries, in input order; the model's query prompt is put before each. `progress` hears how many
    /// are done.
    ///
    /// # Errors
    /// When a text cannot be tokenized.
    pub fn embed_queries(
        &self,
        texts: &[&str],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Embeddings> {
        self.embed(&self.embedder.folder().prompts.query, texts, progress)
    }

    /// Embeddings of passages, in input order; the model's passage prompt is put before each. `progress` hears how
    /// many are done.
    ///
    /// # Errors
    /// When a text cannot be tokenized.
    pub fn embed_passages(
        &self,
        texts: &[&str],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Embeddings> {
        self.embed(&self.embedder.folder().prompts.passage, texts, progress)
    }

    fn embed(
        &self,
        prompt: &str,
        texts: &[&str],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Embeddings> {
        let (values, _usage) = self.embedder.embed(prompt, texts, progress)?;
        Ok(Embeddings {
            dimension: self.dimension(),
            values,
        })
    }
}

/// A bi-encoder whose weights can change.
#[derive(Debug)]
pub struct TrainableBiEncoder {
    pub(crate) encoder: SentenceEncoder,
    template: Option<PassageTemplate>,
    fingerprint: String,
}

impl TrainableBiEncoder {
    /// Loads a folder that was opened, and perhaps changed in its prompts or length, onto `device`.
    ///
    /// # Errors
    /// When the folder, its weights or its passage template are not sound.
    pub fn from_folder(folder: ModelFolder, device: Device) -> Result<Self> {
        let saved = folder.metadata.passage_template.as_deref();
        let template = saved
            .map(|text| {
                text.parse::<PassageTemplate>()
                    .map_err(|source| Error::Template {
                        model: folder.dir().to_path_buf(),
                        template: text.to_owned(),
                        source: Box::new(source),
                    })
            })
            .transpose()?;
        let fingerprint = folder.fingerprint()?;
        let encoder = SentenceEncoder::from_folder(folder, device)?;
        Ok(Self {
            encoder,
            template,
            fingerprint,
        })
    }

    /// The model in use, with the weights as they are now.
    ///
    /// # Errors
    /// When the model or its device do not bear a setting.
    pub fn in_use(&self, config: InferenceConfig) -> Result<BiEncoder> {
        Ok(BiEncoder {
            embedder: self.encoder.embedder(config)?,
            template: self.template.clone(),
            fingerprint: self.fingerprint.clone(),
        })
    }

    /// Computes in `kind` from now on, such as float64 where a result is compared.
    pub fn set_kind(&mut self, kind: tch::Kind) {
        self.encoder.set_kind(kind);
    }

    /// The variables by name.
    pub fn variables(&self) -> std::collections::BTreeMap<String, tch::Tensor> {
        self.encoder.store().variables().into_iter().collect()
    }

    /// How passages were written when the model was trained, if it was trained here.
    pub fn template(&self) -> Option<&PassageTemplate> {
        self.template.as_ref()
    }

    /// `blake3:` and a hash over all that decides the embeddings, as it stood in the folder.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Writes a folder that sentence-transformers loads unchanged, with `template` remembered beside it.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&mut self, target: &Path, template: &PassageTemplate) -> Result<()> {
        self.encoder.folder.metadata.passage_template = Some(template.to_string());
        self.template = Some(template.clone());
        Ok(self.encoder.save(target)?)
    }
}
