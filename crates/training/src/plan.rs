//! What the steps of a training are.

use std::ops::Range;

use crate::{Cursor, Error, Position, Result, share};
use jobmatch_records::Record;

/// How many steps there are, and of which rows each is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Rows of a step, of all ranks and parts together.
    pub batch_size: usize,
    /// Steps of an epoch.
    pub steps_per_epoch: u64,
    /// Steps in all.
    pub total_steps: u64,
    /// The fingerprint of the rows.
    pub data: String,
}

impl Plan {
    /// `epochs` passes over the rows of `cursor`, but no more than `max_steps` steps. With `whole_batches` the last rows of
    /// an epoch that do not fill a batch are left out, others in each epoch; an epoch of fewer rows is one batch.
    ///
    /// # Errors
    /// When a batch has no row.
    pub fn new<R: Record + Send + 'static>(
        cursor: &Cursor<R>,
        batch_size: usize,
        epochs: u64,
        max_steps: Option<u64>,
        whole_batches: bool,
    ) -> Result<Self> {
        if batch_size == 0 {
            return Err(Error::Setting {
                setting: "batch_size",
                value: "0".to_owned(),
                expected: "1 or more",
            });
        }
        let steps_per_epoch = cursor.batches(batch_size, whole_batches).max(1);
        let all = steps_per_epoch.saturating_mul(epochs);
        Ok(Self {
            batch_size,
            steps_per_epoch,
            total_steps: max_steps.map_or(all, |most| most.min(all)),
            data: cursor.fingerprint(),
        })
    }

    /// Where the rows of the step after `done` steps begin.
    pub fn position(&self, done: u64) -> Position {
        Position {
            epoch: done / self.steps_per_epoch,
            row: (done % self.steps_per_epoch).saturating_mul(self.batch_size as u64),
        }
    }
}

/// One of the parts that a step's batch is computed in, as one rank sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The part's rows of the batch, of all ranks one after the other.
    pub all: Range<usize>,
    /// This rank's rows of the batch; none when there are fewer rows than ranks.
    pub rows: Range<usize>,
    /// How many rows each rank has in this part.
    pub rows_of_ranks: Vec<usize>,
    /// Rows of the batch, in all parts.
    pub batch: usize,
    /// Whether the gradients are whole after it.
    pub is_last: bool,
}

/// Cuts a batch of `batch` rows into `parts` parts and each of them into the ranks' shares.
pub(crate) fn parts(batch: usize, parts: usize, rank: usize, world: usize) -> Vec<Part> {
    (0..parts)
        .map(|number| {
            let all = share(batch, number, parts);
            let mine = share(all.len(), rank, world);
            Part {
                rows: all.start + mine.start..all.start + mine.end,
                rows_of_ranks: (0..world)
                    .map(|rank| share(all.len(), rank, world).len())
                    .collect(),
                all,
                batch,
                is_last: number + 1 == parts,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_ranks_share_a_batch_without_rest() {
        for (batch, count, world) in [(10, 3, 2), (64, 4, 4), (1, 2, 3), (0, 1, 1)] {
            let mut seen = vec![0; batch];
            for rank in 0..world {
                let parts = parts(batch, count, rank, world);
                assert_eq!(parts.iter().filter(|part| part.is_last).count(), 1);
                for part in parts {
                    assert_eq!(part.rows.len(), part.rows_of_ranks[rank]);
                    part.rows.for_each(|row| seen[row] += 1);
                }
            }
            assert!(seen.iter().all(|times| *times == 1), "{seen:?}");
        }
    }
}
