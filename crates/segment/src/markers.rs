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
        let sign = sign + blanks(&line[sign..]);
        // `• 9. Plan`: a number behind a bullet.
        return match numbering(line) {
            Some(_) => sign + marker_len(&line[sign..]),
            None => sign,
        };
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
        '»' | '›' => first.len_utf8(),
        '#' if line[1..].starts_with(|c: char| c.is_ascii_digit()) => {
            1 + line[1..]
                .bytes()
                .take(3)
                .take_while(u8::is_ascii_digit)
                .count()
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

/// `1.2` before a capitalised word: the number of an outline, though nothing closes it.
fn is_outline(text: &str, label: &str) -> bool {
    let parts = label.split('.');
    label.contains('.')
        && parts
            .clone()
            .all(|part| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
        && text[label.len()..].starts_with(' ')
        && text[label.len()..]
            .trim_start_matches(is_blank)
            .starts_with(char::is_uppercase)
}

/// How the items of a list are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Digits,
    SmallLetters,
    Letters,
    SmallRoman,
    Roman,
}

/// A number that opens an item of a list: `1.`, `2)`, `(c)`, `iv.`, `B.)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbering {
    style: Style,
    /// What stands around it.
    signs: (bool, u8),
    number: u32,
    /// `i`, `v`, `x` and such may also be letters: their number among those.
    as_letter: u32,
}

impl Numbering {
    /// Whether a list may begin with it.
    pub fn is_first(&self) -> bool {
        self.number == 1 || self.as_letter == 1
    }

    /// Whether `next` is the number of the item after this one.
    pub fn is_before(&self, next: &Self) -> bool {
        let letters = |n: &Self| match n.style {
            Style::SmallLetters | Style::SmallRoman => 1,
            Style::Letters | Style::Roman => 2,
            Style::Digits => 3,
        };
        self.signs == next.signs
            && letters(self) == letters(next)
            && ((self.style == next.style && next.number == self.number + 1)
                || (self.as_letter > 0 && next.as_letter == self.as_letter + 1))
    }
}

/// The number that opens `line`, if text follows it after a blank. A bullet may stand before it.
pub(crate) fn numbering(line: &str) -> Option<Numbering> {
    let line = match line.chars().next() {
        Some(c) if is_bullet(c) => line[c.len_utf8()..].trim_start_matches(is_blank),
        _ => line,
    };
    let opened = line.starts_with('(');
    let line = if opened { &line[1..] } else { line };
    let label_len = line
        .bytes()
        .take(6)
        .take_while(u8::is_ascii_alphanumeric)
        .count();
    let (label, rest) = line.split_at(label_len);
    let signs = rest
        .bytes()
        .take(3)
        .take_while(|byte| matches!(byte, b'.' | b')'))
        .count();
    let closed = match &rest[..signs] {
        "." if !opened => 1,
        ")" => 2,
        ".)" => 3,
        _ => return None,
    };
    if !rest[signs..].starts_with(is_blank) {
        return None;
    }
    let letter = match label.as_bytes() {
        [byte] if byte.is_ascii_alphabetic() => u32::from(byte.to_ascii_lowercase() - b'a') + 1,
        _ => 0,
    };
    let small = label.bytes().all(|byte| byte.is_ascii_lowercase());
    let (style, number) = if label.len() <= 3 && label.bytes().all(|byte| byte.is_ascii_digit()) {
        (Style::Digits, label.parse().ok()?)
    } else if let Some(number) = roman(label) {
        (
            if small {
                Style::SmallRoman
            } else {
                Style::Roman
            },
            number,
        )
    } else if letter > 0 {
        (
            if small {
                Style::SmallLetters
            } else {
                Style::Letters
            },
            letter,
        )
    } else {
        return None;
    };
    Some(Numbering {
        style,
        signs: (opened, closed),
        number,
        as_letter: letter,
    })
}

/// The value of a Roman numeral up to 39, all small or all capital.
fn roman(label: &str) -> Option<u32> {
    const NUMERALS: [&str; 10] = ["", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix"];
    if label.is_empty() || label.len() > 5 {
        return None;
    }
    if !(label.bytes().all(|byte| byte.is_ascii_lowercase())
        || label.bytes().all(|byte| byte.is_ascii_uppercase()))
    {
        return None;
    }
    let small = label.to_ascii_lowercase();
    let ones = small.trim_start_matches('x');
    let tens = (small.len() - ones.len()) as u32;
    let ones = NUMERALS.iter().position(|numeral| *numeral == ones)? as u32;
    (tens <= 3).then_some(tens * 10 + ones)
}

/// The length of `1.`, `1)`, `1.2.`, `a)`, `iv.` at the start; in brackets only `)` closes.
fn numbering_len(text: &str, in_brackets: bool) -> Option<usize> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || (c == '.' && !in_brackets)))?;
    let (label, closed_by_stop) = match text[..end].strip_suffix('.') {
        Some(label) => (label, true),
        None => (&text[..end], false),
    };
    let len = if closed_by_stop && text[end..].starts_with(')') {
        end + 1
    } else if closed_by_stop {
        end
    } else if is_outline(text, label) {
        return Some(end);
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
    fn numbers_of_items_follow_each_other() {
        let follow = |first: &str, second: &str| {
            let (first, second) = (numbering(first).unwrap(), numbering(second).unwrap());
            first.is_before(&second)
        };
        for (first, second) in [
            ("1. a", "2. b"),
            ("• 9. a", "• 10. b"),
            ("(h) a", "(i) b"),
            ("i) a", "ii) b"),
            ("ix. a", "x. b"),
            ("a.) a", "b.) b"),
            ("A) a", "B) b"),
        ] {
            assert!(follow(first, second), "{first} {second}");
        }
        for (first, second) in [
            ("1. a", "2) b"),
            ("1. a", "3. b"),
            ("a) a", "B) b"),
            ("(1) a", "2) b"),
        ] {
            assert!(!follow(first, second), "{first} {second}");
        }
        for no_number in ["1.", "1 a", "12.5 a", "word. a", "(a. b"] {
            assert_eq!(numbering(no_number), None, "{no_number}");
        }
    }

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
            ("1.) Plan", "1.) "),
            ("1.1 Plan", "1.1 "),
            ("#1 Plan", "#1 "),
            ("» Plan", "» "),
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
