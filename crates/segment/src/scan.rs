//! The places in a text where a sentence may end, found in one pass.

use crate::chars::{is_blank, is_bullet, is_closing};
use crate::markup::is_block;

/// What stands between the text before a place and the text after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Between {
    /// Nothing: a blank is missing.
    Nothing,
    /// One blank.
    Space,
    /// Several blanks or a tab, but no end of a line.
    Wide,
    /// The end of a line.
    Line,
}

/// A place where a sentence may end: after byte `left`, before byte `right`, with nothing but blanks between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    pub left: usize,
    pub right: usize,
    pub between: Between,
}

impl Gap {
    /// Whether a line ends there.
    pub fn ends_line(&self) -> bool {
        self.between == Between::Line
    }
}

/// A paragraph: the text between two blank lines. No sentence crosses its ends, and nothing beyond them matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Paragraph {
    pub start: usize,
    pub end: usize,
    /// Bytes of its longest line.
    pub width: usize,
    /// Number of its lines.
    pub lines: usize,
    /// Of its first line ends, how many eighths stand where the next word had no room: 8 in a text that was broken to a
    /// width, few in one whose lines end where a thought does.
    pub filled_eighths: usize,
    /// Letters of ASCII in it, and how many of them are capitals; of its first bytes alone.
    pub letters: usize,
    pub capitals: usize,
}

/// So many lines of a paragraph tell whether they were broken to a width.
const STYLE_LINES: usize = 16;
/// So much of a paragraph tells whether it is written in capitals.
const STYLE_BYTES: usize = 512;

/// Whether the character ends a line.
pub(crate) fn ends_line(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// The character that begins at byte `at`; a space at the end of the text.
pub(crate) fn char_at(text: &str, at: usize) -> char {
    match text.as_bytes().get(at) {
        Some(byte) if byte.is_ascii() => *byte as char,
        Some(_) => text[at..].chars().next().unwrap_or(' '),
        None => ' ',
    }
}

/// The first paragraph at or after byte `from`, without blanks at its ends; `None` when only blanks are left.
pub(crate) fn paragraph(text: &str, from: usize) -> Option<Paragraph> {
    let bytes = text.as_bytes();
    let mut line = skip_blanks(text, from);
    if line == bytes.len() {
        return None;
    }
    let mut found = Paragraph {
        start: line,
        ..Paragraph::default()
    };
    // Bytes of the first lines, and of the first word of the line after each.
    let mut first_lines = [(0, 0); STYLE_LINES];
    loop {
        let line_end = end_of_line(text, line);
        let filled = line + text[line..line_end].trim_end_matches(is_blank).len();
        found.end = filled;
        found.width = found.width.max(filled - line);
        found.lines += 1;
        let next = skip_line_end(text, line_end);
        let (start, is_blank_line) = skip_indent(text, next);
        if is_blank_line {
            break;
        }
        if let Some(of_line) = first_lines.get_mut(found.lines - 1) {
            *of_line = (filled - line, first_word(&bytes[start..]));
        }
        line = next;
    }
    for byte in &bytes[found.start..found.end.min(found.start + STYLE_BYTES)] {
        found.letters += usize::from(byte.is_ascii_alphabetic());
        found.capitals += usize::from(byte.is_ascii_uppercase());
    }
    let breaks = &first_lines[..(found.lines - 1).min(STYLE_LINES)];
    let no_room = |(line, word): &&(usize, usize)| line + 1 + word > found.width;
    found.filled_eighths = (8 * breaks.iter().filter(no_room).count())
        .checked_div(breaks.len())
        .unwrap_or(0);
    Some(found)
}

/// The first byte at or after `at` that is no blank's.
fn skip_blanks(text: &str, mut at: usize) -> usize {
    while at < text.len() && is_blank(char_at(text, at)) {
        at += char_at(text, at).len_utf8();
    }
    at
}

/// The byte where the line that holds byte `at` ends, before the character that ends it.
pub(crate) fn end_of_line(text: &str, mut at: usize) -> usize {
    let bytes = text.as_bytes();
    loop {
        // Eight bytes at a time, as long as all of them are printable ASCII.
        while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
            let word = u64::from_le_bytes(*eight);
            let control = word.wrapping_sub(0x2020_2020_2020_2020);
            if (word | control) & 0x8080_8080_8080_8080 != 0 {
                break;
            }
            at += 8;
        }
        let limit = bytes.len().min(at + 8);
        while at < limit {
            let byte = bytes[at];
            if byte < b' ' || matches!(byte, 0xc2 | 0xe2) {
                let c = char_at(text, at);
                if ends_line(c) {
                    return at;
                }
                at += c.len_utf8();
            } else {
                at += 1;
            }
        }
        if at >= bytes.len() {
            return bytes.len();
        }
    }
}

