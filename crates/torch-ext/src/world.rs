//! The processes of a training.

use std::cell::Cell;
use std::ffi::CString;
use std::time::Duration;

use jobmatch_torch_ext_sys::{tx_group, tx_group_free, tx_group_new, tx_group_settings};
use tch::Device;

use crate::Result;
use crate::device::best_device;
use crate::raw::{c_text, check};
use crate::rendezvous::Rendezvous;
use crate::store::{Store, milliseconds};

/// The operation of an [`World::all_reduce`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduction {
    /// The sum over ranks.
    Sum,
    /// The largest value.
    Max,
    /// The smallest value.
    Min,
}

/// This process among those that train together. All ranks have to call the same functions in the same order. It stays
/// in the thread that made it.
#[derive(Debug)]
pub struct World {
    rank: u32,
    size: u32,
    device: Device,
    timeout: Duration,
    pub(crate) link: Option<Link>,
}

/// What a process of several has besides.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) group: Group,
    pub(crate) store: Store,
    /// How many times the ranks worked side by side: names the keys of the next time.
    pub(crate) times_together: Cell<u64>,
}

/// libtorch's process group: gloo for the CPU, NCCL for CUDA.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) raw: *mut tx_group,
}

impl Drop for Group {
    fn drop(&mut self) {
        // SAFETY: it is ours, and nothing uses it after.
        unsafe { tx_group_free(self.raw) }
    }
}

impl World {
    /// One process alone, on `device`. Its collectives do nothing.
    pub fn alone(device: Device) -> Self {
        Self {
            rank: 0,
            size: 1,
            device,
            timeout: Duration::MAX,
            link: None,
        }
    }

    /// What the environment says: the world that torchrun (or a script for Slurm or Kubernetes) started, or this process
    /// alone without its variables. The device is the GPU with the local rank's number where there is one.
    ///
    /// # Errors
    /// See [`Rendezvous::from_env`] and [`World::connect`].
    pub fn from_env() -> Result<Self> {
        match Rendezvous::from_env()? {
            None => Ok(Self::alone(best_device(0))),
            Some(rendezvous) => {
                let device = best_device(rendezvous.local_rank as usize);
                Self::connect(&rendezvous, device)
            }
        }
    }

    /// Meets the other ranks and makes the process group: gloo, and NCCL besides when `device` is a GPU. gloo listens at
    /// the interface that `GLOO_SOCKET_IFNAME` names, or else at this machine's name.
    ///
    /// # Errors
    /// When the store cannot be reached, ranks are missing after the timeout (they are named), or NCCL is not there.
    pub fn connect(rendezvous: &Rendezvous, device: Device) -> Result<Self> {
        let store = rendezvous.meet()?;
        let interface = std::env::var("GLOO_SOCKET_IFNAME")
            .ok()
            .filter(|name| !name.is_empty())
            .map(|name| c_text(&name));
        let hostname = rendezvous.is_local().then(|| c_text("127.0.0.1"));
        let pointer =
            |text: &Option<CString>| text.as_ref().map_or(std::ptr::null(), |text| text.as_ptr());
        let settings = tx_group_settings {
            rank: rendezvous.rank as i32,
            size: rendezvous.size as i32,
            timeout_ms: milliseconds(rendezvous.timeout),
            interface: pointer(&interface),
            hostname: pointer(&hostname),
            cuda_device: match device {
                Device::Cuda(index) => index as i32,
                _ => -1,
            },
        };
        let mut raw = std::ptr::null_mut();
        // SAFETY: settings and their texts live through the call, and `raw` takes the group.
        check("make the process group", unsafe {
            tx_group_new(store.raw(), &raw const settings, &raw mut raw)
        })?;
        tracing::debug!(
            rank = rendezvous.rank,
            size = rendezvous.size,
            ?device,
            "all ranks met"
        );
        Ok(Self {
            rank: rendezvous.rank,
            size: rendezvous.size,
            device,
            timeout: rendezvous.timeout,
            link: Some(Link {
                group: Group { raw },
                store,
                times_together: Cell::new(0),
            }),
        })
    }

    /// This process's number, from 0.
    pub fn rank(&self) -> u32 {
        self.rank
    }

    /// Processes in all.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Whether this is rank 0, which writes what only one may write.
    pub fn is_first(&self) -> bool {
        self.rank == 0
    }

    /// Where this rank computes.
    pub fn device(&self) -> Device {
        self.device
    }

    /// How long another rank is waited for.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }
}
