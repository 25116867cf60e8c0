//! A walk over the gaps of a text: what the rules are sure of, and what they leave open.

use crate::chars::{is_blank, is_bullet};
use crate::context::Context;
use crate::features::{Facts, Place, SECOND};
use crate::lines::{ends_with_stop, is_heading, is_shouted_heading, is_title, starts_with_label};
use crate::markers::{Numbering, marker_len, numbering};
use crate::markup::is_block;
use crate::scan::{Between, Gap, Gaps, Paragraph, char_at, end_of_line, ends_line, paragraph};
use crate::segmenter::{Kind, Sentence};
use crate::stops;

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
    pub start: usize,
    /// Where the line begins.
    line: usize,
    /// Whether the sentence is the first of its line.
    first_of_line: bool,
    /// The number that opens the sentence, when it is an item's.
    item: Option<Numbering>,
    /// The byte after the marker of an item that opens the sentence; `start` when there is none.
    marker_end: usize,
    /// Whether the sentence is of an item of a list.
    pub in_item: bool,
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

    fn verdict(&self, context: &Context<'t>) -> Verdict {
        let gap = context.gap;
        if gap.left <= self.marker_end || gap.left <= self.start {
            return Verdict::Inside;
        }
        if is_block(&self.text[gap.right..self.paragraph.end], gap.ends_line()) {
            return Verdict::End;
        }
        if stops::never_ends(context, self.abbreviations) {
            return Verdict::Inside;
        }
        match gap.between {
            Between::Line => self.at_line(context),
            Between::Nothing => {
                if is_bullet(char_at(self.text, gap.right)) {
                    return Verdict::End;
                }
                let (left, right) =
                    stops::token(self.text, self.start, gap.left, self.paragraph.end);
                if stops::is_one_token(left, right) {
                    return Verdict::Inside;
                }
                if self.text[..gap.left].ends_with(':') {
                    return if is_heading(&self.text[self.start..gap.left]) {
                        Verdict::End
                    } else {
                        Verdict::Inside
                    };
                }
                let missing = stops::misses_blank(context);
                if missing && context.before.core.contains('.') {
                    // `U.S.Travel`: too rare for the classifier to know.
                    return Verdict::End;
                }
                Verdict::Open(missing)
            }
            Between::Space | Between::Wide => {
                if self.opens_item(context) {
                    return Verdict::End;
                }
                if context.after.opening.is_empty()
                    && context
                        .after
                        .core
                        .starts_with(|c: char| c.is_ascii_lowercase())
                    && context.before.closing.is_empty()
                {
                    // Looked at for a list's item alone.
                    return Verdict::Inside;
                }
                if self.balance.quotes > 0 && context.before.closing.is_empty() {
                    // A title in quotes, not a stop that was left out.
                    return Verdict::Inside;
                }
                if context.before.closing.ends_with(':')
                    && (gap.between == Between::Wide || self.first_of_line)
                    && starts_with_label(&self.text[self.start..gap.left])
                {
                    // A label and its value are one.
                    return Verdict::Inside;
                }
                if let Some(is_end) = self.after_spaced_stops(context) {
                    return if is_end {
                        Verdict::End
                    } else {
                        Verdict::Inside
                    };
                }
                if let Some(is_end) = stops::by_rule(context, gap.left - self.start) {
                    return if is_end {
                        Verdict::End
                    } else {
                        Verdict::Inside
                    };
                }
                Verdict::Open(stops::ends_sentence(context))
            }
        }
    }

    fn at_line(&self, context: &Context<'t>) -> Verdict {
        let gap = context.gap;
        let next = self.line_at(gap.right, OPENING_BYTES);
        if marker_len(next) > 0 {
            return Verdict::End;
        }
        if starts_with_label(next) && stops::precedes_label(context, next) {
            return Verdict::End;
        }
        let dash =
            context.before.core.is_empty() && (context.before.closing.ends_with(['-', '–', '—']));
        if dash && gap.left - self.line + 1 + context.after.core.len() > self.paragraph.width {
            return Verdict::Inside;
        }
        if !self.is_shouted() && is_shouted_heading(next) {
            return Verdict::End;
        }
        if self.breaks_early(context) {
            return Verdict::End;
        }
        let line = &self.text[self.line.max(self.start)..gap.left];
        if self.line >= self.start && is_heading(line) && !self.is_shouted() {
            return Verdict::End;
        }
        Verdict::Open(stops::line_ends_sentence(
            context,
            gap.left.saturating_sub(self.line),
            &self.paragraph,
        ))
    }

    /// After ` . . .` a sentence goes on; a fourth stop ends it where a new one begins.
    fn after_spaced_stops(&self, context: &Context<'t>) -> Option<bool> {
        const STOPS: usize = 5;
        let before = &self.text[self.start..context.gap.left];
        let mut rest = before.strip_suffix(" .")?;
        let mut stops = 1;
        while stops < STOPS {
            let Some(shorter) = rest.strip_suffix('.') else {
                break;
            };
            stops += 1;
            rest = shorter.strip_suffix(' ').unwrap_or(shorter);
        }
        let capital = context.after.core.starts_with(char::is_uppercase);
        (stops >= 3).then_some(stops >= 4 && capital)
    }

    /// Whether the line before the gap leaves so much room that its writer meant its end: half of the longest line, or
    /// any in a paragraph of short lines that mostly leave some. Nobody breaks lines to a width that is very small.
    fn breaks_early(&self, context: &Context<'_>) -> bool {
        const WIDTH: usize = 40;
        const NARROW: usize = 56;
        const FEW_FILLED: usize = 3;
        const WIDEST: usize = 120;
        let needed = context.gap.left.saturating_sub(self.line) + 1 + context.after.core.len();
        let Paragraph {
            width,
            lines,
            filled_eighths,
            ..
        } = self.paragraph;
        let short = width >= WIDTH && needed * 2 < width;
        let few_filled = width < NARROW && filled_eighths <= FEW_FILLED && needed <= width;
        // Letters one below the other are a word.
        let words = context.gap.left.saturating_sub(self.line) > 3;
        let list = lines > 2 && words && !self.in_item && (width < WIDTH || few_filled);
        // Nor to one that is very large: there a line is a paragraph.
        width > WIDEST
            || (short || list)
                && !context.before.closing.ends_with([',', '&'])
                && !stops::goes_on(context.before.core)
    }

    /// Whether the paragraph is written in capitals.
    fn is_shouted(&self) -> bool {
        self.paragraph.capitals * 2 > self.paragraph.letters && self.paragraph.lines > 2
    }

    /// Whether an item of a list begins after a gap inside a line.
    fn opens_item(&self, context: &Context<'t>) -> bool {
        let right = context.gap.right;
        let next = char_at(self.text, right);
        if is_bullet(next) {
            let line = self.line_at(right, OPENING_BYTES);
            let rest = line[next.len_utf8()..].trim_start_matches(is_blank);
            // A middle dot between blanks is often a separator of a line of facts.
            return next != '·' && !rest.is_empty();
        }
        if matches!(next, '-' | '–' | '*') && stops::closes(context) {
            // The next line goes on with the list that begins here.
            let end = end_of_line(&self.text[..self.paragraph.end], right);
            let rest = self.text[end..self.paragraph.end].trim_start_matches(is_blank);
            return self.line_at(right, OPENING_BYTES)[next.len_utf8()..].starts_with(is_blank)
                && rest.starts_with(next);
        }
        if !(next == '(' || next.is_ascii_alphanumeric()) || context.after.closing.is_empty() {
            return false;
        }
        let Some(number) = numbering(self.line_at(right, OPENING_BYTES)) else {
            return false;
        };
        match self.item {
            Some(item) => item.is_before(&number),
            // The first of several: its successor must stand in the same line.
            None => {
                let line = self.line_at(right, ITEM_BYTES);
                number.is_first()
                    && stops::closes(context)
                    && line
                        .char_indices()
                        .filter(|(_, c)| is_blank(*c))
                        .any(|(at, c)| {
                            numbering(&line[at + c.len_utf8()..])
                                .is_some_and(|second| number.is_before(&second))
                        })
            }
        }
    }
}
