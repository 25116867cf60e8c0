//! The best rows for a query, and all rows above a threshold.
//!
//! FAISS leaves open which of several rows of equal score it keeps at rank `k`, and the last bits of a matrix product
//! depend on its shape and on a query's place in it. So an exact index's rows are scored once more, always in the same
//! order of sums, and FAISS is asked for all rows that rounding could have kept from their place.

use faiss::index::SearchResult;

use crate::index::{check_values, length};
use crate::{Error, Hit, Result, VectorIndex};

/// Rows asked for beyond `k` at first, so that rounding and ties at rank `k` seldom need a second search.
const SPARE: usize = 32;

/// Rows that one call of FAISS may find when it searches by threshold: what bounds its memory.
const RANGE_ROWS: usize = 1 << 23;

/// FAISS's best rows for queries.
pub(crate) type Searcher<'a> = dyn Fn(&[f32], usize) -> faiss::error::Result<SearchResult> + 'a;

impl VectorIndex {
    /// For each of `queries` (rows × dimension, row-major), its `k` best rows: score descending, then row ascending,
    /// also where rows of equal score stand on both sides of rank `k`. Fewer than `k` only when the index has fewer
    /// rows, or is approximate and found fewer.
    ///
    /// # Errors
    /// A buffer that is no whole number of queries, a number that is not finite, or a failure of FAISS.
    pub fn search(&self, queries: &[f32], k: usize) -> Result<Vec<Vec<Hit>>> {
        let batch = self.native.kind().batch();
        self.search_by(queries, k, batch, &|queries, k| {
            self.native.search(queries, k)
        })
    }

    /// The same by another searcher over the same vectors, so many queries at once.
    pub(crate) fn search_by(
        &self,
        queries: &[f32],
        k: usize,
        batch: usize,
        searcher: &Searcher<'_>,
    ) -> Result<Vec<Vec<Hit>>> {
        check_values("queries", "query", self.dimension, queries)?;
        let count = queries.len() / self.dimension;
        if k == 0 {
            return Ok(vec![Vec::new(); count]);
        }
        let mut found = Vec::with_capacity(count);
        for chunk in queries.chunks(batch * self.dimension) {
            let first = found.len();
            found.extend(self.search_batch(chunk, first, k, searcher)?);
        }
        Ok(found)
    }

    /// For each of `queries` (rows × dimension, row-major), every row whose score is at least `threshold`: score
    /// descending, then row ascending. On an exact index these are, to the bit, the first hits of
    /// [`VectorIndex::search`]; an approximate one finds those that are in the cells or the part of the graph that it
    /// visits. The answer is as long as it is: a low threshold gives all rows for every query.
    ///
    /// # Errors
    /// A threshold that is NaN, a buffer that is no whole number of queries, a number that is not finite, or a kind of
    /// index that FAISS does not search by threshold ([`Error::Range`]).
    pub fn range(&self, queries: &[f32], threshold: f32) -> Result<Vec<Vec<Hit>>> {
        check_values("queries", "query", self.dimension, queries)?;
        if threshold.is_nan() {
            return Err(Error::Threshold);
        }
        let batch = (RANGE_ROWS / self.rows).clamp(1, self.native.kind().batch());
        let mut found = Vec::with_capacity(queries.len() / self.dimension);
        for chunk in queries.chunks(batch * self.dimension) {
            let first = found.len();
            found.extend(self.range_batch(chunk, first, threshold)?);
        }
        Ok(found)
    }

