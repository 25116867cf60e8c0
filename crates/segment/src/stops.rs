//! What a stop means, by rules: the guess that the classifier starts from, and all there is without it.

use crate::abbreviations::{Stop, starts_sentences, stop_after};
use crate::chars::{is_blank, is_closing, is_stop};
use crate::context::{Context, Shape};
use crate::scan::{Paragraph, char_at};

/// Characters of a token on each side of a stop that may tell an address.
const LONGEST_ADDRESS: usize = 64;
/// A line at least so long, in bytes, may have been broken for its width alone.
const WRAPPED_LINE: usize = 55;

/// Whether no sentence ends at the gap, because of an abbreviation or an initial before it. `user` holds more abbreviations, in lower case, without their
/// stop.
pub(crate) fn never_ends(context: &Context<'_>, user: &[String]) -> bool {
    let before = &context.before;
    if before.closing != "." {
        return false;
    }
    if !user.is_empty() && user.contains(&before.core.to_lowercase()) {
        return true;
    }
    if context.after.core.starts_with(char::is_lowercase) && context.after.opening.is_empty() {
        return before.core != "etc" && stop_after(before.core) != Stop::End;
    }
    if before.shape == Shape::Letter
        && context.second_before().shape == Shape::Capitalised
        && context.second_before().closing.is_empty()
        && context.after.shape == Shape::Capitalised
        && !starts_sentences(context.after.core)
    {
        // An initial between two names.
        return true;
    }
    if stop_after(before.core) != Stop::Abbreviation {
        return false;
    }
    match context.after.shape {
        Shape::Digits | Shape::Number => true,
        // Some of them are words, too.
        Shape::Capitalised | Shape::Letter => {
            !WORDS_TOO.contains(&before.core) && !starts_sentences(context.after.core)
        }
        _ => false,
    }
}

/// Abbreviations before numbers that are words where none follows.
const WORDS_TOO: [&str; 13] = [
    "no", "No", "est", "max", "Max", "min", "fig", "ext", "rep", "gen", "tel", "col", "Rep",
];

/// Whether the text before the gap ends with a stop.
pub(crate) fn closes(context: &Context<'_>) -> bool {
    context.before.closing.contains(is_stop)
}

/// Whether a sentence ends at a gap of blanks inside a line.
pub(crate) fn ends_sentence(context: &Context<'_>) -> bool {
    let (before, after) = (&context.before, &context.after);
    let stops = before.closing;
    let Some(at) = stops.find(is_stop) else {
        return false;
    };
    let first = after.core.chars().next().unwrap_or(' ');
    if stops.contains(['!', '?', '。', '！', '？']) {
        return !first.is_lowercase();
    }
    if stops.len() > 1 || at > 0 {
        // An ellipsis, or a stop inside quotes or brackets: it ends a sentence where a new one begins.
        return first.is_uppercase();
    }
    if first.is_lowercase() {
        return false;
    }
    match stop_after(before.core) {
        // `no.` is an abbreviation before a number alone.
        Stop::Abbreviation => before.core.eq_ignore_ascii_case("no") && !first.is_ascii_digit(),
        Stop::Either => starts_sentences(after.core),
        Stop::End => true,
    }
}

/// Whether a sentence ends with its line, `length` bytes long.
pub(crate) fn line_ends_sentence(
    context: &Context<'_>,
    length: usize,
    paragraph: &Paragraph,
) -> bool {
    let (before, after) = (&context.before, &context.after);
    let lower = after.core.starts_with(char::is_lowercase);
    if closes(context) {
        return ends_sentence(context);
    }
    if before.closing.ends_with(':') {
        return !lower;
    }
    let needed = length + 1 + after.core.len();
    !(lower
        || before.closing.ends_with([',', '&', '/', '-'])
        || (length >= WRAPPED_LINE && needed > paragraph.width))
}

/// Whether a word is one that no sentence ends with.
pub(crate) fn goes_on(word: &str) -> bool {
    const WORDS: [&str; 16] = [
        "a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to",
        "which", "with",
    ];
    WORDS.binary_search(&word).is_ok()
}

/// `experience.Must have`: a word, a stop, and a capitalised word without a blank between.
pub(crate) fn misses_blank(context: &Context<'_>) -> bool {
    let (before, after) = (&context.before, &context.after);
    let plain = before.core.len() >= 3 && before.core.chars().all(|c| c.is_lowercase());
    let dotted =
        before.shape == Shape::Capitals && before.core.contains('.') && after.core.len() >= 4;
    (plain || dotted)
        && after.shape == Shape::Capitalised
        && matches!(before.closing, "." | "!" | "?" | ".)" | ".\"")
}

