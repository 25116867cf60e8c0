//! Build, search, save and load.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use faiss::index::IndexImpl;
use faiss::{Idx, Index, MetricType};

use crate::{Error, Result, header};

/// The factory string of the exact index.
pub const FLAT: &str = "Flat";

/// Queries per call of FAISS on an exact index: enough for one matrix product to pay.
const BATCH: usize = 256;

/// Rows asked for beyond `k` at first, so that rounding and ties at rank `k` seldom need a second search.
const SPARE: usize = 32;

/// One row found for a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Row of the index, from 0, in the order in which vectors were given to [`VectorIndex::build`].
    pub row: usize,
    /// Inner product of the query and the row's vector (an approximation of it where the index compresses vectors).
    pub score: f32,
}

/// A FAISS index for inner products.
#[derive(Debug)]
pub struct VectorIndex {
    // The binding searches through `&mut` for indexes of unknown kind. FAISS itself uses all threads within a search.
    index: Mutex<IndexImpl>,
    dimension: usize,
    rows: usize,
    /// Present when the index is exact.
    exact: Option<Exact>,
}

/// What an exact index needs to give scores that do not depend on how FAISS multiplies.
#[derive(Debug, Clone, Copy)]
struct Exact {
    /// The length of the longest vector.
    longest: f64,
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
        let exact = (factory == FLAT).then(|| Exact {
            longest: vectors
                .chunks_exact(dimension)
                .map(length)
                .fold(0.0, f64::max),
        });
        Ok(Self {
            index: Mutex::new(index),
            dimension,
            rows,
            exact,
        })
    }

    /// Numbers per vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Vectors held.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// For each of `queries` (rows × dimension, row-major), its `k` best rows: score descending, then row ascending,
    /// also where rows of equal score stand on both sides of rank `k`. Fewer than `k` only when the index has fewer
    /// rows, or is approximate and found fewer.
    ///
    /// # Errors
    /// A buffer that is no whole number of queries, a number that is not finite, or a failure of FAISS.
    pub fn search(&self, queries: &[f32], k: usize) -> Result<Vec<Vec<Hit>>> {
        check_values("queries", "query", self.dimension, queries)?;
        let count = queries.len() / self.dimension;
        if k == 0 {
            return Ok(vec![Vec::new(); count]);
        }
        // An approximate index is asked one query at a time: its coarse and compressing steps are matrix products
        // whose last bits depend on the company, and there a bit can decide which cells are visited.
        let batch = if self.exact.is_some() { BATCH } else { 1 };
        let mut index = self.lock();
        let mut found = Vec::with_capacity(count);
        for chunk in queries.chunks(batch * self.dimension) {
            let first = found.len();
            found.extend(self.search_batch(&mut index, chunk, first, k)?);
        }
        Ok(found)
    }

    /// Writes the index in FAISS's own format.
    ///
    /// # Errors
    /// A path that is not UTF-8, or one that cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        faiss::write_index(&*self.lock(), utf8(path)?).map_err(|source| Error::Save {
            path: path.to_path_buf(),
            source,
        })
    }

    /// Reads an index for inner products in FAISS's own format, whoever wrote it.
    ///
    /// # Errors
    /// A file that is missing, cut off, of another metric, empty, or unknown to FAISS. Bytes changed within a vector
    /// are not noticed here: the checksums of the folder it lies in are for that.
    pub fn load(path: &Path) -> Result<Self> {
        let flat = header::check(path)?;
        let index = faiss::read_index(utf8(path)?).map_err(|source| Error::Load {
            path: path.to_path_buf(),
            source,
        })?;
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
        let exact = if flat {
            let mut vector = vec![0.0; dimension];
            let mut longest = 0.0f64;
            for row in 0..rows {
                reconstruct(&index, row, &mut vector)?;
                check_values("vectors", "vector", dimension, &vector)
                    .map_err(|_| damaged("a vector holds a number that is not finite"))?;
                longest = longest.max(length(&vector));
            }
            Some(Exact { longest })
        } else {
            None
        };
        Ok(Self {
            index: Mutex::new(index),
            dimension,
            rows,
            exact,
        })
    }

    /// A search that panicked leaves the native index as it was, so a poisoned lock is still good.
    fn lock(&self) -> MutexGuard<'_, IndexImpl> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one batch of queries. `first` is the number of its first query, for messages.
    ///
    /// FAISS leaves open which of several rows of equal score it keeps at rank `k`, and the last bits of a matrix
    /// product depend on its shape and on a query's place in it. So an exact index's rows are scored once more, always
    /// in the same order of sums, and more rows are asked for until none that was left out can belong among the best.
    fn search_batch(
        &self,
        index: &mut IndexImpl,
        batch: &[f32],
        first: usize,
        k: usize,
    ) -> Result<Vec<Vec<Hit>>> {
        let query = |place: usize| &batch[place * self.dimension..][..self.dimension];
        let mut answers = vec![Vec::new(); batch.len() / self.dimension];
        let mut open: Vec<usize> = (0..answers.len()).collect();
        let mut asked = batch.to_vec();
        let mut vector = vec![0.0; self.dimension];
        let mut ask = k.saturating_add(SPARE).min(self.rows);
        while !open.is_empty() {
            let raw = index.search(&asked, ask).map_err(Error::Search)?;
            let lists = raw.labels.chunks(ask).zip(raw.distances.chunks(ask));
            let mut undecided = Vec::new();
            for (&place, (labels, scores)) in open.iter().zip(lists) {
                let mut hits = Vec::with_capacity(ask);
                let mut lowest = f32::INFINITY;
                for (label, &found) in labels.iter().zip(scores) {
                    let Some(row) = label.get() else { continue };
                    let row = row as usize;
                    lowest = lowest.min(found);
                    let score = if self.exact.is_some() {
                        reconstruct(index, row, &mut vector)?;
                        dot(query(place), &vector)
                    } else {
                        found
                    };
                    if !score.is_finite() {
                        let query = first + place;
                        return Err(Error::NonFiniteScore { row, query, score });
                    }
                    // Adding zero makes -0.0 into 0.0, so that the total order sees the equals they are.
                    let score = score + 0.0;
                    hits.push(Hit { row, score });
                }
                hits.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
                let all = hits.len() < ask || ask == self.rows;
                let bound = f64::from(lowest) + self.rounding(query(place));
                let safe = hits
                    .get(k - 1)
                    .is_some_and(|hit| f64::from(hit.score) > bound);
                if all || safe {
                    hits.truncate(k);
                    answers[place] = hits;
                } else {
                    undecided.push(place);
                }
            }
            asked.clear();
            asked.extend(undecided.iter().flat_map(|place| query(*place)));
            open = undecided;
            ask = ask.saturating_mul(2).min(self.rows);
        }
        Ok(answers)
    }

    /// How far FAISS's score of a row and ours can lie apart: twice the bound `d * 2^-24 * |q| * |v|` on the error of
    /// an inner product of `d` terms in single precision (Higham, Accuracy and Stability of Numerical Algorithms,
    /// section 3.1), doubled once more against the bound's neglected terms. Zero where FAISS's score is the score.
    fn rounding(&self, query: &[f32]) -> f64 {
        self.exact.map_or(0.0, |exact| {
            4.0 * self.dimension as f64 * 2f64.powi(-24) * length(query) * exact.longest
        })
    }
}

/// Inner product in one fixed order of sums: eight running sums, added at the end, then the remaining terms.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_lanes, a_rest) = a.as_chunks::<8>();
    let (b_lanes, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0f32; 8];
    for (x, y) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..8 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(x, y)| x * y);
    sums.into_iter().chain(rest).sum()
}

/// Euclidean length.
fn length(vector: &[f32]) -> f64 {
    vector
        .iter()
        .map(|value| f64::from(*value).powi(2))
        .sum::<f64>()
        .sqrt()
}

/// Copies a stored row.
fn reconstruct(index: &IndexImpl, row: usize, vector: &mut [f32]) -> Result<()> {
    index
        .reconstruct(Idx::new(row as u64), vector)
        .map_err(Error::Search)
}

/// Checks that `values` are whole vectors of finite numbers.
fn check_values(
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
