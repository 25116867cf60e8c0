//! How much of the exact answer an approximate index finds.

use crate::search::dot;
use crate::{Error, Result, VectorIndex};

impl VectorIndex {
    /// For each of `ks`, recall@k against `exact`, an exact index over the same rows: the share of a query's `k` true
    /// nearest neighbours that are among the first `k` found here, as a mean over `queries` (rows × dimension,
    /// row-major). It is 1 for an exact index.
    ///
    /// This is the recall of ANN-benchmarks (`knn_recall` in its plotting/metrics.py, with epsilon 0): a row found counts
    /// when its exact score is at least that of the true neighbour at rank `k`, so rows that tie at rank `k` are worth the
    /// same. Where `k` is above the number of rows, it is taken for that number.
    ///
    /// # Errors
    /// An index that is not exact or has other rows or another dimension, no queries, a `k` of zero, and what
    /// [`VectorIndex::search`] refuses.
    pub fn recall_against(&self, exact: &Self, queries: &[f32], ks: &[usize]) -> Result<Vec<f64>> {
        let Some(vectors) = exact.vectors() else {
            return Err(Error::NotExact);
        };
        if (exact.dimension, exact.rows) != (self.dimension, self.rows) {
            return Err(Error::OtherRows {
                exact: (exact.rows, exact.dimension),
                approximate: (self.rows, self.dimension),
            });
        }
        if queries.is_empty() || ks.contains(&0) {
            return Err(Error::NothingToRecall);
        }
        let deepest = ks.iter().copied().max().unwrap_or_default();
        let truth = exact.search(queries, deepest)?;
        let at = |&k: &usize| {
            let found = self.search(queries, k)?;
            let k = k.min(self.rows);
            let mut sum = 0.0;
            for ((query, truth), found) in queries.chunks(self.dimension).zip(&truth).zip(found) {
                let last = truth[k - 1].score;
                let vector = |row: usize| &vectors[row * self.dimension..][..self.dimension];
                let right = found
                    .iter()
                    .filter(|hit| dot(query, vector(hit.row)) >= last);
                sum += right.count() as f64 / k as f64;
            }
            Ok(sum / truth.len() as f64)
        };
        ks.iter().map(at).collect()
    }
}
