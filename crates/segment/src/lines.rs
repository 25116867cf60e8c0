//! What a line is by its look: a heading, a title, a label with its value.

use crate::chars::{is_blank, is_bullet, is_closing, is_stop};

/// A heading has at most so many words, and so many bytes.
const HEADING_WORDS: usize = 8;
const HEADING_BYTES: usize = 120;
/// A label has at most so many words.
const LABEL_WORDS: usize = 5;
const LABEL_BYTES: usize = 48;

/// Whether a line is a heading by itself: it ends with a colon, or is all in capitals.
pub(crate) fn is_heading(line: &str) -> bool {
    let labels = line.ends_with(':');
    if line.len() > HEADING_BYTES || (!labels && line.bytes().any(|byte| byte.is_ascii_lowercase()))
    {
        return false;
    }
    let words = line.split(is_blank).filter(|word| !word.is_empty()).count();
    if words > HEADING_WORDS {
        return false;
    }
    let letters = line.chars().filter(|c| c.is_alphabetic()).count();
    let capitals = line.chars().filter(|c| c.is_uppercase()).count();
    let shouted = letters >= 4
        && capitals == letters
        && (!line.ends_with(['.', ',']) || line.ends_with("..."));
    (labels && letters > 0 && !line.contains(". ")) || shouted
}

/// Whether a line is all in capitals, and no more than a heading.
pub(crate) fn is_shouted_heading(line: &str) -> bool {
    !line.ends_with(':') && is_heading(line)
}

/// Whether a line is a title where a paragraph begins: few words, the long ones capitalised, and no stop.
pub(crate) fn is_title(line: &str) -> bool {
    if line.len() > HEADING_BYTES {
        return false;
    }
    let mut words = line.split(is_blank).filter(|word| !word.is_empty());
    let capital = |word: &str| word.chars().next().is_some_and(|c| !c.is_lowercase());
    words.clone().count() <= HEADING_WORDS
        && !ends_with_stop(line)
        && !line.ends_with([',', ';'])
        && !line.contains(is_bullet)
        && line.chars().any(char::is_alphabetic)
        && words.clone().next().is_some_and(capital)
        && words.all(|word| word.len() <= 3 || capital(word))
}

/// Whether a line begins with a label, as in `Salary: 20` or `OPEN TO/ ELIGIBILITY CRITERIA: all`.
pub(crate) fn starts_with_label(line: &str) -> bool {
    let mut end = line.len().min(LABEL_BYTES);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    let Some(colon) = line[..end].find(':') else {
        return false;
    };
    let (label, rest) = line.split_at(colon);
    let rest = &rest[1..];
    label.starts_with(char::is_uppercase)
        && (rest.is_empty() || rest.starts_with(is_blank))
        && !label.contains(['.', '?', '!', ',', '"'])
        && label
            .split(is_blank)
            .filter(|word| !word.is_empty())
            .count()
            <= LABEL_WORDS
}

/// Whether the last character that is no closing quote or bracket ends a sentence.
pub(crate) fn ends_with_stop(line: &str) -> bool {
    line.trim_end_matches(is_closing).ends_with(is_stop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks() {
        assert!(is_heading("What you will do:") && is_heading("DUTIES") && !is_heading("We hire"));
        assert!(is_title("Head of Sales") && !is_title("We hire now") && !is_title("We hire."));
        assert!(starts_with_label("START DATE/ TIME:  now") && starts_with_label("Pay: 20"));
        assert!(!starts_with_label("pay: 20") && !starts_with_label("See http://a.b"));
    }
}
