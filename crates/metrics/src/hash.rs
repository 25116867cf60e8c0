//! A quick hash of ids, for look-ups whose result does not depend on it.

use std::hash::{BuildHasherDefault, Hasher};

/// A map that is looked up a thousand times for each query; never iterated into a result.
pub(crate) type IdMap<'a, V> = std::collections::HashMap<&'a str, V, BuildHasherDefault<IdHasher>>;

/// Eight bytes at a time: multiply to 128 bits and fold the halves. Ids are short, so the standard library's hash, made
/// to withstand chosen keys, costs more than all the rest of an evaluation. Where chosen keys could hurt, the caller
/// orders by more than the hash.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct IdHasher(u64);

/// Bits of the golden ratio, odd.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl IdHasher {
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word ^ FACTOR) * u128::from(FACTOR.rotate_left(23) | 1);
        self.0 = product as u64 ^ (product >> 64) as u64;
    }
}

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.mix(u64::from_le_bytes(last) ^ (bytes.len() as u64) << 56);
    }

    // `str` ends its bytes with this one; their number is in the hash already.
    fn write_u8(&mut self, _end: u8) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The hash of one id.
pub(crate) fn of(id: &str) -> u64 {
    let mut hasher = IdHasher::default();
    hasher.write(id.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_ids_differ() {
        let mut hashes: Vec<u64> = (0..100_000).map(|i| of(&format!("document-{i}"))).collect();
        hashes.extend(["", "a", "a\0", "aaaaaaaa", "aaaaaaaa\0", "aaaaaaa"].map(of));
        let count = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), count);
    }
}
