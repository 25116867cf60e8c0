//! Inner-product search over dense vectors with FAISS.
//!
//! A [`VectorIndex`] holds one vector per row and answers, for each query vector, the `k` rows with the highest
//! inner product (the cosine, when vectors have length 1), or all rows from a threshold on. `"Flat"` is exact; other
//! FAISS factory strings (`"HNSW32"`, `"IVF64,Flat"`, `"IVF64,PQ16"`) are approximate. A query's answer does not depend on the queries that
//! are searched along with it. The file written is FAISS's own, which its Python package reads and writes too.
//!
//! How much an approximate index misses is measured against the exact one ([`VectorIndex::recall_against`]). Rows can
//! be added to every kind, and removed from those that FAISS can remove them from.
//!
//! One search uses all cores, by FAISS's own threads: a matrix product in an exact index, the queries of a batch in HNSW
//! (256) and IVF (19); other kinds are asked one query at a time. Searches of several threads run side by side in an exact
//! index, which gains little as its products fill the cores already, and wait for each other in any other kind.
//!
//! With the feature `gpu`, never on by default, an index is searched on a GPU (`VectorIndex::to_gpu`).
//!
//! Left to others: what a row stands for (the table of row and attribute), where vectors come from, and whether a
//! folder is whole.
//!
//! ```
//! use jobmatch_retrieval::VectorIndex;
//!
//! let vectors = [1.0, 0.0, 0.0, 1.0, 0.6, 0.8];
//! let index = VectorIndex::build(2, "Flat", &vectors)?;
//! let hits = index.search(&[0.0, 1.0], 2)?;
//! assert_eq!(hits[0].iter().map(|hit| hit.row).collect::<Vec<_>>(), [1, 2]);
//! # Ok::<(), jobmatch_retrieval::Error>(())
//! ```
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test's panic is its failure")
)]

mod error;
#[cfg(feature = "gpu")]
mod gpu;
mod header;
mod ids;
mod index;
mod native;
mod recall;
mod search;
mod update;

pub use error::{Error, Result};
#[cfg(feature = "gpu")]
pub use gpu::{GpuIndex, GpuResources};
pub use index::{FLAT, Hit, VectorIndex};
