//! The classifier of gaps: a small neural network over hashed facts, in whole numbers.
//!
//! Each fact has a row in a table. The rows of a gap's facts are added up; the sum goes through one layer of rectified
//! linear units to one score, and a sentence ends where that is above 0. Most gaps inside a line do not come so far: one
//! weight for each of the first facts decides where their sum leaves little doubt. All of it is integer arithmetic, so
//! the result is the same on every machine.

use std::borrow::Cow;

use crate::features::{FIRST, SECOND};
use crate::scan::Gap;

/// Rows of the table, as a power of two.
pub(crate) const ROW_BITS: u32 = 17;
pub(crate) const ROWS: usize = 1 << ROW_BITS;
/// Bytes of a row: the check, a weight that goes straight to the score, and one for each hidden unit.
pub(crate) const ROW: usize = 16;
/// Hidden units.
pub(crate) const HIDDEN: usize = ROW - 2;
/// Numbers before the tables, `i32` in little-endian order: the hidden units' biases, their weights, the weight of the
/// direct sum, the score's bias; for the first look the bias, and how far from 0 a score decides.
pub(crate) const NUMBERS: usize = 2 * HIDDEN + 4;
/// Weights of the first look, as a power of two.
pub(crate) const FIRST_BITS: u32 = 16;
pub(crate) const FIRST_WEIGHTS: usize = 1 << FIRST_BITS;
/// Bytes of a weights file: the numbers, the weights of the first look, the rows.
pub(crate) const SIZE: usize = 4 * NUMBERS + FIRST_WEIGHTS + ROWS * ROW;

/// The weights of English, made by `jobmatch-train-segmenter`; `weights/README.md` names their sources.
static ENGLISH: &[u8; SIZE] = include_bytes!("../weights/english.bin");

/// Where a fact's row stands.
pub(crate) fn row_of(fact: u32) -> usize {
    (fact >> (32 - ROW_BITS)) as usize
}

/// What a fact's row must begin with; another fact's row is not taken. Never 0, which marks an empty row.
pub(crate) fn check_of(fact: u32) -> u8 {
    (fact as u8).max(1)
}

/// The place of a fact's weight for the first look.
pub(crate) fn first_of(fact: u32) -> usize {
    (fact >> (32 - FIRST_BITS)) as usize
}

/// The network with its weights.
#[derive(Debug, Clone)]
pub(crate) struct Classifier {
    biases: [i32; HIDDEN],
    weights: [i32; HIDDEN],
    direct: i32,
    bias: i32,
    first_bias: i32,
    first_margin: i32,
    /// The weights of the first look, and the rows.
    tables: Cow<'static, [u8]>,
}

impl Classifier {
    pub fn english() -> Self {
        let (numbers, tables) = ENGLISH.split_at(4 * NUMBERS);
        Self::from_parts(numbers, Cow::Borrowed(tables))
    }

    #[cfg(feature = "train")]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let (numbers, tables) = bytes.split_at(4 * NUMBERS);
        Self::from_parts(numbers, Cow::Owned(tables.to_vec()))
    }

    fn from_parts(bytes: &[u8], tables: Cow<'static, [u8]>) -> Self {
        let mut numbers = [0; NUMBERS];
        for (number, bytes) in numbers.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *number = i32::from_le_bytes(*bytes);
        }
        let part = |from: usize| {
            let mut part = [0; HIDDEN];
            part.copy_from_slice(&numbers[from..from + HIDDEN]);
            part
        };
        let [direct, bias, first_bias, first_margin] =
            [0, 1, 2, 3].map(|place| numbers[2 * HIDDEN + place]);
        Self {
            biases: part(0),
            weights: part(HIDDEN),
            direct,
            bias,
            first_bias,
            first_margin,
            tables,
        }
    }

    /// Whether a sentence ends at a gap with these first facts, if they leave little doubt.
    pub fn at_first_look(&self, facts: &[u32; FIRST], gap: Gap) -> Option<bool> {
        if gap.ends_line() {
            // What matters most there is not among the first facts.
            return None;
        }
        let weights = self.tables.get(..FIRST_WEIGHTS)?;
        let score: i32 = facts
            .iter()
            .map(|fact| i32::from(weights[first_of(*fact)] as i8))
            .sum();
        let score = score + self.first_bias;
        (score.abs() > self.first_margin).then_some(score > 0)
    }

    /// Whether a sentence ends at a gap with these facts.
    pub fn is_end(&self, first: &[u32; FIRST], second: &[u32; SECOND]) -> bool {
        let (rows, _) = self.tables[FIRST_WEIGHTS..].as_chunks::<ROW>();
        let mut sums = [0i16; ROW];
        for &fact in first.iter().chain(second) {
            let Some(row) = rows.get(row_of(fact)) else {
                continue;
            };
            // Another fact's row adds nothing: a mask, since a branch would often be guessed wrong.
            let mask = if row[0] == check_of(fact) { 0xff } else { 0 };
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum = sum.wrapping_add(i16::from((*value & mask) as i8));
            }
        }
        let mut score = i64::from(self.bias) + i64::from(self.direct) * i64::from(sums[1]);
        for unit in 0..HIDDEN {
            let active = (i32::from(sums[2 + unit]) + self.biases[unit]).max(0);
            score += i64::from(active) * i64::from(self.weights[unit]);
        }
        score > 0
    }
}
