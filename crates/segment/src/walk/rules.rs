//! What the rules are sure of: markers, labels, headings, lines that end early, items inside a line.

use super::{ITEM_BYTES, OPENING_BYTES, Verdict, Walk};
use crate::chars::{is_blank, is_bullet};
use crate::context::Context;
use crate::lines::{is_heading, is_shouted_heading, starts_with_label};
use crate::markers::{marker_len, numbering};
use crate::markup::is_block;
use crate::scan::{Between, Paragraph, char_at};
use crate::stops;

impl<'t> Walk<'t, '_> {
    /// What the rules say of a gap.
    pub(super) fn verdict(&self, context: &Context<'t>) -> Verdict {
        let gap = context.gap;
        if gap.left <= self.marker_end || gap.left <= self.start {
            return Verdict::Inside;
        }
        if is_block(&self.text[gap.right..self.paragraph.end], gap.ends_line()) {
            return Verdict::End;
        }
        if gap.ends_line() && marker_len(self.line_at(gap.right, OPENING_BYTES)) > 0 {
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
                    return Verdict::sure(is_heading(&self.text[self.start..gap.left]));
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
                    return Verdict::sure(is_end);
                }
                if let Some(is_end) = stops::by_rule(context, gap.left - self.start) {
                    return Verdict::sure(is_end);
                }
                Verdict::Open(stops::ends_sentence(context))
            }
        }
    }

    /// The same at the end of a line, where the next one opens no item.
    fn at_line(&self, context: &Context<'t>) -> Verdict {
        let gap = context.gap;
        if self.in_cell {
            return Verdict::End;
        }
        let next = self.line_at(gap.right, OPENING_BYTES);
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

    /// Whether the writer, and no width, ended the line before the gap: where a line is as long as a paragraph, where this
    /// one leaves half of the longest one's room, or any in a paragraph of short lines that mostly leave some.
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
            let line = self.line_at(right, ITEM_BYTES);
            // The next line goes on with the list that begins here.
            let rest = &self.text[right + line.len()..self.paragraph.end];
            return line[next.len_utf8()..].starts_with(is_blank)
                && rest.starts_with(is_blank)
                && rest.trim_start_matches(is_blank).starts_with(next);
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
}
