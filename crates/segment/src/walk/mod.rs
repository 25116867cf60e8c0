//! A walk over the gaps of a text: what the rules are sure of, and what they leave open.

mod rules;

use crate::chars::{is_blank, is_bullet};
use crate::context::Context;
use crate::features::{Facts, Place, SECOND};
use crate::lines::{ends_with_stop, is_heading, is_title, starts_with_label};
use crate::markers::{Numbering, marker_len, numbering};
use crate::scan::{Between, Gap, Gaps, Paragraph, end_of_line, ends_line, paragraph};
use crate::segmenter::{Kind, Sentence};

/// The next item of a numbered list is looked for in so many bytes of the line.
const ITEM_BYTES: usize = 400;
/// Bytes of a line that tell how it begins: a marker, a label.
const OPENING_BYTES: usize = 64;

/// What the rules say of a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A sentence ends there.
    End,
    /// None does.
    Inside,
    /// The classifier decides; without it, this.
    Open(bool),
}

impl Verdict {
    fn sure(is_end: bool) -> Self {
        if is_end { Self::End } else { Self::Inside }
    }
}

/// A gap with all that is needed to decide.
pub(crate) struct Step<'t> {
    pub context: Context<'t>,
    pub verdict: Verdict,
}

/// Where in the text the walk is.
pub(crate) struct Walk<'t, 's> {
    text: &'t str,
    abbreviations: &'s [String],
    paragraph: Paragraph,
    gaps: Gaps,
    /// Where the sentence begins.
    start: usize,
    /// Where the line begins.
    line: usize,
    /// Whether the sentence is the first of its line.
    first_of_line: bool,
    /// Whether the sentence is a cell of a table's row, parted from the one before by several blanks and no stop.
    in_cell: bool,
    /// The number that opens the sentence, when it is an item's.
    item: Option<Numbering>,
    /// The byte after the marker of an item that opens the sentence; `start` when there is none.
    marker_end: usize,
    /// Whether the sentence is of an item of a list.
    in_item: bool,
    balance: Balance,
    /// How the last sentences of the paragraph ended, the last one in the lowest two bits: 1 with a stop, 2 without.
    history: u8,
}

/// Brackets and quotes that are open.
#[derive(Clone, Copy, Default)]
struct Balance {
    /// Up to here they are counted.
    seen: usize,
    brackets: u8,
    quotes: u8,
}

impl Balance {
    fn count(&mut self, bytes: &[u8], from: usize, to: usize) {
        for at in from..to {
            match bytes[at] {
                b'(' | b'[' => self.brackets = self.brackets.saturating_add(1),
                b')' | b']' => self.brackets = self.brackets.saturating_sub(1),
                b'"' => self.quotes ^= 1,
                // “ and ” are e2 80 9c and e2 80 9d.
                0x9c if at > 1 && bytes[at - 2..at] == [0xe2, 0x80] => self.quotes |= 2,
                0x9d if at > 1 && bytes[at - 2..at] == [0xe2, 0x80] => self.quotes &= 1,
                _ => {}
            }
        }
    }
}

/// Whether a byte may be a bracket's or a double quote's.
fn is_paired(byte: u8) -> bool {
    (byte == b'(')
        | (byte == b')')
        | (byte == b'[')
        | (byte == b']')
        | (byte == b'"')
        | (byte == 0x9c)
        | (byte == 0x9d)
}

impl<'t, 's> Walk<'t, 's> {
    /// A walk over `text`; stands before its first paragraph.
    pub fn new(text: &'t str, abbreviations: &'s [String]) -> Self {
        Self {
            text,
            abbreviations,
            paragraph: Paragraph::default(),
            gaps: Gaps::default(),
            start: 0,
            line: 0,
            first_of_line: true,
            in_cell: false,
            item: None,
            marker_end: 0,
            in_item: false,
            balance: Balance::default(),
            history: 0,
        }
    }

    /// Goes to the next paragraph, whose start begins a sentence; `false` when there is none.
    pub fn next_paragraph(&mut self) -> bool {
        let Some(paragraph) = paragraph(self.text, self.paragraph.end) else {
            return false;
        };
        self.paragraph = paragraph;
        self.gaps = Gaps::of(self.text, &paragraph);
        self.line = paragraph.start;
        self.in_item = false;
        self.history = 0;
        self.begin(paragraph.start, Between::Line);
        self.in_cell = false;
        true
    }

