//! What the classifier knows of a gap: a fixed number of hashes, each of one fact or of several together.

use crate::abbreviations::{self, Stop};
use crate::context::{Context, Shape, Word};
use crate::scan::{Between, Paragraph};

/// How many facts the first look at a gap takes, and how many the second has.
pub(crate) const FIRST: usize = 12;
pub(crate) const SECOND: usize = 36;
/// How many facts a gap has.
#[cfg(feature = "train")]
pub(crate) const COUNT: usize = FIRST + SECOND;

/// What matters of the text beyond the words around a gap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Bytes since the sentence began.
    pub since_start: usize,
    /// Brackets and quotes that were opened in this sentence and not closed.
    pub open_brackets: u8,
    pub open_quotes: u8,
    /// Bytes of the line before the gap, and of the line after it (0 unless the gap is the end of a line).
    pub line_before: usize,
    pub line_after: usize,
    /// Whether the line after begins with a label, as in `Salary: 20`.
    pub label_after: bool,
    /// Whether the sentence is of an item of a list.
    pub in_item: bool,
    /// How the last sentences ended: two bits each, 1 with a stop, 2 without.
    pub history: u8,
}

/// What both looks use.
pub(crate) struct Facts {
    left: Token,
    right: Token,
    closing: u64,
    opening: u64,
    after_right: u64,
    /// What the stop before the gap may mean, and whether the word after it begins sentences.
    stop: u64,
    starter: u64,
    between: u64,
    /// What the rules alone would say.
    guess: u64,
}

/// Hashes facts of rising kinds into an array.
struct Row<const N: usize> {
    hashes: [u32; N],
    next: usize,
    /// The kind of the first.
    kind: u64,
}

impl<const N: usize> Row<N> {
    fn new(kind: usize) -> Self {
        Self {
            hashes: [0; N],
            next: 0,
            kind: kind as u64,
        }
    }

    fn put(&mut self, values: [u64; 4]) {
        self.hashes[self.next] = index(self.kind + self.next as u64, values);
        self.next += 1;
    }

    fn done(self) -> [u32; N] {
        debug_assert_eq!(self.next, N);
        self.hashes
    }
}

impl Facts {
    pub fn new(context: &Context<'_>, guess: bool) -> Self {
        let Context {
            gap, before, after, ..
        } = context;
        let stop = match before.closing.as_bytes().first() {
            Some(b'.') => match abbreviations::stop_after(before.core) {
                Stop::End => 1,
                Stop::Either => 2,
                Stop::Abbreviation => 3,
            },
            _ => 0,
        };
        Self {
            left: Token::of(before),
            right: Token::of(after),
            closing: signs(before.closing),
            opening: signs(after.opening),
            after_right: signs(after.closing),
            stop,
            starter: u64::from(abbreviations::starts_sentences(after.core)),
            between: gap.between as u64,
            guess: u64::from(guess),
        }
    }

    /// The facts of the two words next to the gap alone.
    pub fn first(&self) -> [u32; FIRST] {
        let Self { left, right, .. } = self;
        let (closing, opening, between) = (self.closing, self.opening, self.between);
        let shape = right.shape;
        let mut row = Row::new(0);
        row.put([self.guess, closing, between, 0]);
        row.put([closing, shape, opening, between]);
        row.put([left.word, closing, 0, 0]);
        row.put([right.word, opening, closing, between]);
        row.put([left.shape, closing, shape, between]);
        row.put([left.word, closing, shape, 0]);
        row.put([right.word, closing, between * 2 + self.guess, 0]);
        row.put([left.length, left.shape, closing, shape]);
        row.put([self.stop, closing, shape, self.starter]);
        row.put([left.suffix, closing, shape, 0]);
        row.put([right.suffix, shape, closing, between]);
        row.put([self.after_right, shape, closing, opening]);
        row.done()
    }

