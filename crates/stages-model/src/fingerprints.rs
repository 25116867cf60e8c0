//! The fingerprints of what a model learned from go where the model goes: an evaluation compares its jobs with them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use jobmatch_artifact::{Artifact, Input, Work};
use jobmatch_dataset::FINGERPRINTS;

/// Files of fingerprints, each content once, by its BLAKE3: models that learned from the same jobs bring the same files.
#[derive(Debug, Default)]
pub struct Fingerprints(BTreeMap<[u8; 32], PathBuf>);

impl Fingerprints {
    /// Those beside models: in a model's folder, or in the training's output that holds it as `model`. A model of another source
    /// has none.
    ///
    /// # Errors
    /// When a folder or file cannot be read.
    pub fn of_models<'a>(models: impl IntoIterator<Item = &'a str>) -> anyhow::Result<Self> {
        let mut found = Self::default();
        for model in models {
            let Ok(folder) = fs::canonicalize(model) else {
                continue;
            };
            let beside = folder.parent().map(|parent| parent.join(FINGERPRINTS));
            let mut places = [Some(folder.join(FINGERPRINTS)), beside].into_iter();
            if let Some(place) = places.find_map(|place| place.filter(|path| path.is_dir())) {
                found.add(&place)?;
            }
        }
        Ok(found)
    }

    /// The files.
    pub fn files(&self) -> Vec<PathBuf> {
        self.0.values().cloned().collect()
    }

    /// All of them as one input of a stage; `None` without any.
    pub fn input(&self) -> Option<Input> {
        let mut hasher = blake3::Hasher::new();
        self.0.keys().for_each(|digest| {
            hasher.update(digest);
        });
        (!self.0.is_empty()).then(|| Input {
            role: "fingerprints".to_owned(),
            digest: format!("blake3:{}", hasher.finalize()),
        })
    }

    fn add(&mut self, folder: &Path) -> anyhow::Result<()> {
        let listed = || format!("cannot list {}", folder.display());
        for entry in fs::read_dir(folder).with_context(listed)? {
            let path = entry.with_context(listed)?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "parquet")
            {
                let failed = || format!("cannot read {}", path.display());
                let mut hasher = blake3::Hasher::new();
                let file = fs::File::open(&path).with_context(failed)?;
                hasher.update_reader(file).with_context(failed)?;
                self.0.insert(hasher.finalize().into(), path);
            }
        }
        Ok(())
    }
}

/// Copies to `work` the fingerprints of `dataset`, and those of the model that the training began with: what that one learned, this
/// one knows too.
pub(crate) fn carry(dataset: &Artifact, model: &str, work: &Work) -> anyhow::Result<()> {
    let mut known = Fingerprints::of_models([model])?;
    let of_dataset = dataset.path(FINGERPRINTS);
    if of_dataset.is_dir() {
        known.add(&of_dataset)?;
    }
    for (number, from) in known.0.values().enumerate() {
        let to = work.path(&format!("{FINGERPRINTS}/part-{number:05}.parquet"))?;
        fs::copy(from, &to)
            .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    }
    Ok(())
}
