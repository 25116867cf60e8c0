//! A sentence as training wants it.

use crate::chars::is_blank;
use crate::markers::marker_len;
use crate::markup::{entity, is_block_name, tag};

/// A cleaned text and where its characters come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleaned {
    /// The cleaned text.
    pub text: String,
    /// Runs of text taken over as they are: where each begins in the cleaned text, and where in the original.
    runs: Vec<(usize, usize)>,
    original_len: usize,
}

impl Cleaned {
    /// The byte of the original that stands at byte `cleaned` of the cleaned text; for its end, the byte after its last
    /// character's in the original. What is beyond the end is the original's length.
    pub fn original_offset(&self, cleaned: usize) -> usize {
        if cleaned > self.text.len() {
            return self.original_len;
        }
        match self.runs.partition_point(|(from, _)| *from <= cleaned) {
            0 => 0,
            after => {
                let (from, original) = self.runs[after - 1];
                (original + (cleaned - from)).min(self.original_len)
            }
        }
    }
}

impl Cleaned {
    /// Parts words that a gap at this byte parts in the original.
    fn part(&mut self, gap: Option<usize>) {
        if let Some(blank) = gap
            && !self.text.is_empty()
        {
            self.runs.push((self.text.len(), blank));
            self.text.push(' ');
        }
    }
}

/// The byte where text ends that stays as it is: printable ASCII with single spaces inside, and no markup.
fn plain_end(sentence: &str, at: usize) -> usize {
    let bytes = sentence.as_bytes();
    let is_plain = |byte: &u8| matches!(byte, 0x21..=0x7e) && !matches!(byte, b'<' | b'&');
    let mut end = at;
    while let Some(byte) = bytes.get(end) {
        let inside = end > at && *byte == b' ' && bytes.get(end + 1).is_some_and(is_plain);
        if !(is_plain(byte) || inside) {
            break;
        }
        end += 1;
    }
    end
}

/// The sentence without its bullet or number, without tags, with entities as the characters they stand for, with every
/// run of blanks folded to one space, and without control characters.
pub fn clean(sentence: &str) -> Cleaned {
    let mut cleaned = Cleaned {
        text: String::with_capacity(sentence.len()),
        runs: Vec::new(),
        original_len: sentence.len(),
    };
    let mut at = opening(sentence);
    // Where the original goes on exactly as the cleaned text does.
    let mut expected = None;
    let mut gap = None;
    loop {
        let end = plain_end(sentence, at);
        if end > at {
            cleaned.part(gap.take());
            if expected != Some(at) {
                cleaned.runs.push((cleaned.text.len(), at));
            }
            cleaned.text.push_str(&sentence[at..end]);
            (at, expected) = (end, Some(end));
        }
        let here = at;
        let Some(first) = sentence[at..].chars().next() else {
            break;
        };
        let c = match first {
            '<' if let Some((length, name)) = tag(&sentence[at..]) => {
                at += length;
                // A tag inside a line parts no words.
                if is_block_name(name) && gap.is_none() {
                    gap = Some(here);
                }
                expected = None;
                continue;
            }
            '&' if let Some((length, c)) = entity(&sentence[at..]) => {
                at += length;
                c
            }
            c => {
                at += c.len_utf8();
                c
            }
        };
        if is_blank(c) || c.is_control() {
            // A zero-width character or a control character parts no words; a blank does.
            if c.is_whitespace() && gap.is_none() {
                gap = Some(here);
            }
            expected = None;
            continue;
        }
        cleaned.part(gap.take());
        if expected != Some(here) {
            cleaned.runs.push((cleaned.text.len(), here));
        }
        cleaned.text.push(c);
        // An entity is longer than the character it stands for.
        expected = (at - here == c.len_utf8()).then_some(at);
    }
    cleaned
}

/// Where the words begin: after blanks, tags and the marker of an item.
fn opening(sentence: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = &sentence[at..];
        at += rest.len() - rest.trim_start_matches(is_blank).len();
        match tag(&sentence[at..]) {
            Some((length, _)) => at += length,
            None => break,
        }
    }
    at + marker_len(&sentence[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_blanks_and_controls_go() {
        for (raw, expected) in [
            ("•  Plan\t the\u{a0}year ", "Plan the year"),
            ("(iv) Sell\r\n  more", "Sell more"),
            ("co\u{200b}-work\u{ad}er\u{7}", "co-worker"),
            (
                "<li>&bull; Flows &amp; <b>proto</b>types</li>",
                "• Flows & prototypes",
            ),
            ("<p>Less<br>is &lt;5 or <5</p>", "Less is <5 or <5"),
            ("1.", "1."),
            ("", ""),
        ] {
            assert_eq!(clean(raw).text, expected, "{raw:?}");
        }
    }

    #[test]
    fn offsets_lead_back() {
        let raw = "• Plan \t the year";
        let cleaned = clean(raw);
        for word in ["Plan", "the", "year"] {
            let at = cleaned.text.find(word).unwrap();
            assert!(
                raw[cleaned.original_offset(at)..].starts_with(word),
                "{word}"
            );
        }
        assert_eq!(cleaned.original_offset(cleaned.text.len()), raw.len());
    }
}
