//! What stands around a gap: the words and signs on both sides.

use crate::chars::is_blank;
use crate::scan::{Gap, Paragraph, char_at};

/// A token is looked at for so many bytes; a longer one is an address or a mistake.
const LONGEST_TOKEN: usize = 40;

/// How a word is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Shape {
    /// There is no word.
    None,
    /// `word`
    Lower,
    /// `Word`
    Capitalised,
    /// `W`
    Letter,
    /// `WORD`
    Capitals,
    /// `12`
    Digits,
    /// `12th`, `1.5`
    Number,
    /// `McWord`, `iOS`, `C3PO`
    Mixed,
}

/// A token without the signs around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word<'t> {
    /// The signs before it.
    pub opening: &'t str,
    /// Letters, digits and what stands between them.
    pub core: &'t str,
    /// The signs after it.
    pub closing: &'t str,
    pub shape: Shape,
    /// Whether `core` is letters and digits of ASCII alone.
    pub is_plain: bool,
}

/// The words around a gap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'t> {
    pub gap: Gap,
    pub before: Word<'t>,
    pub after: Word<'t>,
    text: &'t str,
    /// Nothing before this byte belongs to the sentence.
    from: usize,
    /// Nothing after this byte belongs to the paragraph.
    to: usize,
    /// Where the token before begins, and where the token after ends.
    before_start: usize,
    after_end: usize,
}

impl<'t> Context<'t> {
    /// The words around `gap`; of the text before, none that stands before byte `from` (the start of the sentence), and
    /// of the text after, none beyond the paragraph.
    pub fn new(text: &'t str, gap: Gap, from: usize, paragraph: &Paragraph) -> Self {
        let (before_start, before) = word_before(text, from, gap.left);
        let (after_end, after) = word_after(text, gap.right, paragraph.end);
        Self {
            gap,
            before,
            after,
            text,
            from,
            to: paragraph.end,
            before_start,
            after_end,
        }
    }

    /// The word before the word before the gap.
    pub fn second_before(&self) -> Word<'t> {
        word_before(self.text, self.from, self.before_start).1
    }

    /// The word after the word after the gap.
    pub fn second_after(&self) -> Word<'t> {
        word_after(self.text, self.after_end, self.to).1
    }
}

/// The last token of `text[from..to]` and where it begins.
fn word_before(text: &str, from: usize, to: usize) -> (usize, Word<'_>) {
    let bytes = text.as_bytes();
    let mut end = to;
    while end > from && bytes[end - 1].is_ascii_whitespace() {
        end -= 1;
    }
    let lowest = from.max(end.saturating_sub(LONGEST_TOKEN));
    let mut start = end;
    while start > lowest && !bytes[start - 1].is_ascii_whitespace() {
        start -= 1;
    }
    while !text.is_char_boundary(start) {
        start += 1;
    }
    // Blanks outside ASCII are rare: looked for in this token alone.
    let token = &text[start..end];
    if !token.is_ascii()
        && let Some((at, c)) = token.char_indices().rev().find(|(_, c)| is_blank(*c))
    {
        start += at + c.len_utf8();
    }
    let word = split(&text[start..end]);
    if word.core.is_empty() {
        // Signs alone belong to the text before the gap.
        return (
            start,
            Word {
                opening: "",
                closing: word.opening,
                ..word
            },
        );
    }
    (start, word)
}

/// The first token of `text[from..to]` and where it ends.
fn word_after(text: &str, from: usize, to: usize) -> (usize, Word<'_>) {
    let bytes = text.as_bytes();
    let mut start = from;
    while start < to && is_blank(char_at(text, start)) {
        start += char_at(text, start).len_utf8();
    }
    let highest = to.min(start + LONGEST_TOKEN);
    let mut end = start;
    while end < highest && !bytes[end].is_ascii_whitespace() {
        end += 1;
    }
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let token = &text[start..end];
    if !token.is_ascii()
        && let Some(at) = token.find(is_blank)
    {
        end = start + at;
    }
    (end, split(&text[start..end]))
}

/// A token into the word and the signs around it.
fn split(token: &str) -> Word<'_> {
    let bytes = token.as_bytes();
    let mut start = 0;
    while start < bytes.len() && bytes[start].is_ascii() && !bytes[start].is_ascii_alphanumeric() {
        start += 1;
    }
    let mut end = bytes.len();
    while end > start && bytes[end - 1].is_ascii() && !bytes[end - 1].is_ascii_alphanumeric() {
        end -= 1;
    }
    // `C#` and `C++` are words.
    while end > start && end < bytes.len() && matches!(bytes[end], b'#' | b'+') {
        end += 1;
    }
    let mut kinds = 0;
    let mut capitals = 0;
    for byte in &bytes[start..end] {
        let kind = KINDS[usize::from(*byte)];
        kinds |= kind;
        capitals += usize::from(kind == UPPER);
    }
    if kinds & FOREIGN != 0 || !token.is_ascii() {
        return split_foreign(token, start, end);
    }
    let first = bytes[start..end]
        .first()
        .map_or(0, |byte| KINDS[usize::from(*byte)]);
    let shape = shape(first, kinds, capitals);
    Word {
        opening: &token[..start],
        core: &token[start..end],
        closing: &token[end..],
        shape,
        is_plain: kinds & OTHER == 0,
    }
}

