//! Gradients averaged over the ranks while backward goes on.

use std::cell::Cell;
use std::time::Duration;

use jobmatch_torch_ext_sys::{
    tx_reducer, tx_reducer_counts, tx_reducer_free, tx_reducer_new, tx_reducer_prepare,
};
use serde::{Deserialize, Serialize};
use tch::{TchError, Tensor};

use crate::raw::{check, pointers};
use crate::world::World;
use crate::{Error, Result};

/// Settings of [`Ddp`], with the defaults of PyTorch's `DistributedDataParallel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DdpConfig {
    /// Bytes of gradients that are reduced at once; 1 or more.
    pub bucket_bytes: u64,
    /// The same for the first bucket to be ready: smaller, so that reducing starts early.
    pub first_bucket_bytes: u64,
}

impl Default for DdpConfig {
    fn default() -> Self {
        Self {
            bucket_bytes: 25 << 20,
            first_bucket_bytes: 1 << 20,
        }
    }
}

/// Parameters that are the same on all ranks, and stay so: made equal to rank 0's at the start, their gradients averaged
/// over the ranks by libtorch's `Reducer`. Alone it is plain backward.
///
/// The buckets never change, so a resumed run sums in the order of the uninterrupted one.
#[derive(Debug)]
pub struct Ddp {
    reducer: Option<Reducer>,
    backwards: Cell<u64>,
    rank: u32,
    size: u32,
    timeout: Duration,
}

#[derive(Debug)]
struct Reducer {
    raw: *mut tx_reducer,
}

impl Drop for Reducer {
    fn drop(&mut self) {
        // SAFETY: it is ours, and nothing uses it after.
        unsafe { tx_reducer_free(self.raw) }
    }
}

impl Ddp {
    /// Copies rank 0's `parameters` to all ranks, and reduces their gradients from now on. All of them must take part
    /// in every loss. Take them in about the order of their use, the same on all ranks:
    /// `VarStore::trainable_variables()` gives one, `variables()` does not.
    ///
    /// # Errors
    /// When the ranks' parameters differ in number, kind or shape, on every rank; when libtorch refuses them.
    pub fn new(world: &World, parameters: &[Tensor], config: &DdpConfig) -> Result<Self> {
        if config.bucket_bytes == 0 || config.first_bucket_bytes == 0 {
            return Err(Error::Setting {
                setting: "bucket_bytes",
                value: "0".to_owned(),
                expected: "1 or more",
            });
        }
        let Some(link) = &world.link else {
            return Ok(Self {
                reducer: None,
                backwards: Cell::new(0),
                rank: 0,
                size: 1,
                timeout: world.timeout(),
            });
        };
        world.broadcast_all(parameters)?;
        let list = pointers(parameters);
        let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let mut raw = std::ptr::null_mut();
        // SAFETY: group and parameters live through the call, and the reducer keeps references of its own.
        check("make the reducer of gradients", unsafe {
            tx_reducer_new(
                link.group.raw,
                list.as_ptr(),
                list.len(),
                bytes(config.first_bucket_bytes),
                bytes(config.bucket_bytes),
                &raw mut raw,
            )
        })?;
        Ok(Self {
            reducer: Some(Reducer { raw }),
            backwards: Cell::new(0),
            rank: world.rank(),
            size: world.size(),
            timeout: world.timeout(),
        })
    }

    /// Backward from `loss`; afterwards every parameter's gradient is the mean over the ranks of what was gathered in it
    /// since it was zero.
    ///
    /// # Errors
    /// When a rank died, or a parameter takes no part in the loss.
    pub fn backward(&self, loss: &Tensor) -> Result<()> {
        if let Some(reducer) = &self.reducer {
            // SAFETY: the reducer lives through the call.
            check("prepare for backward", unsafe {
                tx_reducer_prepare(reducer.raw)
            })?;
        }
        loss.f_backward().map_err(|error| self.explain(error))?;
        self.backwards.set(self.backwards.get() + 1);
        let (buckets, reduced) = (self.buckets(), self.all_reduces());
        let expected = buckets * self.backwards.get();
        if reduced != expected {
            return Err(Error::Unreduced {
                reduced: buckets.saturating_sub(expected - reduced),
                buckets,
            });
        }
        Ok(())
    }

    /// What went wrong between the ranks while backward ran comes out of libtorch like any other error.
    fn explain(&self, error: TchError) -> Error {
        let message = error.to_string();
        let of_ranks = ["gloo", "NCCL", "c10d"];
        if self.reducer.is_none() || !of_ranks.iter().any(|word| message.contains(word)) {
            return error.into();
        }
        Error::Collective {
            operation: "averaging the gradients",
            rank: self.rank,
            size: self.size,
            timeout: self.timeout,
            message,
        }
    }

    /// Backward from `loss` into this rank's own gradients: for all but the last part of a step whose gradients are
    /// gathered in parts (`no_sync` in PyTorch).
    ///
    /// # Errors
    /// libtorch's refusal.
    pub fn backward_without_reducing(&self, loss: &Tensor) -> Result<()> {
        Ok(loss.f_backward()?)
    }

    /// How many buckets the gradients are reduced in; 0 alone.
    pub fn buckets(&self) -> u64 {
        self.counts().0
    }

    /// How many reductions there were so far: [`buckets`](Self::buckets) for each [`backward`](Self::backward).
    pub fn all_reduces(&self) -> u64 {
        self.counts().1
    }

    fn counts(&self) -> (u64, u64) {
        let (mut buckets, mut reduced) = (0, 0);
        if let Some(reducer) = &self.reducer {
            // SAFETY: the reducer lives through the call.
            unsafe { tx_reducer_counts(reducer.raw, &raw mut buckets, &raw mut reduced) }
        }
        (buckets as u64, reduced)
    }
}