    /// The facts of what stands farther off, too.
    pub fn second(
        &self,
        context: &Context<'_>,
        place: &Place,
        paragraph: &Paragraph,
    ) -> [u32; SECOND] {
        let Self { left, right, .. } = self;
        let (closing, opening, between) = (self.closing, self.opening, self.between);
        let guess = self.guess;
        let left2 = Token::of(&context.second_before());
        let right2 = Token::of(&context.second_after());
        let shape = right.shape;
        let since = bucket(place.since_start);
        let open = u64::from(place.open_brackets.min(2)) * 3 + u64::from(place.open_quotes.min(2));
        let style = match paragraph.letters {
            0 => 0,
            letters => 1 + (8 * paragraph.capitals / letters) as u64,
        };
        let lines = line_facts(context, place, paragraph);
        let gap_kind = between * 2 + guess;
        let history = u64::from(place.history);
        let mut row = Row::new(FIRST);
        row.put([between, 0, 0, 0]);
        row.put([closing, gap_kind, 0, 0]);
        row.put([right.word, opening, between, 0]);
        row.put([left2.word, left.word, closing, 0]);
        row.put([right.word, right2.word, 0, 0]);
        row.put([left.word, right.word, closing, 0]);
        row.put([shape, self.after_right, right2.shape, closing]);
        row.put([since, closing, between, 0]);
        row.put([since, closing, shape, gap_kind]);
        row.put([open, closing, shape, opening]);
        row.put([style, closing, shape, between]);
        row.put([self.stop, closing, shape, opening]);
        row.put([self.stop, self.starter, closing, right2.shape]);
        row.put([left.suffix, right.suffix, closing, 0]);
        row.put([left.dotted, closing, shape, self.starter]);
        row.put([lines[0], 0, 0, 0]);
        row.put([lines[1], 0, 0, 0]);
        row.put([lines[2], closing, shape, 0]);
        row.put([lines[0], closing, shape, 0]);
        row.put([right.word, lines[2], 0, 0]);
        row.put([left.word, lines[2], closing, 0]);
        row.put([u64::from(place.in_item), closing, shape, gap_kind]);
        row.put([left2.shape, left.shape, closing, shape]);
        row.put([shape, right2.shape, closing, gap_kind]);
        row.put([right.word, shape, closing, since]);
        row.put([left2.word, closing, shape, 0]);
        row.put([right2.word, closing, shape, 0]);
        row.put([left.shape, shape, right2.shape, left2.shape * 8 + between]);
        row.put([left.word, right2.word, closing, 0]);
        row.put([left.suffix, right.word, closing, 0]);
        row.put([opening, right.word, shape, closing]);
        row.put([lines[3], closing, shape, 0]);
        row.put([lines[4], lines[3], closing, shape]);
        row.put([history, closing, between, guess]);
        row.put([history & 15, closing, shape, between]);
        row.put([history, shape, since, closing]);
        row.done()
    }
}

/// What the lengths of lines say of a gap at the end of one; 0 of others.
fn line_facts(context: &Context<'_>, place: &Place, paragraph: &Paragraph) -> [u64; 5] {
    if context.gap.between != Between::Line {
        return [0; 5];
    }
    let after = &context.after;
    // Whether the next word would have had room in the line: then the line was not broken for its width.
    let needed =
        place.line_before + 1 + after.opening.len() + after.core.len() + after.closing.len();
    let room = 1 + u64::from(needed <= paragraph.width);
    let left_over = bucket(paragraph.width.saturating_sub(needed));
    let width = bucket(paragraph.width);
    let filled = 16 * paragraph.filled_eighths as u64 + bucket(paragraph.lines).min(15);
    [
        room + 2 * bucket(place.line_before) + 64 * width,
        room + 2 * bucket(place.line_before) + 64 * bucket(place.line_after),
        room + 2 * u64::from(place.label_after) + 4 * width,
        room + 2 * filled,
        room + 2 * left_over,
    ]
}

