//! Laws that hold for every text.

use jobmatch_segment::{Segmenter, Sentence, clean};

/// White space, and what looks like it.
pub fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{ad}'
        )
}

/// Checks a text, and that it is read the same before and after another one with a blank line between.
///
/// # Panics
/// When a law is broken.
pub fn check(text: &str, other: &str) {
    for segmenter in [Segmenter::english(), Segmenter::english().rules_only()] {
        let of = |text: &str| segmenter.sentences(text).collect::<Vec<Sentence>>();
        covered_once(text, &of(text));
        cleaned(text);
        paragraphs_are_read_alone(text, other, of);
    }
}

/// Ranges rise, do not overlap, begin and end with no blank, and leave out blanks alone.
fn covered_once(text: &str, sentences: &[Sentence]) {
    let mut at = 0;
    for sentence in sentences {
        assert!(
            sentence.start >= at && sentence.start < sentence.end,
            "{text:?}"
        );
        assert!(text[at..sentence.start].chars().all(is_blank), "{text:?}");
        let inside = &text[sentence.start..sentence.end];
        assert!(
            !inside.starts_with(is_blank) && !inside.ends_with(is_blank),
            "{text:?}"
        );
        at = sentence.end;
    }
    assert!(text[at..].chars().all(is_blank), "{text:?}");
}

fn paragraphs_are_read_alone(first: &str, second: &str, of: impl Fn(&str) -> Vec<Sentence>) {
    let lengths = |text: &str| -> Vec<_> {
        let sentences = of(text).into_iter();
        sentences.map(|s| (s.end - s.start, s.kind)).collect()
    };
    let joined = lengths(&format!("{first}\n\n{second}"));
    let mut apart = lengths(first);
    apart.extend(lengths(second));
    assert_eq!(joined, apart, "{first:?} {second:?}");
}

/// Each character of the cleaned text comes from one of the original.
fn cleaned(text: &str) {
    let cleaned = clean(text);
    for (at, c) in cleaned.text.char_indices() {
        let original = text[cleaned.original_offset(at)..].chars().next();
        // A blank stands for blanks and tags, a decoded character for its entity.
        let same = original
            .is_some_and(|o| o == c || o == '&' || (c == ' ' && (o.is_whitespace() || o == '<')));
        assert!(same, "{text:?} at {at}");
    }
    assert!(
        !cleaned.text.contains("  ") && cleaned.text.trim() == cleaned.text,
        "{text:?}"
    );
}
