//! Lines to blocks: a heading, an item of a list, or a paragraph whose lines were broken to a width.

use crate::chars::{is_blank, is_bullet, is_closing, is_stop, trim};
use crate::markers::marker_len;
use crate::segmenter::Kind;

/// A line at least so long, in bytes, may have been broken for its width alone.
const WRAPPED_LINE: usize = 55;
/// A heading has at most so many words.
const HEADING_WORDS: usize = 8;

/// Text that belongs together in the layout: no sentence crosses its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    pub start: usize,
    pub end: usize,
    pub kind: Kind,
}

/// The blocks of a text, in order; every character that is not blank is in exactly one.
pub(crate) struct Blocks<'t> {
    text: &'t str,
    at: usize,
    /// The line after the last block, already read.
    next: Option<Line>,
}

#[derive(Debug, Clone, Copy)]
struct Line {
    start: usize,
    end: usize,
    marker: usize,
    /// Whether a blank line, or nothing, stands before it.
    after_gap: bool,
}

impl<'t> Blocks<'t> {
    pub fn new(text: &'t str) -> Self {
        let mut blocks = Self {
            text,
            at: 0,
            next: None,
        };
        blocks.next = blocks.read_line();
        if let Some(line) = &mut blocks.next {
            line.after_gap = true;
        }
        blocks
    }

    /// The next line that is not blank.
    fn read_line(&mut self) -> Option<Line> {
        let mut after_gap = false;
        while self.at < self.text.len() {
            let rest = &self.text[self.at..];
            let len = rest
                .find(['\n', '\u{2028}', '\u{2029}', '\u{b}', '\u{c}'])
                .map_or(rest.len(), |at| at);
            let (start, end) = trim(self.text, self.at, self.at + len);
            let end_of_line = self.at + len;
            let stop = self.text[end_of_line..]
                .chars()
                .next()
                .map_or(0, char::len_utf8);
            self.at = end_of_line + stop;
            if start < end {
                return Some(Line {
                    start,
                    end,
                    marker: marker_len(&self.text[start..end]),
                    after_gap,
                });
            }
            after_gap = true;
        }
        None
    }

    fn of(&self, line: Line) -> &'t str {
        &self.text[line.start..line.end]
    }

    /// Whether `line` goes on with what `before`, the line above it, began.
    fn continues(&self, before: Line, line: Line) -> bool {
        if line.after_gap || line.marker > 0 || is_heading(self.of(line)) {
            return false;
        }
        let above = self.of(before);
        let first = self.of(line).chars().next().unwrap_or(' ');
        if ends_with_stop(above) {
            // The stop parts the sentences anyhow; the block matters for the kind alone.
            return before.marker == 0 || first.is_lowercase();
        }
        if above.ends_with(':') {
            return first.is_lowercase();
        }
        first.is_lowercase() || above.ends_with([',', '&', '/', '-']) || above.len() >= WRAPPED_LINE
    }
}

impl Iterator for Blocks<'_> {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        let first = self.next.take()?;
        let mut last = first;
        self.next = self.read_line();
        let heading = first.marker == 0 && is_heading(self.of(first));
        while let Some(line) = self.next {
            if heading || !self.continues(last, line) {
                break;
            }
            last = line;
            self.next = self.read_line();
        }
        let kind = if first.marker > 0 {
            Kind::Bullet
        } else if heading || (first.start == last.start && self.is_title(first)) {
            Kind::Heading
        } else {
            Kind::Prose
        };
        Some(Block {
            start: first.start,
            end: last.end,
            kind,
        })
    }
}

impl Blocks<'_> {
    /// A short line without a stop, after a gap, before a list or a new paragraph, its words capitalised: a title.
    fn is_title(&self, line: Line) -> bool {
        let text = self.of(line);
        let words: Vec<&str> = text
            .split(is_blank)
            .filter(|word| !word.is_empty())
            .collect();
        let capital = |word: &&str| word.chars().next().is_some_and(|c| !c.is_lowercase());
        line.after_gap
            && words.len() <= HEADING_WORDS
            && !ends_with_stop(text)
            && !text.ends_with([',', ';'])
            && !text.contains(is_bullet)
            && text.chars().any(char::is_alphabetic)
            && words.first().is_some_and(capital)
            && words.iter().filter(|word| word.len() > 3).all(capital)
    }
}

/// Whether a line is a heading by itself: it ends with a colon, or is all in capitals.
fn is_heading(line: &str) -> bool {
    let words = line.split(is_blank).filter(|word| !word.is_empty()).count();
    if words > HEADING_WORDS {
        return false;
    }
    let letters = line.chars().filter(|c| c.is_alphabetic()).count();
    let capitals = line.chars().filter(|c| c.is_uppercase()).count();
    let shouted = letters >= 4 && capitals == letters && !line.ends_with(['.', ',']);
    (line.ends_with(':') && letters > 0 && !line.contains(". ")) || shouted
}

/// Whether the last character that is no closing quote or bracket ends a sentence.
fn ends_with_stop(line: &str) -> bool {
    line.trim_end_matches(is_closing).ends_with(is_stop)
}
