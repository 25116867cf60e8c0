//! The state of libtorch's random numbers.

use jobmatch_torch_ext_sys::{tx_rng_state, tx_set_rng_state};
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use crate::raw::{check, device_numbers, pointer, tensor_from};
use crate::{Error, Result};

/// Where the random numbers of the CPU, and of one GPU, stand: with it dropout goes on as if it had not stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RngState {
    cpu: Vec<u8>,
    cuda: Option<Vec<u8>>,
}

impl RngState {
    /// The state now: always of the CPU, and of `device` when it is a GPU.
    ///
    /// # Errors
    /// libtorch's refusal.
    pub fn of(device: Device) -> Result<Self> {
        Ok(Self {
            cpu: state(Device::Cpu)?,
            cuda: match device {
                Device::Cuda(_) => Some(state(device)?),
                _ => None,
            },
        })
    }

    /// Puts the state back.
    ///
    /// # Errors
    /// When it was saved for another kind of device, or is no state of this libtorch.
    pub fn restore(&self, device: Device) -> Result<()> {
        set_state(Device::Cpu, &self.cpu)?;
        match (device, &self.cuda) {
            (Device::Cuda(_), Some(saved)) => set_state(device, saved),
            (Device::Cuda(_), None) => Err(Error::State {
                problem: "random numbers were saved on a CPU, and this is a GPU".to_owned(),
            }),
            (_, Some(_)) => Err(Error::State {
                problem: "random numbers were saved on a GPU, and this is a CPU".to_owned(),
            }),
            (_, None) => Ok(()),
        }
    }
}

fn state(device: Device) -> Result<Vec<u8>> {
    let (kind, index) = device_numbers(device);
    let state = tensor_from("read the random state", |out| unsafe {
        // SAFETY: `out` is a place for one tensor.
        tx_rng_state(kind, index, out)
    })?;
    Ok(Vec::<u8>::try_from(state)?)
}

fn set_state(device: Device, saved: &[u8]) -> Result<()> {
    let (kind, index) = device_numbers(device);
    let state = Tensor::from_slice(saved);
    // SAFETY: the tensor lives through the call.
    check("set the random state", unsafe {
        tx_set_rng_state(kind, index, pointer(&state))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    #[test]
    fn the_same_numbers_come_again() {
        let state = RngState::of(Device::Cpu).unwrap();
        let draw = || Vec::<f32>::try_from(Tensor::rand([50], (Kind::Float, Device::Cpu))).unwrap();
        let first = draw();
        assert_ne!(draw(), first);
        state.restore(Device::Cpu).unwrap();
        assert_eq!(draw(), first);
        let broken = RngState {
            cpu: vec![1, 2, 3],
            cuda: None,
        };
        assert!(broken.restore(Device::Cpu).is_err());
    }
}
