//! A cross-encoder in use, and one in training.

use std::path::Path;

use jobmatch_encoder::{Device, InferenceConfig, ModelFolder, PairEncoder, PairScorer, PairScores};
use jobmatch_torch_ext::best_device;

use crate::{CrossEncoderConfig, Error, Result};

/// A cross-encoder in use, with its fingerprint.
#[derive(Debug)]
pub struct CrossEncoder {
    scorer: PairScorer,
    fingerprint: String,
}

impl CrossEncoder {
    /// Loads a model by name or folder, onto a GPU when libtorch sees one, in float32.
    ///
    /// # Errors
    /// When the folder or its weights are not sound.
    pub fn load(model: &str) -> Result<Self> {
        Self::load_with(model, InferenceConfig::default())
    }

    /// As [`CrossEncoder::load`], computing as `config` says.
    ///
    /// # Errors
    /// As [`CrossEncoder::load`], and when the model or its device do not bear a setting.
    pub fn load_with(model: &str, config: InferenceConfig) -> Result<Self> {
        Self::load_on(model, best_device(0), config)
    }

    /// As [`CrossEncoder::load_with`], onto `device`.
    ///
    /// # Errors
    /// As [`CrossEncoder::load_with`].
    pub fn load_on(model: &str, device: Device, config: InferenceConfig) -> Result<Self> {
        TrainableCrossEncoder::from_folder(ModelFolder::open(model)?, device)?.in_use(config)
    }

    /// `blake3:` and a hash over all that decides the logits, as it stood in the folder.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Logits of (text, passage) pairs, in input order; their sigmoid is the probability that the passage is right.
    /// `progress` hears how many are done.
    ///
    /// # Errors
    /// When a pair cannot be tokenized, and when a logit is no finite number.
    pub fn score(
        &self,
        pairs: &[(&str, &str)],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<f32>> {
        Ok(self.score_with_counts(pairs, progress)?.logits)
    }

    /// As [`CrossEncoder::score`], with the tokens that were computed, and what was cut off pairs that are longer than the model
    /// takes.
    ///
    /// # Errors
    /// As [`CrossEncoder::score`].
    pub fn score_with_counts(
        &self,
        pairs: &[(&str, &str)],
        progress: &mut dyn FnMut(usize),
    ) -> Result<PairScores> {
        let scores = self.scorer.score(pairs, progress)?;
        let mut all = pairs.iter().zip(&scores.logits);
        match all.find(|(_, logit)| !logit.is_finite()) {
            Some((pair, &logit)) => Err(Error::NotFinite {
                logit,
                text: pair.0.to_owned(),
                passage: pair.1.to_owned(),
            }),
            None => Ok(scores),
        }
    }
}

/// A cross-encoder whose weights can change.
#[derive(Debug)]
pub struct TrainableCrossEncoder {
    pub(crate) encoder: PairEncoder,
    fingerprint: String,
}

impl TrainableCrossEncoder {
    /// Loads a folder that was opened, and perhaps changed in its length, onto `device`. A bare encoder gets a fresh head:
    /// seed libtorch (`tch::manual_seed`) before.
    ///
    /// # Errors
    /// When the folder or its weights are not sound.
    pub fn from_folder(folder: ModelFolder, device: Device) -> Result<Self> {
        let fingerprint = folder.fingerprint()?;
        let encoder = PairEncoder::from_folder(folder, device)?;
        Ok(Self {
            encoder,
            fingerprint,
        })
    }

    /// As [`from_folder`](Self::from_folder), with the lengths that a training asks for: they are saved with the model.
    pub(crate) fn as_configured(
        folder: ModelFolder,
        config: &CrossEncoderConfig,
        device: Device,
    ) -> Result<Self> {
        let mut folder = folder.with_max_tokens(config.max_tokens);
        folder.metadata.pair_windows = config.windows;
        Self::from_folder(folder, device)
    }

    /// The model in use, with the weights as they are now.
    ///
    /// # Errors
    /// When the model or its device do not bear a setting.
    pub fn in_use(&self, config: InferenceConfig) -> Result<CrossEncoder> {
        Ok(CrossEncoder {
            scorer: self.encoder.scorer(config)?,
            fingerprint: self.fingerprint.clone(),
        })
    }

    /// Writes a folder that sentence-transformers' `CrossEncoder` loads unchanged.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, target: &Path) -> Result<()> {
        Ok(self.encoder.save(target)?)
    }
}
