//! Where a training is in its data, and which part of a batch is a rank's.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// How much of the order was given: what a checkpoint keeps of a [`crate::Cursor`].
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The epoch, from 0.
    pub epoch: u64,
    /// Rows of this epoch that were given: the number of the next one, from 0; at the end of the epoch, how many it
    /// has.
    pub row: u64,
}

/// The part of a batch of `batch` rows that belongs to one of `world` ranks. The parts follow each other, their
/// lengths differ by one at most (the first ranks have the longer ones), and together they are the batch. A rank that
/// is not in the world has an empty one.
pub fn share(batch: usize, rank: usize, world: usize) -> Range<usize> {
    if rank >= world {
        return batch..batch;
    }
    let (each, longer) = (batch / world, batch % world);
    let start = each * rank + rank.min(longer);
    start..start + each + usize::from(rank < longer)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn shares_follow_each_other_and_are_the_batch(batch in 0_usize..10_000, world in 1_usize..100) {
            let mut end = 0;
            for rank in 0..world {
                let part = share(batch, rank, world);
                prop_assert_eq!(part.start, end);
                prop_assert!(part.len() == batch / world || part.len() == batch / world + 1);
                end = part.end;
            }
            prop_assert_eq!(end, batch);
        }
    }

    #[test]
    fn a_rank_outside_the_world_has_nothing() {
        assert!(share(10, 3, 3).is_empty());
        assert!(share(10, 0, 0).is_empty());
        assert_eq!(share(usize::MAX, 1, 2), usize::MAX / 2 + 1..usize::MAX);
    }
}