/// What a word gives to the hashes.
struct Token {
    /// The word, whatever its case.
    word: u64,
    /// Its last three letters.
    suffix: u64,
    shape: u64,
    length: u64,
    /// How many stops stand inside, up to 3.
    dotted: u64,
}

impl Token {
    fn of(word: &Word<'_>) -> Self {
        let core = word.core.as_bytes();
        let tail = &core[core.len().saturating_sub(3)..];
        let numeric = matches!(word.shape, Shape::Digits | Shape::Number);
        let dots = if word.is_plain {
            0
        } else {
            core.iter().filter(|byte| **byte == b'.').count()
        };
        Self {
            // All numbers of one length are one word.
            word: if numeric {
                core.len() as u64
            } else {
                hash(core)
            },
            suffix: if numeric { 1 } else { hash(tail) },
            shape: word.shape as u64,
            length: core.len().min(12) as u64,
            dotted: dots.min(3) as u64 * 4 + core.len().min(3) as u64,
        }
    }
}

/// A hash of a word, whatever its case: of all its bytes up to 16, else of the first eight and the last eight.
fn hash(bytes: &[u8]) -> u64 {
    const CASE: u64 = 0x2020_2020_2020_2020;
    let length = bytes.len() as u64;
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        let (first, last) = (
            u64::from_le_bytes(*first) | CASE,
            u64::from_le_bytes(*last) | CASE,
        );
        return mix(first ^ mix(last ^ length));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return mix((u64::from(first) << 32 | u64::from(last)) | CASE) ^ length;
    }
    let few = bytes
        .iter()
        .fold(length, |few, byte| few << 8 | u64::from(byte | 0x20));
    mix(few)
}

/// Signs as a number: quotes of all kinds are one sign, a run of stops is an ellipsis, a run of one other sign is the
/// sign.
fn signs(text: &str) -> u64 {
    let mut value = 0;
    let mut last = ' ';
    let mut kept = 0;
    for c in text.chars() {
        let c = match c {
            '“' | '”' | '„' | '«' | '»' => '"',
            '‘' | '’' | '`' => '\'',
            '…' => '~',
            '–' | '—' => '-',
            other => other,
        };
        if c == '.' && (last == '.' || last == '~') {
            if last == '.' {
                value = value >> 8 << 8 | u64::from(b'~');
            }
            last = '~';
            continue;
        }
        if c == last {
            continue;
        }
        last = c;
        value = value << 8 | (u64::from(u32::from(c)) & 0xff);
        kept += 1;
        if kept == 6 {
            break;
        }
    }
    value
}

/// Half powers of two: 0, 1, 2, 3, 4, 6, 8, 12 and so on.
fn bucket(value: usize) -> u64 {
    if value < 4 {
        return value as u64;
    }
    let bits = value.ilog2();
    let half = (value >> (bits - 1)) & 1;
    u64::from(2 * bits).min(24) + half as u64
}

fn mix(value: u64) -> u64 {
    let value = (value ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xd6e8_feb8_6659_fd93);
    value ^ (value >> 32)
}

/// Facts of one kind that differ in a value get different hashes, as far as 32 bits go: the values times constants are
/// added up and mixed (multiply-shift hashing of vectors, Dietzfelbinger 1996).
fn index(kind: u64, values: [u64; 4]) -> u32 {
    let [a, b, c, d] = values;
    let sum = a
        .wrapping_mul(0xd6e8_feb8_6659_fd93)
        .wrapping_add(b.wrapping_mul(0xa076_1d64_78bd_642f))
        .wrapping_add(c.wrapping_mul(0xe703_7ed1_a0b4_28db))
        .wrapping_add(d.wrapping_mul(0x8ebc_6af0_9c88_c6e3))
        .wrapping_add(kind.wrapping_mul(0x5899_65cc_7537_4cc3));
    let mixed = (sum ^ (sum >> 29)).wrapping_mul(0x1d8e_4e27_c47d_124f);
    (mixed >> 32) as u32
}
