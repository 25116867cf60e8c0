//! Checkpoints on disk, each a folder that is whole or absent. Only the first rank has them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jobmatch_artifact::{Artifact, Begin, Identity, begin};
use tch::{Device, Tensor};

use crate::state::TrainerState;
use crate::{Error, Result};

const CHECKPOINT: &str = "checkpoint-";
const BEST: &str = "best-";
const WEIGHTS: &str = "weights.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const STATE: &str = "state.bin";

/// The optimizer's tensors of each parameter.
#[derive(Debug)]
pub(crate) struct Moments<'a> {
    pub means: &'a [Tensor],
    pub squares: &'a [Tensor],
}

/// The folder that holds the checkpoints of one training.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    folder: PathBuf,
    keep: usize,
    seed: u64,
}

impl Checkpoints {
    /// Uses `folder`, which is made; the newest `keep` checkpoints stay.
    pub fn open(folder: &Path, keep: usize, seed: u64) -> Result<Self> {
        fs::create_dir_all(folder).map_err(Error::folder(folder))?;
        Ok(Self {
            folder: folder.to_path_buf(),
            keep,
            seed,
        })
    }

    /// The newest checkpoint that is whole. Damaged ones, and best weights of later steps, are removed.
    pub fn newest(&self) -> Result<Option<(PathBuf, TrainerState)>> {
        for (step, path) in self.list(CHECKPOINT)?.into_iter().rev() {
            match read_state(&path) {
                Ok(state) => {
                    for (_, later) in self
                        .list(BEST)?
                        .into_iter()
                        .filter(|(best, _)| *best > step)
                    {
                        remove(&later)?;
                    }
                    return Ok(Some((path, state)));
                }
                Err(error) => {
                    tracing::warn!("{} is not used: {error}", path.display());
                    remove(&path)?;
                }
            }
        }
        for (_, path) in self.list(BEST)? {
            remove(&path)?;
        }
        Ok(None)
    }

    /// Writes a checkpoint of the state's step, then removes what is no longer needed.
    pub fn write(
        &self,
        state: &TrainerState,
        names: &[String],
        weights: &[Tensor],
        moments: &Moments,
    ) -> Result<()> {
        let path = self.place(CHECKPOINT, state.step);
        if let Begin::Work(draft) = begin(&path, self.identity("checkpoint", state.step))? {
            write_tensors(&draft.path(WEIGHTS)?, named("", names, weights))?;
            let moments = named("means.", names, moments.means)
                .into_iter()
                .chain(named("squares.", names, moments.squares));
            write_tensors(&draft.path(OPTIMIZER)?, moments.collect())?;
            let file = draft.path(STATE)?;
            let bytes = state.to_bytes().map_err(|problem| Error::State {
                path: file.clone(),
                problem,
            })?;
            fs::write(&file, bytes).map_err(Error::folder(&file))?;
            draft.publish()?;
        }
        self.clear_old()
    }

    /// Writes the weights that are the best so far.
    pub fn write_best(&self, step: u64, names: &[String], weights: &[Tensor]) -> Result<()> {
        let path = self.place(BEST, step);
        if let Begin::Work(draft) = begin(&path, self.identity("best weights", step))? {
            write_tensors(&draft.path(WEIGHTS)?, named("", names, weights))?;
            draft.publish()?;
        }
        Ok(())
    }

    /// The weights that were the best after `step` steps, in the order of `names`.
    pub fn read_best(&self, step: u64, names: &[String]) -> Result<Vec<Tensor>> {
        let path = self.place(BEST, step);
        Artifact::open(&path)?;
        read_tensors(&path.join(WEIGHTS), "", names)
    }

    /// Removes all but the newest checkpoints, and the best weights that none of them refers to: a run that goes on from
    /// an earlier one still needs the weights that were the best then.
    fn clear_old(&self) -> Result<()> {
        let mut checkpoints = self.list(CHECKPOINT)?;
        let old = checkpoints.len().saturating_sub(self.keep);
        for (_, path) in checkpoints.drain(..old) {
            remove(&path)?;
        }
        let mut needed = Vec::new();
        for (_, path) in &checkpoints {
            needed.extend(read_state(path)?.best.map(|best| best.step));
        }
        for (step, path) in self.list(BEST)? {
            if !needed.contains(&step) {
                remove(&path)?;
            }
        }
        Ok(())
    }

    fn place(&self, kind: &str, step: u64) -> PathBuf {
        self.folder.join(format!("{kind}{step:010}"))
    }

    /// The folders of a kind with their steps, in the order of steps.
    fn list(&self, kind: &str) -> Result<Vec<(u64, PathBuf)>> {
        let failed = Error::folder(&self.folder);
        let entries =
            fs::read_dir(&self.folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
        let mut found: Vec<(u64, PathBuf)> = entries
            .map_err(failed)?
            .iter()
            .filter_map(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                let step = name.strip_prefix(kind)?.parse().ok()?;
                Some((step, entry.path()))
            })
            .collect();
        found.sort();
        Ok(found)
    }

    fn identity(&self, what: &str, step: u64) -> Identity {
        Identity {
            stage: what.to_owned(),
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            config: serde_json::json!({ "step": step }),
            seed: self.seed,
            inputs: Vec::new(),
        }
    }
}

/// The tensors of a checkpoint, in the order of `names`: weights, means, squares.
pub(crate) fn read_checkpoint(path: &Path, names: &[String]) -> Result<[Vec<Tensor>; 3]> {
    let optimizer = path.join(OPTIMIZER);
    Ok([
        read_tensors(&path.join(WEIGHTS), "", names)?,
        read_tensors(&optimizer, "means.", names)?,
        read_tensors(&optimizer, "squares.", names)?,
    ])
}

/// The state of a checkpoint whose files are all as they were written.
fn read_state(path: &Path) -> Result<TrainerState> {
    Artifact::open(path)?;
    let file = path.join(STATE);
    let bytes = fs::read(&file).map_err(Error::folder(&file))?;
    TrainerState::from_bytes(&bytes).map_err(|problem| Error::State {
        path: file,
        problem,
    })
}

fn named(prefix: &str, names: &[String], tensors: &[Tensor]) -> Vec<(String, Tensor)> {
    let plain = |tensor: &Tensor| tensor.detach().to_device(Device::Cpu).contiguous();
    let pairs = names.iter().zip(tensors);
    pairs
        .map(|(name, tensor)| (format!("{prefix}{name}"), plain(tensor)))
        .collect()
}

fn write_tensors(path: &Path, tensors: Vec<(String, Tensor)>) -> Result<()> {
    Ok(Tensor::write_safetensors(&tensors, path)?)
}

fn read_tensors(path: &Path, prefix: &str, names: &[String]) -> Result<Vec<Tensor>> {
    let mut all: BTreeMap<String, Tensor> = Tensor::read_safetensors(path)?.into_iter().collect();
    let take = |name: &String| {
        all.remove(&format!("{prefix}{name}"))
            .ok_or_else(|| Error::State {
                path: path.to_path_buf(),
                problem: format!("it lacks `{prefix}{name}`"),
            })
    };
    names.iter().map(take).collect()
}

fn remove(path: &Path) -> Result<()> {
    fs::remove_dir_all(path).map_err(Error::folder(path))
}