/// The byte after the character, or the two, that end a line at byte `at`.
fn skip_line_end(text: &str, at: usize) -> usize {
    if text[at..].starts_with("\r\n") {
        at + 2
    } else if at < text.len() {
        at + char_at(text, at).len_utf8()
    } else {
        at
    }
}

/// Where the line that begins at byte `at` has its first character that is no blank, and whether it has none.
fn skip_indent(text: &str, mut at: usize) -> (usize, bool) {
    while at < text.len() {
        let c = char_at(text, at);
        if ends_line(c) {
            return (at, true);
        }
        if !is_blank(c) {
            return (at, false);
        }
        at += c.len_utf8();
    }
    (at, true)
}

/// Bytes of the first word of a line, up to 32.
fn first_word(line: &[u8]) -> usize {
    let blank = |byte: &u8| byte.is_ascii_whitespace();
    line.iter()
        .skip_while(|byte| matches!(**byte, b' ' | b'\t'))
        .take(32)
        .take_while(|byte| !blank(byte))
        .count()
}

/// Finds the gaps of a paragraph, in order.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Gaps {
    /// Where the block begins whose candidates are in `candidates`, one bit for each of its bytes, the first in the lowest.
    block: usize,
    candidates: u64,
    /// Nothing before this byte is looked at any more.
    from: usize,
    /// The paragraph.
    start: usize,
    end: usize,
}

/// Bytes looked at in one go.
const BLOCK: usize = 64;
/// Bytes before and after a candidate that decide whether it is one.
const BEFORE: usize = 1;
const AFTER: usize = 3;

impl Gaps {
    /// The gaps of a paragraph.
    pub fn of(text: &str, paragraph: &Paragraph) -> Self {
        Self {
            block: paragraph.start,
            candidates: candidates(text.as_bytes(), paragraph.start, paragraph.end),
            from: paragraph.start,
            start: paragraph.start,
            end: paragraph.end,
        }
    }

    /// The next gap. One that hardly ever ends a sentence is left out: a single space between a letter, a digit or a
    /// comma and a small letter that begins no list's item and no address.
    pub fn next(&mut self, text: &str) -> Option<Gap> {
        let bytes = text.as_bytes();
        loop {
            while self.candidates == 0 {
                self.block += BLOCK;
                if self.block >= self.end {
                    return None;
                }
                self.candidates = candidates(bytes, self.block, self.end);
            }
            let at = self.block + self.candidates.trailing_zeros() as usize;
            self.candidates &= self.candidates - 1;
            if at < self.from {
                continue;
            }
            let byte = bytes[at];
            let gap = if byte <= b' ' {
                blanks(text, at)
            } else if byte == b'<' {
                if !is_block(&text[at..self.end], false) {
                    continue;
                }
                let before = &text[self.start..at];
                Gap {
                    left: self.start + before.trim_end_matches(is_blank).len(),
                    right: at,
                    between: Between::Nothing,
                }
            } else if byte.is_ascii() {
                match missing_blank(text, self.start, at + 1, self.end) {
                    Some(gap) => gap,
                    None => continue,
                }
            } else if is_blank(char_at(text, at)) {
                blanks(text, at)
            } else {
                continue;
            };
            self.from = gap.right;
            // Characters without width alone part nothing.
            if gap.between != Between::Nothing || byte.is_ascii() {
                return Some(gap);
            }
        }
    }
}

/// The bytes of the block at `block` where a gap may be: a blank (or what may be the first byte of one), or a stop with
/// something else than a blank after it.
fn candidates(bytes: &[u8], block: usize, end: usize) -> u64 {
    const WINDOW: usize = BEFORE + BLOCK + AFTER;
    let whole = block
        .checked_sub(BEFORE)
        .and_then(|from| bytes[from..end].first_chunk::<WINDOW>());
    let mut padded = [b' '; WINDOW];
    let window = match whole {
        Some(window) => window,
        None => {
            let from = block.saturating_sub(BEFORE);
            let to = end.min(block + BLOCK + AFTER);
            let skipped = BEFORE - (block - from);
            padded[skipped..skipped + to - from].copy_from_slice(&bytes[from..to]);
            &padded
        }
    };

    let mut hits = [0u8; BLOCK];
    // Comparisons without a branch: the compiler makes vectors of them.
    for (at, hit) in hits.iter_mut().enumerate() {
        let (before, here) = (window[at], window[at + 1]);
        let (next, second, third) = (window[at + 2], window[at + 3], window[at + 4]);
        let within = |byte: u8, first: u8, count: u8| byte.wrapping_sub(first) < count;
        let word = within(before | 0x20, b'a', 26) | within(before, b'0', 10) | (before == b',');
        let item = (second == b'.') | (second == b')') | (third == b')');
        let address = (next == b'h') & (second == b't') & (third == b't');
        let small = within(next, b'a', 26);
        let space = (here == b' ') & !(word & small & !item & !address);
        let control = within(here, 0x09, 5);
        let foreign =
            (here == 0xc2) | (here == 0xe1) | (here == 0xe2) | (here == 0xe3) | (here == 0xef);
        let stop = (here == b'.') | (here == b'!') | (here == b'?') | (here == b':');
        let stop = stop & (next > b' ');
        *hit = u8::from(space | control | foreign | stop | (here == b'<'));
    }
    let mut candidates = 0;
    for (row, eight) in hits.as_chunks::<8>().0.iter().enumerate() {
        // Eight bytes of 0 or 1 to eight bits.
        let bits = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        candidates |= bits << (8 * row);
    }
    match end - block {
        count @ 0..BLOCK => candidates & ((1 << count) - 1),
        _ => candidates,
    }
}

