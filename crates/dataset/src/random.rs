//! Randomness that depends on a name, not on the order of work.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

/// A stream for the thing that `key` names: the same wherever and whenever it is drawn from.
pub(crate) fn stream(seed: u64, purpose: &str, key: &[&[u8]]) -> ChaCha8Rng {
    ChaCha8Rng::from_seed(digest(seed, purpose, key))
}

/// A number of 64 random bits for the thing that `key` names.
pub(crate) fn number(seed: u64, purpose: &str, key: &[&[u8]]) -> u64 {
    let bytes = digest(seed, purpose, key);
    let mut head = [0u8; 8];
    head.copy_from_slice(&bytes[..8]);
    u64::from_le_bytes(head)
}

/// A number from 0 to below 1 for the thing that `key` names.
pub(crate) fn fraction(seed: u64, purpose: &str, key: &[&[u8]]) -> f64 {
    (number(seed, purpose, key) >> 11) as f64 / (1u64 << 53) as f64
}

fn digest(seed: u64, purpose: &str, key: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    // Lengths stand before the parts, so that ("ab", "c") is not ("a", "bc").
    for part in [purpose.as_bytes()].iter().chain(key) {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt as _;

    #[test]
    fn a_name_gives_one_stream() {
        let draw = |seed, purpose, key: &[&[u8]]| stream(seed, purpose, key).random::<u64>();
        assert_eq!(draw(1, "a", &[b"x"]), draw(1, "a", &[b"x"]));
        assert_ne!(draw(1, "a", &[b"x"]), draw(2, "a", &[b"x"]));
        assert_ne!(draw(1, "a", &[b"x"]), draw(1, "b", &[b"x"]));
        assert_ne!(draw(1, "a", &[b"ab", b"c"]), draw(1, "a", &[b"a", b"bc"]));
    }

    #[test]
    fn fractions_are_spread_evenly() {
        let mean = (0..10_000u32)
            .map(|i| fraction(7, "mean", &[&i.to_le_bytes()]))
            .sum::<f64>()
            / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }
}
