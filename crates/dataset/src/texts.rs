//! Texts, and how they are told apart.

use std::ops::Range;

use jobmatch_records::{Kind, Sentence};
use jobmatch_segment::Segmenter;
use serde::{Deserialize, Serialize};

/// The first half of the BLAKE3 of a cleaned text: equal keys are taken for equal texts.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub(crate) struct Key(pub(crate) [u8; 16]);

impl Key {
    pub(crate) fn of(hash: &blake3::Hash) -> Self {
        let mut key = [0; 16];
        key.copy_from_slice(&hash.as_bytes()[..16]);
        Self(key)
    }

    /// The partition of the text, out of so many.
    pub(crate) fn partition(&self, partitions: u32) -> usize {
        let mut head = [0; 8];
        head.copy_from_slice(&self.0[..8]);
        (u64::from_le_bytes(head) % u64::from(partitions)) as usize
    }
}

pub(crate) fn key_of(text: &str) -> Key {
    Key::of(&blake3::hash(text.as_bytes()))
}

/// A job's text line by line, each cleaned as a sentence is, with a space between two: texts that
/// differ in bullets, white space and empty lines come out equal.
pub(crate) fn cleaned(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    for line in text.lines() {
        let line = jobmatch_segment::clean(line).text;
        if !whole.is_empty() && !line.is_empty() {
            whole.push(' ');
        }
        whole.push_str(&line);
    }
    whole
}

/// A sentence of a job.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    /// Its number among the job's sentences.
    pub(crate) index: u32,
    /// Where it stands in the job's text, in bytes.
    pub(crate) span: Range<usize>,
    pub(crate) clean: String,
    pub(crate) is_heading: bool,
    /// Of `clean`.
    pub(crate) chars: usize,
}

impl Text {
    fn new(index: u32, span: Range<usize>, clean: String, is_heading: bool) -> Self {
        Self {
            index,
            span,
            chars: clean.chars().count(),
            clean,
            is_heading,
        }
    }
}

/// The sentences of a text, in its order.
pub(crate) fn found(segmenter: &Segmenter, text: &str) -> Vec<Text> {
    (0u32..)
        .zip(segmenter.sentences(text))
        .map(|(index, sentence)| {
            let clean = jobmatch_segment::clean(&text[sentence.start..sentence.end]).text;
            let is_heading = sentence.kind == jobmatch_segment::Kind::Heading;
            Text::new(index, sentence.start..sentence.end, clean, is_heading)
        })
        .collect()
}

/// Sentences that were found before; their places have been checked.
pub(crate) fn given(sentences: &[Sentence]) -> Vec<Text> {
    (sentences.iter())
        .map(|sentence| {
            Text::new(
                sentence.index,
                sentence.start as usize..sentence.end as usize,
                sentence.clean.clone(),
                sentence.kind == Kind::Heading,
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_no_difference() {
        let check = |text: &str| assert_eq!(cleaned(text), "Duties Sell ships. Paint walls.");
        check("Duties\n- Sell ships.\n- Paint walls.");
        check("  Duties\r\n\r\n\u{2022} Sell  ships.\n\u{2022}\tPaint walls.\n\n");
        assert_eq!(cleaned(" \n\n"), "");
    }
}