/// The same where the token has characters outside ASCII.
fn split_foreign(token: &str, start: usize, end: usize) -> Word<'_> {
    let sign = |c: char| !c.is_alphanumeric() && !matches!(c, '#' | '+');
    let end = start + token[start..end].trim_end_matches(sign).len();
    let start = end - token[start..end].trim_start_matches(sign).len();
    let core = &token[start..end];
    let kind = |c: char| {
        if c.is_lowercase() {
            LOWER
        } else if c.is_uppercase() {
            UPPER
        } else if c.is_numeric() {
            DIGIT
        } else {
            OTHER
        }
    };
    let kinds = core.chars().fold(0, |kinds, c| kinds | kind(c));
    let capitals = core.chars().filter(|c| c.is_uppercase()).count();
    let first = core.chars().next().map_or(0, kind);
    Word {
        opening: &token[..start],
        core,
        closing: &token[end..],
        shape: shape(first, kinds, capitals),
        is_plain: false,
    }
}

/// The shape of a word by the kind of its first character, all kinds in it, and how many capitals.
fn shape(first: u8, kinds: u8, capitals: usize) -> Shape {
    match first {
        0 => Shape::None,
        DIGIT if kinds == DIGIT => Shape::Digits,
        DIGIT => Shape::Number,
        _ if kinds & DIGIT != 0 => Shape::Mixed,
        UPPER if capitals == 1 && kinds == UPPER => Shape::Letter,
        UPPER if capitals == 1 => Shape::Capitalised,
        UPPER if kinds & LOWER == 0 => Shape::Capitals,
        LOWER | OTHER if capitals == 0 => Shape::Lower,
        _ => Shape::Mixed,
    }
}

/// Kinds of characters, one bit each.
const LOWER: u8 = 1;
const UPPER: u8 = 2;
const DIGIT: u8 = 4;
const OTHER: u8 = 8;
const FOREIGN: u8 = 16;

const KINDS: [u8; 256] = {
    let mut kinds = [OTHER; 256];
    let mut byte = 0;
    while byte < 256 {
        let c = byte as u8;
        if c.is_ascii_lowercase() {
            kinds[byte] = LOWER;
        } else if c.is_ascii_uppercase() {
            kinds[byte] = UPPER;
        } else if c.is_ascii_digit() {
            kinds[byte] = DIGIT;
        } else if !c.is_ascii() {
            kinds[byte] = FOREIGN;
        }
        byte += 1;
    }
    kinds
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::{Gaps, paragraph};

    #[test]
    fn words_on_both_sides() {
        let text = "He said (“No.”) 12 “U.S. Firms”";
        let paragraph = paragraph(text, 0).unwrap();
        let mut gaps = Gaps::of(text, &paragraph);
        let mut found = Vec::new();
        while let Some(gap) = gaps.next(text) {
            let context = Context::new(text, gap, 0, &paragraph);
            let (before, after) = (context.before, context.after);
            let (second_before, second_after) = (context.second_before(), context.second_after());
            found.push((
                second_before.core,
                before.core,
                before.closing,
                after.opening,
                after.core,
                second_after.core,
            ));
        }
        assert_eq!(
            found,
            [
                ("He", "said", "", "(“", "No", "12"),
                ("said", "No", ".”)", "", "12", "U.S"),
                ("No", "12", "", "“", "U.S", "Firms"),
                ("12", "U", ".", "", "S", "Firms"),
                ("12", "U.S", ".", "", "Firms", ""),
            ]
        );
    }

    #[test]
    fn shapes() {
        for (text, shape) in [
            ("", Shape::None),
            ("word", Shape::Lower),
            ("don't", Shape::Lower),
            ("Word", Shape::Capitalised),
            ("I", Shape::Letter),
            ("U.S", Shape::Capitals),
            ("WORD", Shape::Capitals),
            ("12", Shape::Digits),
            ("1.5", Shape::Number),
            ("12th", Shape::Number),
            ("iOS", Shape::Mixed),
            ("C3", Shape::Mixed),
            ("Élan", Shape::Capitalised),
        ] {
            assert_eq!(split(text).shape, shape, "{text}");
        }
    }
}