/// What is sure of a gap inside a line, `since` bytes after the sentence's start.
pub(crate) fn by_rule(context: &Context<'_>, since: usize) -> Option<bool> {
    let Context { before, after, .. } = context;
    if after.core.is_empty() && !after.opening.is_empty() && after.opening.chars().all(is_stop) {
        // A stop after a blank belongs to the text before it.
        return Some(false);
    }
    if before.closing.ends_with(',') && after.opening.starts_with(['"', '\'', '“', '‘']) {
        return Some(false);
    }
    let quoted = after.opening.starts_with(['"', '“']);
    if before.closing.ends_with(':')
        && (quoted || after.core.starts_with(|c: char| c.is_ascii_digit()))
    {
        return Some(false);
    }
    let lower = after.core.starts_with(char::is_lowercase);
    let short_number =
        before.closing == "." && before.core.len() <= 2 && before.shape == Shape::Digits;
    if short_number && (lower || MONTHS.iter().any(|month| after.core.starts_with(month))) {
        return Some(false);
    }
    if lower && before.closing.starts_with(".)") {
        return Some(false);
    }
    let quoted_stop = before
        .closing
        .strip_suffix(['"', '”', '\''])
        .is_some_and(|signs| signs.ends_with(is_stop));
    if lower && quoted_stop && after.opening.is_empty() {
        // `"It works." she said.`
        return Some(false);
    }
    if lower && before.closing.starts_with("@.") {
        // An address that was left out: `write to anna@... or call`.
        return Some(false);
    }
    if before.closing == "!"
        && after.core.starts_with(char::is_lowercase)
        && BANG_NAMES.contains(&before.core)
    {
        return Some(false);
    }
    if before.closing == "." && is_time(before.core) && after.shape == Shape::Capitalised {
        // `At 5 p.m. Mr. Smith left` goes on, `We opened the doors at 5 p.m. Then` does not.
        return Some((since > 24 || starts_sentences(after.core)) && !is_day(after.core));
    }
    None
}

/// The first letters of the months.
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Names that end with an exclamation mark.
const BANG_NAMES: [&str; 2] = ["Yahoo", "Jeopardy"];

fn is_time(word: &str) -> bool {
    ["a.m", "p.m", "A.M", "P.M"].contains(&word)
}

fn is_day(word: &str) -> bool {
    ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        .iter()
        .any(|day| word.starts_with(day))
}

/// Whether the text before a line that begins with a label ends there.
pub(crate) fn precedes_label(context: &Context<'_>, line: &str) -> bool {
    let label = line.split(':').next().unwrap_or_default();
    let shouted = label.chars().filter(|c| c.is_uppercase()).count() >= 3
        && !label.contains(char::is_lowercase);
    !context.before.closing.ends_with([',', '-', '&', '/']) && (shouted || closes(context))
}

/// The token around byte `at`; only so much of it is looked at, since a text without blanks must not be read again at
/// each of its stops.
pub(crate) fn token(text: &str, from: usize, at: usize, to: usize) -> (&str, &str) {
    let mut start = at;
    while start > from && at - start < LONGEST_ADDRESS {
        let mut before = start - 1;
        while !text.is_char_boundary(before) {
            before -= 1;
        }
        if is_blank(char_at(text, before)) {
            break;
        }
        start = before;
    }
    let mut end = at;
    while end < to && end - at < LONGEST_ADDRESS && !is_blank(char_at(text, end)) {
        end += char_at(text, end).len_utf8();
    }
    let right = &text[at..end];
    (
        &text[start..at],
        right.trim_end_matches(|c| is_stop(c) || is_closing(c) || c == ','),
    )
}

/// Whether a stop inside a token belongs to it: an address, a path, a domain, the name of a technology.
pub(crate) fn is_one_token(left: &str, right: &str) -> bool {
    let address = |part: &str| part.contains(['@', '\\', '_', '/']) || part.contains("www.");
    if (address(left) || address(right)) && right.contains(['.', '/', '@', ':', '_']) {
        return true;
    }
    let domain = ["Com", "Net", "Org", "Edu", "Gov"].contains(&right);
    let technology = right.len() <= 4
        && right.chars().all(|c| c.is_ascii_uppercase())
        && left.starts_with(char::is_uppercase);
    domain || technology
}
