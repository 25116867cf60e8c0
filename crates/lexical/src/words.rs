//! Words of plain text, as the analyzer's splitter finds them, and a short key for each.
//!
//! Plain text is ASCII without DEL, which the analyzer folds away. For such text the word boundaries of Unicode
//! (UAX #29) come down to two rules: letters, digits and `_` hold together, and so do two letters or two digits with
//! certain single signs between them (`can't`, `e.g`, `3.11`, `1,000`).

/// Bytes of the longest word that has a key.
pub(crate) const KEY_BYTES: usize = 16;

/// A word of a plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word<'a> {
    pub(crate) text: &'a str,
    /// The same for words that differ in case alone, else different, and never 0; `None` for a word of more than
    /// [`KEY_BYTES`].
    pub(crate) key: Option<u128>,
}

/// Whether [`words`] can split the text.
pub(crate) fn is_plain(text: &str) -> bool {
    // No early end: so it is done many bytes at once.
    text.bytes().fold(0, u8::max) < 0x7f
}

/// The words of a plain text in its order, those of `_` alone among them, which are no tokens.
pub(crate) fn words(plain: &str) -> impl Iterator<Item = Word<'_>> {
    let bytes = plain.as_bytes();
    let mut next = gap(bytes, 0);
    std::iter::from_fn(move || {
        let at = next;
        if at == bytes.len() {
            return None;
        }
        let head = head(bytes, at);
        let core = core(head);
        // Most words end in `head`, and the next one begins there: then nothing here depends on a single byte.
        let mut length = ((core ^ every(0x80)).trailing_zeros() / 8) as usize;
        let behind = core.checked_shr(8 * length as u32).unwrap_or(0);
        let apart = (behind.trailing_zeros() / 8) as usize;
        next = at + length + apart;
        if behind == 0 || (apart == 1 && holds_on(bytes, at + length)) {
            let end = (at + length..bytes.len())
                .find(|&end| !(is_core(bytes[end]) || holds_on(bytes, end)))
                .unwrap_or(bytes.len());
            length = end - at;
            next = gap(bytes, end);
        }
        // Bit 5 makes letters small. The other bytes of words have it, but for `_`, which becomes DEL: plain text has
        // no DEL.
        let small = head | every(0x20);
        let key = match length {
            KEY_BYTES => Some(small),
            0..KEY_BYTES => Some(small & !(u128::MAX << (8 * length))),
            _ => None,
        };
        let text = &plain[at..at + length];
        Some(Word { text, key })
    })
}

/// Where the next word begins, at `at` or later; the end if there is none.
fn gap(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..]
        .iter()
        .take_while(|byte| !is_core(**byte))
        .count()
}

fn is_core(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether the byte at `at` is a sign that holds the bytes on both its sides together.
#[inline]
fn holds_on(bytes: &[u8], at: usize) -> bool {
    const SIGNS: u64 = 1 << b'.' | 1 << b'\'' | 1 << b',' | 1 << b';' | 1 << b':';
    match bytes.get(at) {
        Some(sign @ 0..64) if SIGNS >> sign & 1 == 1 => {}
        _ => return false,
    }
    let around = at.checked_sub(1).and_then(|before| bytes.get(before..));
    let Some([before, sign, after]) = around.and_then(<[u8]>::first_chunk) else {
        return false;
    };
    let digits = before.is_ascii_digit() && after.is_ascii_digit();
    let letters = before.is_ascii_alphabetic() && after.is_ascii_alphabetic();
    match sign {
        b'.' | b'\'' => digits || letters,
        b',' | b';' => digits,
        b':' => letters,
        _ => false,
    }
}

/// The bytes from `at` on, the first one lowest, and zeros after the end.
#[inline]
fn head(bytes: &[u8], at: usize) -> u128 {
    let rest = &bytes[at..];
    if let Some(chunk) = rest.first_chunk() {
        return u128::from_le_bytes(*chunk);
    }
    match bytes.last_chunk() {
        Some(chunk) => u128::from_le_bytes(*chunk)
            .checked_shr(8 * (KEY_BYTES - rest.len()) as u32)
            .unwrap_or(0),
        None => {
            let mut chunk = [0; KEY_BYTES];
            chunk[..rest.len()].copy_from_slice(rest);
            u128::from_le_bytes(chunk)
        }
    }
}

/// The high bit of each byte that is a letter, a digit or `_`; all are below DEL.
#[inline]
fn core(head: u128) -> u128 {
    // The high bit of each byte that is `least` or more: bytes below 0x80 carry nothing into their neighbours.
    let from = |bytes: u128, least: u8| bytes.wrapping_add(every(0x80 - least));
    let small = head | every(0x20);
    let digit = from(head, b'0') & !from(head, b'9' + 1);
    // `_` is DEL in `small`.
    let letter = from(small, b'a') & !(from(small, b'z' + 1) & !from(small, 0x7f));
    (digit | letter) & every(0x80)
}

/// The byte sixteen times.
const fn every(byte: u8) -> u128 {
    u128::from_le_bytes([byte; KEY_BYTES])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> = words(text).map(|word| word.text).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn signs_hold_together_or_part() {
        check("You can't 'quote' us.", &["You", "can't", "quote", "us"]);
        check(
            "v3.11, 1,000; 1;2 a;b 1:2",
            &["v3.11", "1,000", "1;2", "a", "b", "1", "2"],
        );
        check(
            "e.g. a.1 1.a a_.b a..b a:b",
            &["e.g", "a", "1", "1", "a", "a_", "b", "a", "b", "a:b"],
        );
        check("e-mail me_too@x.org/", &["e", "mail", "me_too", "x.org"]);
        check("_ __x ", &["_", "__x"]);
        check("", &[]);
        check(" ...", &[]);
        check("'", &[]);
    }

    #[test]
    fn words_of_any_length_at_any_distance_from_the_end() {
        for length in 1..40 {
            for blanks in 0..20 {
                let word = "x".repeat(length);
                check(&format!("{word}{}", " ".repeat(blanks)), &[&word]);
                check(
                    &format!("{word}.y{}", " ".repeat(blanks)),
                    &[&format!("{word}.y")],
                );
            }
        }
    }

    #[test]
    fn keys_differ_where_words_do() {
        let key = |text: &str| words(text).next().and_then(|word| word.key);
        assert_eq!(key("Sales"), key("sALES "));
        assert_eq!(key("ABCDEFGHIJKLMNOP"), key("abcdefghijklmnop-"));
        assert_eq!(key("abcdefghijklmnopq"), None);
        assert_eq!(key("abcdefghijklmno.p"), None);
        let bytes = (0..0x7f).map(char::from);
        let inside: Vec<String> = bytes.map(|byte| format!("1{byte}1 a{byte}a")).collect();
        let mut seen = std::collections::HashMap::new();
        for word in inside.iter().flat_map(|text| words(text)) {
            let small = word.text.to_ascii_lowercase();
            assert_eq!(seen.entry(word.key).or_insert(small.clone()), &small);
        }
    }
}
