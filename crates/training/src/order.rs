//! The order of examples: a function of the seed and the epoch alone.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// A random order of `0..examples` for one epoch (from 0).
pub fn epoch_order(examples: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..examples).collect();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    // A stream of its own for each epoch, so that an epoch's order does not depend on those before it.
    random.set_stream(epoch as u64);
    order.shuffle(&mut random);
    order
}

/// [`epoch_order`] cut into batches; a last batch of fewer than `smallest` examples is left out.
pub fn epoch_batches(
    examples: usize,
    batch_size: usize,
    smallest: usize,
    seed: u64,
    epoch: usize,
) -> Vec<Vec<usize>> {
    epoch_order(examples, seed, epoch)
        .chunks(batch_size.max(1))
        .filter(|batch| batch.len() >= smallest)
        .map(<[usize]>::to_vec)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_holds_every_example_once_and_differs_from_the_next() {
        let (first, second) = (epoch_order(100, 7, 0), epoch_order(100, 7, 1));
        assert_ne!(first, second);
        assert_eq!(first, epoch_order(100, 7, 0));
        for order in [first, second] {
            let mut sorted = order;
            sorted.sort_unstable();
            assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_batch_that_is_too_small_is_left_out() {
        let sizes = |examples| -> Vec<usize> {
            epoch_batches(examples, 4, 2, 1, 0)
                .iter()
                .map(Vec::len)
                .collect()
        };
        assert_eq!(sizes(9), [4, 4]);
        assert_eq!(sizes(10), [4, 4, 2]);
    }
}
