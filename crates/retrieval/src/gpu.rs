//! An index on a GPU. Needs the feature `gpu`, and with it a FAISS that was built for GPUs.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use faiss::{Index, StandardGpuResources};

use crate::{Error, Hit, Result, VectorIndex};

/// Most rows that FAISS finds for a query on a GPU (`getMaxKSelection` in its gpu/impl/IndexUtils.cu).
const MOST_ROWS: usize = 2048;

/// Queries per call.
const BATCH: usize = 4096;

/// The memory and streams that FAISS holds on GPUs.
pub struct GpuResources(StandardGpuResources);

impl GpuResources {
    /// # Errors
    /// No GPU, or no driver for it.
    pub fn new() -> Result<Self> {
        StandardGpuResources::new().map(Self).map_err(Error::Gpu)
    }
}

/// A copy of an index on a GPU, beside the one it was made from. The resources must not serve a second thread.
pub struct GpuIndex<'a> {
    on_cpu: &'a VectorIndex,
    on_gpu: Mutex<Box<dyn Index + Send + 'a>>,
}

impl VectorIndex {
    /// Copies the index to GPU number `device`, from 0.
    ///
    /// # Errors
    /// No such device, too little memory on it, or a kind of index that FAISS has none of for GPUs (HNSW, for one).
    pub fn to_gpu<'a>(&'a self, resources: &'a GpuResources, device: i32) -> Result<GpuIndex<'a>> {
        let on_gpu = self
            .native
            .to_gpu(&resources.0, device)
            .map_err(Error::Gpu)?;
        Ok(GpuIndex {
            on_cpu: self,
            on_gpu: Mutex::new(on_gpu),
        })
    }
}

impl GpuIndex<'_> {
    /// As [`VectorIndex::search`]. An exact index gives the same rows and, to the bit, the same scores as on the CPU: what
    /// the GPU finds is scored once more there. In other kinds the last bits may depend on a query's company.
    ///
    /// # Errors
    /// What [`VectorIndex::search`] refuses, and of an approximate index a `k` above 2,016: FAISS finds 2,048 on a GPU, and is asked
    /// for some more than `k`.
    pub fn search(&self, queries: &[f32], k: usize) -> Result<Vec<Vec<Hit>>> {
        let exact = self.on_cpu.is_exact();
        self.on_cpu.search_by(queries, k, BATCH, &|queries, k| {
            if exact && k > MOST_ROWS {
                return self.on_cpu.native.search(queries, k);
            }
            let mut index = self.on_gpu.lock().unwrap_or_else(PoisonError::into_inner);
            index.search(queries, k)
        })
    }
}

impl fmt::Debug for GpuResources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GpuResources").finish_non_exhaustive()
    }
}

impl fmt::Debug for GpuIndex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GpuIndex")
            .field("on_cpu", self.on_cpu)
            .finish_non_exhaustive()
    }
}