    /// The end of the paragraph.
    pub fn paragraph_end(&self) -> usize {
        self.paragraph.end
    }

    /// The next gap of the paragraph.
    pub fn next_gap(&mut self) -> Option<Step<'t>> {
        let gap = self.gaps.next(self.text)?;
        let context = Context::new(self.text, gap, self.start, &self.paragraph);
        self.count(gap.left);
        let verdict = self.verdict(&context);
        Some(Step { context, verdict })
    }

    /// Takes notice of what was decided about the gap that came last.
    pub fn decided(&mut self, gap: Gap, is_end: bool) {
        if gap.between == Between::Line {
            self.line = gap.right;
        }
        if is_end {
            let with_stop = ends_with_stop(&self.text[self.start..gap.left]);
            self.history = self.history << 2 | if with_stop { 1 } else { 2 };
            self.begin(gap.right, gap.between);
            self.in_cell = gap.between == Between::Wide && !with_stop;
        }
    }

    /// What the classifier is told of an open gap at a second look.
    pub fn second(&mut self, context: &Context<'t>, facts: &Facts) -> [u32; SECOND] {
        let gap = context.gap;
        let at_line = gap.between == Between::Line;
        let next_line = if at_line {
            self.line_at(gap.right, ITEM_BYTES)
        } else {
            ""
        };
        let place = Place {
            since_start: gap.left - self.start,
            open_brackets: self.balance.brackets,
            open_quotes: self.balance.quotes,
            line_before: gap.left.saturating_sub(self.line),
            line_after: next_line.len(),
            label_after: at_line && starts_with_label(next_line),
            in_item: self.in_item,
            history: self.history,
        };
        facts.second(context, &place, &self.paragraph)
    }

    /// The sentence up to byte `end`; `at_line_end` when its line ends there too.
    pub fn sentence(&self, end: usize, at_line_end: bool) -> Sentence {
        Sentence {
            start: self.start,
            end,
            kind: self.kind(end, at_line_end),
        }
    }

    fn kind(&self, end: usize, at_line_end: bool) -> Kind {
        if self.in_item {
            return Kind::Bullet;
        }
        let sentence = &self.text[self.start..end];
        let first = self.start == self.paragraph.start;
        let alone = self.first_of_line && at_line_end && !sentence.contains(ends_line);
        if alone && (is_heading(sentence) || (first && is_title(sentence))) {
            Kind::Heading
        } else {
            Kind::Prose
        }
    }

    fn begin(&mut self, start: usize, between: Between) {
        self.start = start;
        self.balance = Balance {
            seen: start,
            ..Balance::default()
        };
        let rest = self.line_at(start, OPENING_BYTES);
        let marker = marker_len(rest);
        self.first_of_line = between == Between::Line;
        self.item = numbering(rest);
        let opened_inline = self.item.is_some() || rest.starts_with(is_bullet);
        if between == Between::Line {
            self.in_item = marker > 0;
        } else if opened_inline {
            self.in_item = true;
        }
        self.marker_end = start
            + if self.first_of_line || opened_inline {
                marker
            } else {
                0
            };
    }

    /// The line from byte `at` on, or its first bytes.
    fn line_at(&self, at: usize, bytes: usize) -> &'t str {
        let mut limit = self.paragraph.end.min(at + bytes);
        while !self.text.is_char_boundary(limit) {
            limit -= 1;
        }
        let rest = &self.text[..limit];
        rest[at..end_of_line(rest, at)].trim_end_matches(is_blank)
    }

    /// Counts brackets and quotes up to byte `to`.
    fn count(&mut self, to: usize) {
        let bytes = self.text.as_bytes();
        let mut at = self.balance.seen;
        while at < to {
            let few = &bytes[at..to.min(at + 16)];
            at += few.len();
            // Mostly there is none: found out without a branch for each byte.
            let any = few.iter().fold(false, |any, byte| any | is_paired(*byte));
            if any {
                self.balance.count(bytes, at - few.len(), at);
            }
        }
        self.balance.seen = self.balance.seen.max(to);
    }
}
