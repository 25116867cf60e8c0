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
        let (words, _) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        // The last eight bytes once more, whole, in place of a rest of any length; with the number of bytes they leave
        // nothing out.
        let last = match (
            bytes.last_chunk::<8>(),
            bytes.first_chunk::<4>(),
            bytes.last_chunk::<4>(),
        ) {
            (Some(last), _, _) => u64::from_le_bytes(*last),
            (None, Some(first), Some(last)) => {
                u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
            }
            _ => bytes
                .iter()
                .fold(0, |word, byte| word << 8 | u64::from(*byte)),
        };
        self.mix(last ^ (bytes.len() as u64) << 56);
    }

    // `str` ends its bytes with this one; their number is in the hash already.
    fn write_u8(&mut self, _end: u8) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The hash of one number; two numbers have two hashes.
pub(crate) fn of_number(number: u32) -> u64 {
    (u64::from(number) + 1).wrapping_mul(FACTOR)
}

/// Tells whether hashes differ. Keeps its room from one question to the next.
#[derive(Debug, Default)]
pub(crate) struct Distinct {
    /// A bit for each remainder that was met.
    met: Vec<u64>,
    /// A bit for each that was met again.
    again: Vec<u64>,
    suspects: Vec<u64>,
}

impl Distinct {
    /// Whether no two are equal. Without a branch for most of them: sixteen bits for each hash leave one in thirty
    /// that shares its bit with another, and only those are sorted.
    pub(crate) fn all(&mut self, hashes: impl ExactSizeIterator<Item = u64> + Clone) -> bool {
        let words = (hashes.len() / 4 + 1).next_power_of_two();
        for bits in [&mut self.met, &mut self.again] {
            bits.clear();
            bits.resize(words, 0);
        }
        // The high bits: those of a product are the best mixed.
        let place = |hash: u64| ((hash >> 38) as usize & (words - 1), 1 << (hash >> 58));
        for hash in hashes.clone() {
            let (word, bit) = place(hash);
            self.again[word] |= self.met[word] & bit;
            self.met[word] |= bit;
        }
        let again = &self.again;
        let suspects = hashes.filter(|&hash| {
            let (word, bit) = place(hash);
            again[word] & bit != 0
        });
        self.suspects.clear();
        self.suspects.extend(suspects);
        self.suspects.sort_unstable();
        self.suspects.windows(2).all(|pair| pair[0] != pair[1])
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

    #[test]
    fn what_stands_twice_is_found() {
        let mut distinct = Distinct::default();
        for count in [0, 1, 2, 3, 7, 8, 1000] {
            for scattered in [true, false] {
                // The others all share one bit.
                let hash = |number: u32| {
                    if scattered {
                        of_number(number)
                    } else {
                        u64::from(number)
                    }
                };
                let mut hashes: Vec<u64> = (0..count).map(hash).collect();
                assert!(distinct.all(hashes.iter().copied()), "{count}");
                for place in (0..hashes.len()).step_by(97) {
                    hashes.push(hashes[place]);
                    assert!(!distinct.all(hashes.iter().copied()), "{count}");
                    hashes.pop();
                }
            }
        }
    }
}