/// The run of blanks that begins at byte `at`. Characters without width alone are no gap: `Nothing` then.
fn blanks(text: &str, at: usize) -> Gap {
    let mut right = at;
    let mut width = 0;
    let mut between = Between::Nothing;
    loop {
        let c = char_at(text, right);
        if right >= text.len() || !is_blank(c) {
            break;
        }
        right += c.len_utf8();
        if ends_line(c) {
            between = Between::Line;
        } else if c.is_whitespace() {
            width += if c == '\t' { 2 } else { 1 };
        }
    }
    if between == Between::Nothing && width > 0 {
        between = if width == 1 {
            Between::Space
        } else {
            Between::Wide
        };
    }
    Gap {
        left: at,
        right,
        between,
    }
}

/// A gap without a blank after the stop that ends at byte `at`: `experience.Must`, `done."Next`, `day.• Plan`,
/// `really??well`.
fn missing_blank(text: &str, start: usize, at: usize, end: usize) -> Option<Gap> {
    let mut right = at;
    while right < end && is_closing(char_at(text, right)) {
        right += char_at(text, right).len_utf8();
    }
    if right >= end || at - 1 == start {
        return None;
    }
    let next = char_at(text, right);
    let before = text.as_bytes()[at.saturating_sub(2)];
    let stop = text.as_bytes()[at - 1];
    let doubled = matches!(stop, b'!' | b'?') || (stop == b'.' && before == b'.');
    let parted = next.is_uppercase() || is_bullet(next) || (doubled && next.is_alphabetic());
    (parted && !before.is_ascii_whitespace()).then_some(Gap {
        left: right,
        right,
        between: Between::Nothing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(text: &str) -> Vec<(&str, &str, Between)> {
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(paragraph) = paragraph(text, from) {
            let mut gaps = Gaps::of(text, &paragraph);
            while let Some(gap) = gaps.next(text) {
                found.push((
                    &text[paragraph.start..gap.left],
                    &text[gap.right..paragraph.end],
                    gap.between,
                ));
            }
            from = paragraph.end;
        }
        found
    }

    #[test]
    fn places_that_matter() {
        assert_eq!(gaps("we bake, and sell"), []);
        assert_eq!(
            gaps("We bake. We\nsell.Now "),
            [
                ("We bake.", "We\nsell.Now", Between::Space),
                ("We bake. We", "sell.Now", Between::Line),
                ("We bake. We\nsell.", "Now", Between::Nothing),
            ]
        );
        assert_eq!(
            gaps("a\t\tB\u{200b}C 3\u{a0}D"),
            [
                ("a", "B\u{200b}C 3\u{a0}D", Between::Wide),
                ("a\t\tB\u{200b}C", "3\u{a0}D", Between::Space),
                ("a\t\tB\u{200b}C 3", "D", Between::Space),
            ]
        );
    }

    #[test]
    fn blank_lines_part_paragraphs() {
        let text = "\n one\r\ntwo three\n \u{a0}\nfour\u{2028}five\u{2029}\u{2029}six\n\n";
        let mut from = 0;
        let mut found = Vec::new();
        while let Some(paragraph) = paragraph(text, from) {
            found.push((
                &text[paragraph.start..paragraph.end],
                paragraph.width,
                paragraph.lines,
            ));
            from = paragraph.end;
        }
        assert_eq!(
            found.iter().map(|f| f.0).collect::<Vec<_>>(),
            ["one\r\ntwo three", "four\u{2028}five", "six"]
        );
        assert_eq!(found[0].1, 9);
    }
}
