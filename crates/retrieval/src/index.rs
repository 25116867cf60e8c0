//! Build, save and load.

use std::path::Path;

use faiss::{Index, MetricType};

use crate::ids::Ids;
use crate::native::{Kind, Native};
use crate::{Error, Result, header};

/// The factory string of the exact index.
pub const FLAT: &str = "Flat";

/// One row found for a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Row of the index, from 0, in the order in which vectors were given to [`VectorIndex::build`] and
    /// [`VectorIndex::add`], less those that were removed.
    pub row: usize,
    /// Inner product of the query and the row's vector (an approximation of it where the index compresses vectors).
    pub score: f32,
}

/// A FAISS index for inner products.
#[derive(Debug)]
pub struct VectorIndex {
    pub(crate) native: Native,
    pub(crate) ids: Ids,
    pub(crate) dimension: usize,
    pub(crate) rows: usize,
    /// The length of the longest vector, where the index is exact.
    pub(crate) longest: f64,
}

impl VectorIndex {
    /// Builds an index over `vectors` (rows × `dimension`, row-major) by a FAISS factory string: [`FLAT`] is exact,
    /// `"HNSW32"`, `"IVF64,Flat"`, `"IVF64,PQ16"` and others are approximate and, where they need it, are trained on
    /// the same vectors.
    ///
    /// # Errors
    /// No vectors, a buffer that is no whole number of vectors, a number that is not finite, or a factory string that
    /// FAISS refuses for these vectors (too few of them to train on, a dimension that does not divide).
    pub fn build(dimension: usize, factory: &str, vectors: &[f32]) -> Result<Self> {
        let width = u32::try_from(dimension)
            .ok()
            .filter(|width| (1..=i32::MAX as u32).contains(width));
        let Some(width) = width else {
            return Err(Error::Dimension { dimension });
        };
        check_values("vectors", "vector", dimension, vectors)?;
        if vectors.is_empty() {
            return Err(Error::Empty);
        }
        let rows = vectors.len() / dimension;
        let refused = |source| Error::Factory {
            factory: factory.to_owned(),
            vectors: rows,
            dimension,
            source,
        };
        let mut index =
            faiss::index_factory(width, factory, MetricType::InnerProduct).map_err(refused)?;
        if !index.is_trained() {
            tracing::debug!(factory, rows, "training the index");
            index.train(vectors).map_err(refused)?;
        }
        index.add(vectors).map_err(refused)?;
        let native = Native::new(index, Kind::of_factory(factory)).map_err(refused)?;
        Ok(Self::over(native, dimension, rows))
    }

    /// Numbers per vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Vectors held.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether answers are exact: the index holds every vector as it was given, and compares them all.
    pub fn is_exact(&self) -> bool {
        self.vectors().is_some()
    }

    /// The vectors (rows × dimension, row-major), where the index is exact.
    pub fn vectors(&self) -> Option<&[f32]> {
        self.native.vectors()
    }

    /// Writes the index in FAISS's own format.
    ///
    /// # Errors
    /// A path that is not UTF-8, or one that cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        self.native
            .write(utf8(path)?)
            .map_err(|source| Error::Save {
                path: path.to_path_buf(),
                source,
            })
    }

    /// Reads an index for inner products in FAISS's own format, whoever wrote it.
    ///
    /// # Errors
    /// A file that is missing, cut off, of another metric, empty, or unknown to FAISS. Bytes changed within a vector
    /// are not noticed here: the checksums of the folder it lies in are for that. An IVF index that rows were removed
    /// from also needs [`VectorIndex::with_ids`].
    pub fn load(path: &Path) -> Result<Self> {
        let kind = header::check(path)?;
        let load = |source| Error::Load {
            path: path.to_path_buf(),
            source,
        };
        let index = faiss::read_index(utf8(path)?).map_err(load)?;
        let damaged = |why: &str| Error::Damaged {
            path: path.to_path_buf(),
            why: why.to_owned(),
        };
        if !index.is_trained() {
            return Err(damaged("it was never trained"));
        }
        let rows = usize::try_from(index.ntotal()).map_err(|_| damaged("it has too many rows"))?;
        if rows == 0 {
            return Err(damaged("it has no rows"));
        }
        let dimension = index.d() as usize;
        let native = Native::new(index, kind).map_err(load)?;
        check_values(
            "vectors",
            "vector",
            dimension,
            native.vectors().unwrap_or_default(),
        )
        .map_err(|_| damaged("a vector holds a number that is not finite"))?;
        Ok(Self::over(native, dimension, rows))
    }

    fn over(native: Native, dimension: usize, rows: usize) -> Self {
        Self {
            ids: Ids::default(),
            longest: longest(dimension, native.vectors().unwrap_or_default()),
            native,
            dimension,
            rows,
        }
    }
}

/// Euclidean length.
pub(crate) fn length(vector: &[f32]) -> f64 {
    vector
        .iter()
        .map(|value| f64::from(*value).powi(2))
        .sum::<f64>()
        .sqrt()
}

/// The length of the longest vector.
pub(crate) fn longest(dimension: usize, vectors: &[f32]) -> f64 {
    vectors
        .chunks_exact(dimension)
        .map(length)
        .fold(0.0, f64::max)
}

/// Checks that `values` are whole vectors of finite numbers.
pub(crate) fn check_values(
    many: &'static str,
    one: &'static str,
    dimension: usize,
    values: &[f32],
) -> Result<()> {
    if !values.len().is_multiple_of(dimension) {
        return Err(Error::Shape {
            what: many,
            values: values.len(),
            dimension,
        });
    }
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::NonFinite {
            what: one,
            row: at / dimension,
            component: at % dimension,
            value: values[at],
        }),
    }
}

/// The path as FAISS takes it.
fn utf8(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| Error::Path {
        path: path.to_path_buf(),
    })
}
