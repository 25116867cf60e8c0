//! A cross-encoder in use.

use std::path::Path;

use jobmatch_encoder::{Device, ModelFolder, PairEncoder};
use jobmatch_torch_ext::best_device;

use crate::Result;

/// A cross-encoder with its fingerprint.
#[derive(Debug)]
pub struct CrossEncoder {
    pub(crate) encoder: PairEncoder,
    fingerprint: String,
}

impl CrossEncoder {
    /// Loads a model by name or folder, onto a GPU when libtorch sees one.
    ///
    /// # Errors
    /// When the folder or its weights are not sound.
    pub fn load(model: &str) -> Result<Self> {
        Self::from_folder(ModelFolder::open(model)?, best_device(0))
    }

    /// Loads a folder that was opened, and perhaps changed in its length, onto `device`. A bare encoder gets a fresh head: seed libtorch
    /// (`tch::manual_seed`) before.
    ///
    /// # Errors
    /// As [`CrossEncoder::load`].
    pub fn from_folder(folder: ModelFolder, device: Device) -> Result<Self> {
        let fingerprint = folder.fingerprint()?;
        let encoder = PairEncoder::from_folder(folder, device)?;
        Ok(Self {
            encoder,
            fingerprint,
        })
    }

    /// `blake3:` and a hash over all that decides the logits, as it stood in the folder.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Logits of (text, passage) pairs, in input order; their sigmoid is the probability that the passage is right.
    /// `progress` hears how many are done.
    ///
    /// # Errors
    /// When a pair cannot be tokenized.
    pub fn score(
        &self,
        pairs: &[(&str, &str)],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<f32>> {
        Ok(self.encoder.score(pairs, progress)?)
    }

    /// Writes a folder that sentence-transformers' `CrossEncoder` loads unchanged.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, target: &Path) -> Result<()> {
        Ok(self.encoder.save(target)?)
    }
}
