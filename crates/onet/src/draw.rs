//! Seeded drawing. Each thing that is drawn has its own stream, named by what it is for, so that
//! one occupation more or less changes nothing of the others.

use rand::{Rng, SeedableRng, seq::SliceRandom as _};
use rand_chacha::ChaCha8Rng;

/// A stream of random draws.
pub(crate) struct Draw(ChaCha8Rng);

impl Draw {
    /// The stream of this seed and name.
    pub(crate) fn new(seed: u64, name: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes());
        hasher.update(name.as_bytes());
        Draw(ChaCha8Rng::from_seed(*hasher.finalize().as_bytes()))
    }

    /// A number from 0 to 2^64 - 1.
    pub(crate) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number from `low` to `high`, both included. `low` must not be above `high`.
    pub(crate) fn between(&mut self, low: usize, high: usize) -> usize {
        use rand::RngExt as _;
        self.0.random_range(low..=high)
    }

    /// True `percent` times in 100.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.between(0, 99) < percent
    }

    /// One of `items`, which must not be empty.
    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.between(0, items.len() - 1)]
    }

    /// `count` different numbers below `len` (or all, if there are fewer), in random order.
    pub(crate) fn sample(&mut self, len: usize, count: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..len).collect();
        all.shuffle(&mut self.0);
        all.truncate(count);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_depends_on_seed_and_name() {
        let first = |seed, name| Draw::new(seed, name).number();
        assert_eq!(first(1, "a"), first(1, "a"));
        assert_ne!(first(1, "a"), first(2, "a"));
        assert_ne!(first(1, "a"), first(1, "b"));
    }

    #[test]
    fn a_sample_has_no_repeats() {
        let mut sample = Draw::new(7, "sample").sample(10, 6);
        assert_eq!(sample.len(), 6);
        sample.sort_unstable();
        sample.dedup();
        assert_eq!(sample.len(), 6);
        assert_eq!(Draw::new(7, "sample").sample(3, 6).len(), 3);
    }
}
