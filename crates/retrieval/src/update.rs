//! Rows that come and go after an index was built.

use faiss::Idx;
use faiss::selector::IdSelector;

use crate::index::{check_values, longest};
use crate::native::Kind;
use crate::{Error, Result, VectorIndex};

impl VectorIndex {
    /// Adds `vectors` (rows × dimension, row-major) behind the rows that are there. What an approximate index learnt when
    /// it was built (cells, codes) stays as it was: it suits vectors like those it was built over.
    ///
    /// # Errors
    /// A buffer that is no whole number of vectors, a number that is not finite, or a failure of FAISS.
    pub fn add(&mut self, vectors: &[f32]) -> Result<()> {
        check_values("vectors", "vector", self.dimension, vectors)?;
        let added = vectors.len() / self.dimension;
        if added == 0 {
            return Ok(());
        }
        let ids = self.ids.next(added);
        let native_ids = ids
            .as_ref()
            .map(|ids| ids.iter().copied().map(Idx::new).collect());
        self.native
            .add(vectors, native_ids)
            .map_err(|source| Error::Update {
                what: "add rows to",
                source,
            })?;
        if let Some(ids) = ids {
            self.ids.extend(&ids);
        }
        self.rows += added;
        if self.is_exact() {
            self.longest = self.longest.max(longest(self.dimension, vectors));
        }
        Ok(())
    }

    /// Removes rows, in any order; those that stay keep their order and are numbered anew from 0.
    ///
    /// # Errors
    /// A row that is not there, all rows at once, and kinds of index whose rows cannot be removed, of which HNSW is one
    /// ([`Error::CannotRemove`]): build those anew.
    pub fn remove(&mut self, rows: &[usize]) -> Result<()> {
        if let Some(&row) = rows.iter().find(|row| **row >= self.rows) {
            return Err(Error::NoSuchRow {
                row,
                rows: self.rows,
            });
        }
        if rows.is_empty() {
            return Ok(());
        }
        let mut goes = vec![false; self.rows];
        rows.iter().for_each(|&row| goes[row] = true);
        let left = goes.iter().filter(|goes| !**goes).count();
        if left == 0 {
            return Err(Error::NothingLeft);
        }
        let kind = self.native.kind();
        if !matches!(kind, Kind::Flat | Kind::Codes | Kind::Ivf) {
            return Err(Error::CannotRemove);
        }
        let ids: Vec<Idx> = (0..self.rows)
            .filter(|row| goes[*row])
            .map(|row| Idx::new(self.id(row)))
            .collect();
        let failed = |source| Error::Update {
            what: "remove rows from",
            source,
        };
        let selector = IdSelector::batch(&ids).map_err(failed)?;
        let removed = self.native.remove(&selector).map_err(failed)?;
        if removed != ids.len() {
            return Err(Error::UnknownIds {
                missing: ids.len() - removed,
            });
        }
        // FAISS moves the rows of a list together, and leaves the numbers in cells as they are.
        if kind == Kind::Ivf {
            let kept: Vec<u64> = (0..self.rows)
                .filter(|row| !goes[*row])
                .map(|row| self.id(row))
                .collect();
            self.ids.set(kept);
        }
        self.rows = left;
        self.longest = longest(self.dimension, self.vectors().unwrap_or_default());
        Ok(())
    }

    /// FAISS's own number of a row, which is what its file holds and its Python package finds. It is the row itself but
    /// in an IVF index that rows were removed from.
    pub fn id(&self, row: usize) -> u64 {
        self.ids.id(row)
    }

    /// Gives a loaded index FAISS's own numbers of its rows, as [`VectorIndex::id`] said them when it was saved.
    ///
    /// # Errors
    /// Another number of ids than rows, an id twice, or ids that are not the rows in an index of a kind that keeps none.
    pub fn with_ids(mut self, ids: Vec<u64>) -> Result<Self> {
        if ids.len() != self.rows {
            let why = format!("there are {} for {} rows", ids.len(), self.rows);
            return Err(Error::Ids { why });
        }
        let wrong = ids.iter().zip(0..).position(|(id, row)| *id != row);
        let Some(row) = wrong else {
            return Ok(self);
        };
        let id = ids[row];
        if self.native.kind() != Kind::Ivf {
            let why =
                format!("row {row} has id {id}, and this kind of index numbers its rows from 0");
            return Err(Error::Ids { why });
        }
        if ids.iter().any(|id| i64::try_from(*id).is_err()) || !self.ids.set(ids) {
            let why = "an id stands twice, or is too large".to_owned();
            return Err(Error::Ids { why });
        }
        Ok(self)
    }
}
