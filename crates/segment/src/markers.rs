//! What opens an item of a list: bullets, dashes, numbers, letters.

use crate::chars::{is_blank, is_bullet};

/// The length in bytes of the marker that opens `line` (which begins with no blank), blanks after it included; 0 when
/// there is none. `-5 °C` and `3.5 years` open no item.
pub(crate) fn marker_len(line: &str) -> usize {
    let Some(first) = line.chars().next() else {
        return 0;
    };
    if is_bullet(first) {
        let sign = first.len_utf8();
        return sign + blanks(&line[sign..]);
    }
    let sign = match first {
        '-' | '–' | '—' | '*' | '+' | '~' | '>' => {
            let signs = line.len() - line.trim_start_matches(first).len();
            if first == '-' && signs > 2 { 0 } else { signs }
        }
        'o' if line[1..].starts_with(['\t', ' '])
            && line[1..].trim_start().starts_with(char::is_uppercase) =>
        {
            1
        }
        '(' => numbering_len(&line[1..], true).map_or(0, |len| len + 1),
        _ => numbering_len(line, false).unwrap_or(0),
    };
    if sign == 0 {
        return 0;
    }
    match blanks(&line[sign..]) {
        0 => 0,
        after => sign + after,
    }
}

fn blanks(text: &str) -> usize {
    text.len() - text.trim_start_matches(is_blank).len()
}

/// The length of `1.`, `1)`, `1.2.`, `a)`, `iv.` at the start; in brackets only `)` closes.
fn numbering_len(text: &str, in_brackets: bool) -> Option<usize> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || (c == '.' && !in_brackets)))?;
    let (label, closed_by_stop) = match text[..end].strip_suffix('.') {
        Some(label) => (label, true),
        None => (&text[..end], false),
    };
    let len = if closed_by_stop {
        end
    } else if text[end..].starts_with(')') {
        end + 1
    } else {
        return None;
    };
    let numbers = |label: &str| {
        label.len() <= 8
            && label.split('.').all(|part| {
                (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
            })
    };
    let roman = |label: &str| label.len() <= 5 && label.bytes().all(|b| b"ivxIVX".contains(&b));
    // A capital and a stop may be an initial: only a bracket makes it a letter of a list.
    let letter = |label: &str| {
        label.len() == 1
            && label.bytes().all(|b| b.is_ascii_alphabetic())
            && !(closed_by_stop && label != label.to_lowercase())
    };
    (!label.is_empty() && (numbers(label) || letter(label) || (roman(label) && label != "I")))
        .then_some(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_and_what_only_looks_like_one() {
        for (line, marker) in [
            ("• Plan", "• "),
            ("•Plan", "•"),
            ("- Plan", "- "),
            ("-- Plan", "-- "),
            ("-5 degrees", ""),
            ("--- ---", ""),
            ("* Plan", "* "),
            ("1. Plan", "1. "),
            ("12) Plan", "12) "),
            ("1.2. Plan", "1.2. "),
            ("(iv) Plan", "(iv) "),
            ("(a) Plan", "(a) "),
            ("a) Plan", "a) "),
            ("b. Plan", "b. "),
            ("J. Smith", ""),
            ("I. Smith", ""),
            ("3.5 years", ""),
            ("2024. A year", ""),
            ("(see below) Plan", ""),
            ("o Plan", "o "),
            ("o plan", ""),
            ("", ""),
        ] {
            assert_eq!(&line[..marker_len(line)], marker, "{line}");
        }
    }
}
