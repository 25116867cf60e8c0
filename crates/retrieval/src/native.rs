//! FAISS's index behind one face, and which kinds of index are known by more than their name.

use std::sync::{Mutex, PoisonError};

use faiss::error::Result;
use faiss::index::{IndexImpl, RangeSearchResult, SearchResult};
use faiss::selector::IdSelector;
use faiss::{ConcurrentIndex, FlatIndex, Idx, Index};

/// Queries per call of FAISS where company changes no answer: enough for one matrix product to pay.
const BATCH: usize = 256;

/// Below this number of queries FAISS 1.12 compares a query and a cell's centre one by one, and not by a matrix product
/// (`distance_compute_blas_threshold` in its utils/distances.cpp).
const BELOW_MATRIX_PRODUCT: usize = 20;

/// What is known of an index beyond its interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Exact: all vectors as they are.
    Flat,
    /// A graph over vectors as they are.
    Hnsw,
    /// A list of codes.
    Codes,
    /// Cells around flat centres, in them vectors as they are or compressed one by one.
    Ivf,
    /// Anything else.
    Other,
}

impl Kind {
    /// The kind that FAISS makes of a factory string. An unknown spelling is [`Kind::Other`], which is slower, not wrong.
    pub(crate) fn of_factory(factory: &str) -> Self {
        let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let product = |text: &str| {
            text.strip_prefix("PQ").is_some_and(|rest| {
                let (parts, bits) = rest.split_once('x').unwrap_or((rest, "8"));
                number(parts) && number(bits)
            })
        };
        let codes = |text: &str| product(text) || ["SQ4", "SQ6", "SQ8", "SQfp16"].contains(&text);
        let graph = factory.strip_suffix(",Flat").unwrap_or(factory);
        let cells = factory
            .strip_prefix("IVF")
            .and_then(|rest| rest.split_once(','));
        if factory == crate::FLAT {
            Self::Flat
        } else if graph.strip_prefix("HNSW").is_some_and(number) {
            Self::Hnsw
        } else if codes(factory) {
            Self::Codes
        } else if cells
            .is_some_and(|(count, rest)| number(count) && (rest == "Flat" || codes(rest)))
        {
            Self::Ivf
        } else {
            Self::Other
        }
    }

    /// Queries that are asked at once. An index of unknown kind is asked one query at a time: its coarse and compressing
    /// steps may be matrix products, whose last bits depend on the company, and there a bit can decide which cells are
    /// visited.
    pub(crate) fn batch(self) -> usize {
        match self {
            Self::Flat | Self::Hnsw => BATCH,
            Self::Ivf => BELOW_MATRIX_PRODUCT - 1,
            Self::Codes | Self::Other => 1,
        }
    }
}

/// An index of FAISS.
#[derive(Debug)]
pub(crate) enum Native {
    /// The exact one, which the binding lets several threads search.
    Flat(FlatIndex),
    /// Any other. The binding searches it through `&mut`.
    Locked(Mutex<IndexImpl>, Kind),
}

impl Native {
    pub(crate) fn new(index: IndexImpl, kind: Kind) -> Result<Self> {
        Ok(match kind {
            Kind::Flat => Self::Flat(index.into_flat()?),
            kind => Self::Locked(Mutex::new(index), kind),
        })
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Flat(_) => Kind::Flat,
            Self::Locked(_, kind) => *kind,
        }
    }

    /// All vectors, of an exact index.
    pub(crate) fn vectors(&self) -> Option<&[f32]> {
        match self {
            Self::Flat(index) => Some(index.xb()),
            Self::Locked(..) => None,
        }
    }

    pub(crate) fn search(&self, queries: &[f32], k: usize) -> Result<SearchResult> {
        match self {
            Self::Flat(index) => ConcurrentIndex::search(index, queries, k),
            Self::Locked(index, _) => lock(index).search(queries, k),
        }
    }

    /// Rows whose score is above `radius`; the radius itself is left out.
    pub(crate) fn range_search(&self, queries: &[f32], radius: f32) -> Result<RangeSearchResult> {
        match self {
            Self::Flat(index) => ConcurrentIndex::range_search(index, queries, radius),
            Self::Locked(index, _) => lock(index).range_search(queries, radius),
        }
    }

    /// Adds vectors, under numbers of their own where they are given.
    pub(crate) fn add(&mut self, vectors: &[f32], ids: Option<Vec<Idx>>) -> Result<()> {
        match (self, ids) {
            (Self::Flat(index), _) => index.add(vectors),
            (Self::Locked(index, _), None) => unlocked(index).add(vectors),
            (Self::Locked(index, _), Some(ids)) => unlocked(index).add_with_ids(vectors, &ids),
        }
    }

    /// Removes vectors by FAISS's numbers; says how many it found.
    pub(crate) fn remove(&mut self, ids: &IdSelector) -> Result<usize> {
        match self {
            Self::Flat(index) => index.remove_ids(ids),
            Self::Locked(index, _) => unlocked(index).remove_ids(ids),
        }
    }

    /// A copy on a GPU.
    #[cfg(feature = "gpu")]
    pub(crate) fn to_gpu<'a>(
        &self,
        resources: &'a faiss::StandardGpuResources,
        device: i32,
    ) -> Result<Box<dyn Index + Send + 'a>> {
        Ok(match self {
            Self::Flat(index) => Box::new(index.to_gpu(resources, device)?),
            Self::Locked(index, _) => Box::new(lock(index).to_gpu(resources, device)?),
        })
    }

    pub(crate) fn write(&self, path: &str) -> Result<()> {
        match self {
            Self::Flat(index) => faiss::write_index(index, path),
            Self::Locked(index, _) => faiss::write_index(&*lock(index), path),
        }
    }
}

/// A search that panicked leaves the native index as it was, so a poisoned lock is still good.
fn lock(index: &Mutex<IndexImpl>) -> std::sync::MutexGuard<'_, IndexImpl> {
    index.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unlocked(index: &mut Mutex<IndexImpl>) -> &mut IndexImpl {
    index.get_mut().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn factory_strings_have_kinds() {
        for (factory, kind) in [
            ("Flat", Kind::Flat),
            ("HNSW32", Kind::Hnsw),
            ("HNSW32,Flat", Kind::Hnsw),
            ("PQ16x4", Kind::Codes),
            ("SQ8", Kind::Codes),
            ("IVF64,Flat", Kind::Ivf),
            ("IVF64,PQ16", Kind::Ivf),
            ("IVF64,PQ16x4", Kind::Ivf),
            ("IVF64,SQ8", Kind::Ivf),
            ("HNSW32,PQ8", Kind::Other),
            ("HNSW", Kind::Other),
            ("IVF64,PQ16x4fs", Kind::Other),
            ("IVF64_HNSW32,Flat", Kind::Other),
            ("OPQ16,IVF64,PQ16", Kind::Other),
            ("PCA64,Flat", Kind::Other),
        ] {
            assert_eq!(Kind::of_factory(factory), kind, "{factory}");
        }
    }
}
