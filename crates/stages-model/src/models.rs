//! The models as evaluation asks for them.

use jobmatch_biencoder::BiEncoder;
use jobmatch_crossencoder::CrossEncoder;
use jobmatch_encoder::{Device, InferenceConfig, Precision};
use jobmatch_evaluation::{ModelError, PairScorer, QueryEmbedder};
use jobmatch_torch_ext::best_device;

/// A bi-encoder as evaluation asks for it.
#[derive(Debug)]
pub struct Embedder(pub BiEncoder);

impl QueryEmbedder for Embedder {
    fn dimension(&self) -> usize {
        self.0.dimension()
    }

    fn fingerprint(&self) -> &str {
        self.0.fingerprint()
    }

    fn embed_queries(
        &self,
        texts: &[&str],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<f32>, ModelError> {
        Ok(self.0.embed_queries(texts, progress)?.values)
    }

    fn embed_passages(
        &self,
        texts: &[&str],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<f32>, ModelError> {
        Ok(self.0.embed_passages(texts, progress)?.values)
    }
}

/// A cross-encoder as evaluation asks for it.
#[derive(Debug)]
pub struct Scorer {
    model: CrossEncoder,
    fingerprint: String,
}

impl Scorer {
    /// Loads a model by name or folder. What is decided with it in one precision does not hold in another, so that is part of its
    /// fingerprint, but for float32.
    ///
    /// # Errors
    /// When the model is not sound, or it or its device does not bear the precision.
    pub fn load(model: &str, precision: Precision) -> anyhow::Result<Self> {
        Self::load_on(model, best_device(0), precision)
    }

    /// The same onto `device`.
    ///
    /// # Errors
    /// As [`Scorer::load`].
    pub fn load_on(model: &str, device: Device, precision: Precision) -> anyhow::Result<Self> {
        let config = InferenceConfig {
            precision,
            ..InferenceConfig::default()
        };
        let model = CrossEncoder::load_on(model, device, config)?;
        let of_weights = model.fingerprint();
        let fingerprint = match precision {
            Precision::Float32 => of_weights.to_owned(),
            other => format!("{of_weights} in {other:?}").to_lowercase(),
        };
        Ok(Self { model, fingerprint })
    }
}

impl PairScorer for Scorer {
    fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    fn score(
        &self,
        pairs: &[(&str, &str)],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<f32>, ModelError> {
        Ok(self.model.score(pairs, progress)?)
    }
}
