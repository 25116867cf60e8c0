//! What was found for words, remembered by each thread.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Memos for so many threads; more of them share.
const SLOTS: usize = 64;
/// The sets of places for short words in one memo are two to this power.
const SET_BITS: u32 = 15;
/// Places in a set.
const PLACES: usize = 2;
/// Pieces in one memo; a full one is begun anew.
const PIECES: usize = 1 << 15;
/// Bytes of a piece that is remembered; longer ones hardly come again.
const PIECE_BYTES: usize = 40;

/// One memo for each thread.
pub(crate) struct Memos(Vec<Slot>);

/// A memo apart from its neighbours' cache lines, which other threads write to.
#[derive(Default)]
#[repr(align(128))]
struct Slot(Mutex<Memo>);

/// What one thread remembers.
#[derive(Default)]
pub(crate) struct Memo {
    pub(crate) words: WordMemo,
    pub(crate) pieces: PieceMemo,
    /// Empty between two calls; kept for its memory.
    pub(crate) tally: Tally,
}

/// The tokens of a piece of text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// How many it has.
    pub(crate) tokens: u32,
    /// The numbers of those that some passage holds.
    pub(crate) known: Vec<u32>,
}

/// What a word is: 0 for a stop word or no word, 1 for a token that no passage holds, and 2 more than its number for a
/// token that some passage holds. No enum, so that a tally takes it without a branch that nobody can predict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token(u64);

impl std::fmt::Debug for Memos {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memos").finish_non_exhaustive()
    }
}

impl Memos {
    pub(crate) fn new() -> Self {
        Self((0..SLOTS).map(|_| Slot::default()).collect())
    }

    pub(crate) fn of_this_thread(&self) -> MutexGuard<'_, Memo> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static SLOT: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SLOTS;
        }
        let Slot(memo) = &self.0[SLOT.with(|slot| *slot)];
        // A thread that panicked left whole entries, and a tally that the next call clears.
        memo.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    pub(crate) fn clear(&mut self) {
        self.tokens = 0;
        self.known.clear();
    }

    #[inline]
    pub(crate) fn add(&mut self, Token(code): Token) {
        self.tokens += u32::from(code > 0);
        let known = self.known.len() + usize::from(code > 1);
        self.known.push(code.wrapping_sub(2) as u32);
        self.known.truncate(known);
    }

    pub(crate) fn add_all(&mut self, other: &Tally) {
        self.tokens += other.tokens;
        self.known.extend_from_slice(&other.known);
    }
}

/// Short words by their keys, in sets of a few places: its size is fixed, and frequent words stay.
///
/// A place is the key's halves and the token's code; key 0 is no word's. A word that is found moves one place to the
/// front of its set, and a new one takes the last place.
#[derive(Default)]
pub(crate) struct WordMemo(Vec<[[u64; 3]; PLACES]>);

impl WordMemo {
    /// What is known of the word with this key, or what `find` says of it.
    #[inline]
    pub(crate) fn get(&mut self, key: u128, find: impl FnOnce() -> Token) -> Token {
        if self.0.is_empty() {
            // Zeros cost no memory until they are written to.
            self.0 = vec![[[0; 3]; PLACES]; 1 << SET_BITS];
        }
        let (low, high) = (key as u64, (key >> 64) as u64);
        let hash =
            (low ^ high.wrapping_mul(0xd6e8_feb8_6659_fd93)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let set = &mut self.0[(hash >> (u64::BITS - SET_BITS)) as usize];
        let [first, second, code] = set[0];
        if (first ^ low) | (second ^ high) == 0 {
            return Token(code);
        }
        for place in 1..PLACES {
            let [first, second, code] = set[place];
            if (first ^ low) | (second ^ high) == 0 {
                set.swap(place, place - 1);
                return Token(code);
            }
        }
        let token = find();
        set[PLACES - 1] = [low, high, token.0];
        token
    }
}

impl Token {
    pub(crate) const NOTHING: Token = Token(0);
    pub(crate) const UNKNOWN: Token = Token(1);

    pub(crate) fn known(number: u32) -> Token {
        Token(2 + u64::from(number))
    }
}

/// Pieces of text that are no short plain words.
#[derive(Default)]
pub(crate) struct PieceMemo {
    pieces: HashMap<Box<str>, Tally, BuildHasherDefault<PieceHasher>>,
    /// What is not remembered.
    last: Tally,
}

impl PieceMemo {
    /// What is known of the piece, or what `find` says of it.
    pub(crate) fn get(&mut self, piece: &str, find: impl FnOnce() -> Tally) -> &Tally {
        if piece.len() > PIECE_BYTES {
            self.last = find();
            return &self.last;
        }
        if !self.pieces.contains_key(piece) {
            if self.pieces.len() >= PIECES {
                self.pieces.clear();
            }
            self.pieces.insert(piece.into(), find());
        }
        self.pieces.get(piece).unwrap_or(&self.last)
    }
}

/// A hash of short texts, eight bytes at a time; nobody gains by making pieces collide.
#[derive(Default)]
struct PieceHasher(u64);

impl Hasher for PieceHasher {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequent_words_stay_and_no_word_is_taken_for_another() {
        let mut memo = WordMemo::default();
        let token = |key: u128| match key % 3 {
            0 => Token::NOTHING,
            1 => Token::UNKNOWN,
            _ => Token::known(key as u32),
        };
        let mut misses = 0;
        for key in 1..300_000 {
            assert_eq!(memo.get(key << 40, || token(key)), token(key));
            let frequent = 1_000_000 + key % 100;
            let found = memo.get(frequent, || {
                misses += 1;
                token(frequent)
            });
            assert_eq!(found, token(frequent));
        }
        assert!(misses < 300, "{misses} misses");
    }
}
