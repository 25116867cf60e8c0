//! Sentence ends inside a block.

use crate::abbreviations::{Stop, starts_sentences, stop_after};
use crate::chars::{is_blank, is_bullet, is_closing, is_opening, is_stop};

/// A word this long, in bytes, is looked at; a longer one is no abbreviation.
const LONGEST_WORD: usize = 24;
/// Characters of a token on each side of a stop that may tell an address.
const LONGEST_ADDRESS: usize = 128;

/// The end of the first sentence of `text[start..end]`, a block from `start` on; `end` when it is the last.
/// `user` holds abbreviations in lower case, without their stop.
pub(crate) fn first_end(text: &str, start: usize, end: usize, user: &[String]) -> usize {
    let mut from = start;
    while let Some(found) = text[from..end].find(|c| is_stop(c) || is_bullet(c)) {
        let at = from + found;
        let c = text[at..].chars().next().unwrap_or_default();
        if is_bullet(c) {
            if at > start && opens_item(text, at, end) {
                return at;
            }
            from = at + c.len_utf8();
            continue;
        }
        let stops_end = at + run(&text[at..end], is_stop);
        let close = stops_end + run(&text[stops_end..end], is_closing);
        if close >= end {
            return end;
        }
        if ends_here(
            text,
            start,
            Candidate {
                at,
                stops_end,
                close,
                end,
            },
            user,
        ) {
            return close;
        }
        from = stops_end;
    }
    end
}

/// Where a sentence might end.
#[derive(Clone, Copy)]
struct Candidate {
    /// The first stop.
    at: usize,
    /// After the last stop.
    stops_end: usize,
    /// After closing quotes and brackets.
    close: usize,
    /// The end of the block.
    end: usize,
}

fn ends_here(text: &str, start: usize, here: Candidate, user: &[String]) -> bool {
    let after = &text[here.close..here.end];
    let word_before = last_word(&text[start..here.at]);
    if !after.starts_with(is_blank) {
        return here.close == here.stops_end && is_missing_space(text, start, here, word_before);
    }
    let next = after
        .trim_start_matches(is_blank)
        .trim_start_matches(is_opening);
    let first = next.chars().next().unwrap_or(' ');
    let stops = &text[here.at..here.stops_end];
    if stops.contains(['!', '?', '。', '！', '？']) {
        return !first.is_lowercase();
    }
    if stops.len() > 1 || here.close > here.stops_end {
        // An ellipsis, or a stop inside quotes or brackets: it ends a sentence where a new one begins.
        return first.is_uppercase();
    }
    if first.is_lowercase() {
        return false;
    }
    // The number of a list's item at the start of the block.
    if here.at > start
        && text[start..here.at].chars().all(|c| c.is_ascii_digit())
        && here.at - start <= 3
    {
        return false;
    }
    match stop_after(word_before, user) {
        // `no.` is an abbreviation before a number alone.
        Stop::Abbreviation => word_before.eq_ignore_ascii_case("no") && !first.is_ascii_digit(),
        Stop::Either => starts_sentences(first_word(next)),
        Stop::End => true,
    }
}

/// `experience.Must have`: a lower-case word, a stop, and a capitalised word without a space between.
fn is_missing_space(text: &str, start: usize, here: Candidate, word_before: &str) -> bool {
    if here.stops_end - here.at != 1 {
        return false;
    }
    let mut next = text[here.stops_end..here.end].chars();
    let capitalised =
        next.next().is_some_and(char::is_uppercase) && next.next().is_some_and(char::is_lowercase);
    let plain = word_before.len() >= 3
        && word_before
            .chars()
            .all(|c| c.is_lowercase() || is_closing(c));
    capitalised && plain && !in_address(text, start, here)
}

/// Whether the token around the candidate is an address of the web or of mail. Only so much of the token is looked at
/// on each side: a text without blanks must not be read again at each of its stops.
fn in_address(text: &str, start: usize, here: Candidate) -> bool {
    let length = |chars: &mut dyn Iterator<Item = char>| -> usize {
        chars
            .take(LONGEST_ADDRESS)
            .take_while(|c| !is_blank(*c))
            .map(char::len_utf8)
            .sum()
    };
    let before = length(&mut text[start..here.at].chars().rev());
    let after = length(&mut text[here.at..here.end].chars());
    let token = &text[here.at - before..here.at + after];
    token.contains(['@', '/', '\\', '_']) || token.contains("www.")
}

/// Whether a bullet sign inside a block opens an item: white space before it, something after it.
fn opens_item(text: &str, at: usize, end: usize) -> bool {
    let sign = text[at..].chars().next().unwrap_or_default();
    let after = &text[at + sign.len_utf8()..end];
    // A middle dot between blanks is often a separator of a line of facts.
    text[..at].ends_with(is_blank) && !after.trim_start_matches(is_blank).is_empty() && sign != '·'
}

/// Length in bytes of the run at the start of `text` whose characters are all of a class.
fn run(text: &str, class: fn(char) -> bool) -> usize {
    text.len() - text.trim_start_matches(class).len()
}

/// The last word of `text`, at most so long as matters; stops inside it belong to it.
fn last_word(text: &str) -> &str {
    let mut from = text.len().saturating_sub(LONGEST_WORD);
    while !text.is_char_boundary(from) {
        from -= 1;
    }
    let word = text[from..]
        .rfind(|c: char| is_blank(c) || is_opening(c) || c == '/' || c == '-' || c == ',')
        .map_or(from, |at| {
            from + at + text[from + at..].chars().next().map_or(0, char::len_utf8)
        });
    &text[word..]
}

fn first_word(text: &str) -> &str {
    let end = text
        .find(|c: char| !c.is_alphanumeric())
        .unwrap_or(text.len());
    &text[..end]
}