    /// Answers one batch of queries. `first` is the number of its first query, for messages. More rows are asked for
    /// until none that was left out can belong among the best.
    fn search_batch(
        &self,
        batch: &[f32],
        first: usize,
        k: usize,
        searcher: &Searcher<'_>,
    ) -> Result<Vec<Vec<Hit>>> {
        let query = |place: usize| &batch[place * self.dimension..][..self.dimension];
        let mut answers = vec![Vec::new(); batch.len() / self.dimension];
        let mut open: Vec<usize> = (0..answers.len()).collect();
        let mut asked = batch.to_vec();
        let mut ask = k.saturating_add(SPARE).min(self.rows);
        while !open.is_empty() {
            let raw = searcher(&asked, ask).map_err(Error::Search)?;
            let lists = raw.labels.chunks(ask).zip(raw.distances.chunks(ask));
            let mut undecided = Vec::new();
            for (&place, (labels, scores)) in open.iter().zip(lists) {
                let mut hits = Vec::with_capacity(ask);
                let mut lowest = f32::INFINITY;
                for (label, &found) in labels.iter().zip(scores) {
                    let Some(label) = label.get() else { continue };
                    lowest = lowest.min(found);
                    hits.push(self.hit(label, found, query(place), first + place)?);
                }
                sort(&mut hits);
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

    /// Answers one batch of queries. `first` is the number of its first query, for messages.
    fn range_batch(&self, batch: &[f32], first: usize, threshold: f32) -> Result<Vec<Vec<Hit>>> {
        let queries = batch.chunks(self.dimension);
        let rounding = queries
            .clone()
            .map(|q| self.rounding(q))
            .fold(0.0, f64::max);
        if rounding > f64::from(f32::MAX) * f64::from(f32::EPSILON) {
            // Products this large may overflow, and FAISS passes over what is then no number.
            let all = queries.zip(first..).map(|(query, number)| {
                let labels = 0..self.rows as u64;
                self.above(labels.map(|label| (label, 0.0)), query, number, threshold)
            });
            return all.collect();
        }
        // FAISS leaves the radius itself out, and the smallest numbers may be taken for zero.
        let radius = (f64::from(threshold) - rounding - f64::from(f32::MIN_POSITIVE)) as f32;
        let raw = self
            .native
            .range_search(batch, radius.next_down())
            .map_err(Error::Range)?;
        let (scores, labels) = raw.distance_and_labels();
        let limits = raw.lims().windows(2).map(|limit| limit[0]..limit[1]);
        limits
            .zip(queries)
            .zip(first..)
            .map(|((limits, query), number)| {
                let rows = labels[limits.clone()].iter().zip(&scores[limits]);
                let rows = rows.filter_map(|(label, score)| Some((label.get()?, *score)));
                self.above(rows, query, number, threshold)
            })
            .collect()
    }

    /// The rows found for a query, by label and by FAISS's score, that reach the threshold, in order.
    fn above(
        &self,
        rows: impl Iterator<Item = (u64, f32)>,
        query: &[f32],
        number: usize,
        threshold: f32,
    ) -> Result<Vec<Hit>> {
        let mut hits = Vec::new();
        for (label, found) in rows {
            let hit = self.hit(label, found, query, number)?;
            if hit.score >= threshold {
                hits.push(hit);
            }
        }
        sort(&mut hits);
        Ok(hits)
    }

    /// A row that FAISS found, with its score in the fixed order of sums where the index is exact.
    fn hit(&self, label: u64, found: f32, query: &[f32], number: usize) -> Result<Hit> {
        let Some(row) = self.ids.row(label, self.rows) else {
            return Err(Error::UnknownId {
                id: label,
                rows: self.rows,
            });
        };
        let score = match self.vectors() {
            Some(vectors) => dot(query, &vectors[row * self.dimension..][..self.dimension]),
            None => found,
        };
        if !score.is_finite() {
            let query = number;
            return Err(Error::NonFiniteScore { row, query, score });
        }
        // Adding zero makes -0.0 into 0.0, so that the total order sees the equals they are.
        Ok(Hit {
            row,
            score: score + 0.0,
        })
    }

    /// How far FAISS's score of a row and ours can lie apart: twice the bound `d * 2^-24 * |q| * |v|` on the error of
    /// an inner product of `d` terms in single precision (Higham, Accuracy and Stability of Numerical Algorithms,
    /// section 3.1), doubled once more against the bound's neglected terms. Zero where FAISS's score is the score.
    fn rounding(&self, query: &[f32]) -> f64 {
        if !self.is_exact() {
            return 0.0;
        }
        let terms = self.dimension as f64;
        // The second part is for products that are too small for the bound to hold.
        4.0 * terms * 2f64.powi(-24) * length(query) * self.longest
            + terms * f64::from(f32::MIN_POSITIVE)
    }
}

/// Best first.
fn sort(hits: &mut [Hit]) {
    hits.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
}

/// Inner product in one fixed order of sums: eight running sums, added at the end, then the remaining terms.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
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
