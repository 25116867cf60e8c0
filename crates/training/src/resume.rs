//! Going on from a checkpoint: the first rank reads it, and all ranks get what it read.

use std::path::PathBuf;

use jobmatch_torch_ext::{AdamW, RngState, World};
use tch::Tensor;

use crate::checkpoints::{Checkpoints, read_checkpoint};
use crate::parameters::Parameters;
use crate::plan::Plan;
use crate::state::TrainerState;
use crate::{Error, Result};

/// The newest checkpoint as far as this rank has it; nothing on all but the first.
#[derive(Debug, Default)]
pub(crate) struct Newest {
    state: Vec<u8>,
    moments: Option<(Vec<Tensor>, Vec<Tensor>)>,
}

/// Reads the newest checkpoint on the first rank and puts its weights into the parameters there.
pub(crate) fn read_newest(
    world: &World,
    checkpoints: Option<&Checkpoints>,
    parameters: &Parameters,
) -> Result<Newest> {
    world.together(|| {
        let Some(checkpoints) = checkpoints else {
            return Ok(Newest::default());
        };
        let Some((path, state)) = checkpoints.newest()? else {
            return Ok(Newest::default());
        };
        let [weights, means, squares] = read_checkpoint(&path, &parameters.names)?;
        put(&parameters.tensors, &weights)?;
        let bytes = state.to_bytes();
        Ok(Newest {
            state: bytes.map_err(|problem| Error::State { path, problem })?,
            moments: Some((means, squares)),
        })
    })
}

impl Newest {
    /// Gives all ranks the optimizer's state and each its random numbers; where the training stands, or `None` at its
    /// beginning. The weights go with `Ddp::new`.
    pub fn share(
        self,
        world: &World,
        adamw: &mut AdamW,
        plan: &Plan,
        seed: u64,
    ) -> Result<Option<TrainerState>> {
        let bytes = world.broadcast_bytes(&self.state)?;
        if bytes.is_empty() {
            tch::manual_seed(seed_of(world, seed));
            return Ok(None);
        }
        let state = TrainerState::from_bytes(&bytes).map_err(|problem| Error::State {
            path: PathBuf::from("the first rank's checkpoint"),
            problem,
        })?;
        if state.data != plan.data {
            return Err(Error::OtherData {
                expected: state.data,
                found: plan.data.clone(),
            });
        }
        let mut whole = adamw.state();
        if let Some((means, squares)) = self.moments {
            (whole.means, whole.squares) = (means, squares);
        }
        whole.steps.clone_from(&state.parameter_steps);
        adamw.restore(&whole)?;
        let now = adamw.state();
        world.broadcast_all(&now.means)?;
        world.broadcast_all(&now.squares)?;
        restore_random(&state, world, seed)?;
        Ok(Some(state))
    }
}

/// A rank's own seed: the first one's is the training's.
fn seed_of(world: &World, seed: u64) -> i64 {
    (seed ^ (u64::from(world.rank()) << 32)) as i64
}

/// Copies `from` into the variables `to`.
pub(crate) fn put(to: &[Tensor], from: &[Tensor]) -> Result<()> {
    tch::no_grad(|| {
        for (number, (to, from)) in to.iter().zip(from).enumerate() {
            if to.size() != from.size() {
                let (found, wanted) = (from.size(), to.size());
                return Err(Error::State {
                    path: PathBuf::from("the checkpoint"),
                    problem: format!(
                        "tensor {number} is shaped {found:?}, the model's is {wanted:?}"
                    ),
                });
            }
            to.shallow_clone().f_copy_(from)?;
        }
        Ok(())
    })
}

/// Each rank goes on with its own random numbers. A rank that the checkpoint does not know begins with new ones.
fn restore_random(state: &TrainerState, world: &World, seed: u64) -> Result<()> {
    if state.random.len() != world.size() as usize {
        tracing::warn!(
            "the checkpoint is of {} ranks, and now there are {}: what is drawn from here on is other than without the \
             interruption",
            state.random.len(),
            world.size()
        );
    }
    match state.random.get(world.rank() as usize) {
        Some(random) => Ok(random.restore(world.device())?),
        None => {
            tch::manual_seed(seed_of(world, seed ^ state.step));
            Ok(())
        }
    }
}

pub(crate) fn encode_random(random: &RngState) -> Result<Vec<u8>> {
    let encoded = bincode::serde::encode_to_vec(random, bincode::config::standard());
    encoded.map_err(|error| Error::State {
        path: PathBuf::from("the random state"),
        problem: error.to_string(),
    })
}

pub(crate) fn decode_random(bytes: &[u8]) -> Result<RngState> {
    let decoded = bincode::serde::decode_from_slice(bytes, bincode::config::standard());
    decoded
        .map(|(random, _)| random)
        .map_err(|error| Error::State {
            path: PathBuf::from("the random state of a rank"),
            problem: error.to_string(),
        })
}
