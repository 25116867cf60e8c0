//! Classes of characters.

/// White space, and what looks like it: zero-width characters and the byte-order mark.
pub(crate) fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{00ad}'
        )
}

/// What may close a sentence after its stop.
pub(crate) fn is_closing(c: char) -> bool {
    matches!(c, ')' | ']' | '}' | '"' | '\'' | '”' | '’' | '»')
}

/// What may open a sentence before its first word.
pub(crate) fn is_opening(c: char) -> bool {
    matches!(
        c,
        '(' | '[' | '{' | '"' | '\'' | '“' | '‘' | '«' | '¿' | '¡' | '*' | '#'
    )
}

/// What ends a sentence.
pub(crate) fn is_stop(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？')
}

/// A sign that opens an item of a list wherever it stands after white space.
pub(crate) fn is_bullet(c: char) -> bool {
    matches!(
        c,
        '•' | '‣'
            | '⁃'
            | '∙'
            | '●'
            | '○'
            | '◦'
            | '▪'
            | '▫'
            | '■'
            | '□'
            | '►'
            | '▸'
            | '➢'
            | '➤'
            | '✓'
            | '✔'
            | '❖'
            | '◆'
            | '·'
            | '\u{f0b7}'
            | '\u{f0a7}'
    )
}

/// The range of `text[start..end]` without blanks at its ends; empty at `end` when all is blank.
pub(crate) fn trim(text: &str, start: usize, end: usize) -> (usize, usize) {
    let part = &text[start..end];
    let without_start = part.trim_start_matches(is_blank);
    let start = end - without_start.len();
    (
        start,
        start + without_start.trim_end_matches(is_blank).len(),
    )
}
