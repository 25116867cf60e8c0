//! What was found for a word, remembered by each thread.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Memos for so many threads; more of them share.
const SLOTS: usize = 64;
/// Words in one memo; a full one is begun anew.
const WORDS: usize = 1 << 15;
/// Bytes of a word that is remembered; longer ones hardly come again.
const BYTES: usize = 40;

/// The tokens of a word.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    /// How many it has.
    pub(crate) tokens: u32,
    /// The numbers of those that some passage holds.
    pub(crate) known: Vec<u32>,
}

/// One memo for each thread.
pub(crate) struct Memos(Vec<Mutex<Memo>>);

/// The words of one thread.
#[derive(Default)]
pub(crate) struct Memo {
    words: HashMap<Box<str>, Found, BuildHasherDefault<WordHasher>>,
    /// What is not remembered.
    last: Found,
}

impl std::fmt::Debug for Memos {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memos").finish_non_exhaustive()
    }
}

impl Memos {
    pub(crate) fn new() -> Self {
        Self((0..SLOTS).map(|_| Mutex::default()).collect())
    }

    pub(crate) fn of_this_thread(&self) -> MutexGuard<'_, Memo> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static SLOT: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SLOTS;
        }
        let memo = &self.0[SLOT.with(|slot| *slot)];
        // A memo whose thread panicked holds whole entries alone.
        memo.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memo {
    /// What is known of the word, or what `find` says of it.
    pub(crate) fn get(&mut self, word: &str, find: impl FnOnce() -> (u32, Vec<u32>)) -> &Found {
        let found = |(tokens, known): (u32, Vec<u32>)| Found { tokens, known };
        if word.is_empty() || word.len() > BYTES {
            self.last = match word {
                "" => Found::default(),
                _ => found(find()),
            };
            return &self.last;
        }
        if !self.words.contains_key(word) {
            if self.words.len() >= WORDS {
                self.words.clear();
            }
            self.words.insert(word.into(), found(find()));
        }
        self.words.get(word).unwrap_or(&self.last)
    }
}

/// A hash of short texts, eight bytes at a time; nobody gains by making words collide.
#[derive(Default)]
pub(crate) struct WordHasher(u64);

impl Hasher for WordHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (eights, rest) = bytes.as_chunks::<8>();
        let mut mix = |word: u64| {
            self.0 = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            self.0 ^= self.0 >> 29;
        };
        eights
            .iter()
            .for_each(|eight| mix(u64::from_le_bytes(*eight)));
        let tail = rest
            .iter()
            .fold(rest.len() as u64, |tail, byte| tail << 8 | u64::from(*byte));
        mix(tail);
    }

    fn finish(&self) -> u64 {
        self.0.wrapping_mul(0xd6e8_feb8_6659_fd93)
    }
}
