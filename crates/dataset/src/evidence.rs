//! Which sentences a piece of evidence speaks of.

use std::ops::Range;

/// The numbers of the sentences that a span shows: the one it overlaps most (the first of equals),
/// and every one that lies mostly inside it. None when it overlaps no sentence.
///
/// `sentences` are byte ranges in text order; `span` is one in the same text.
pub(crate) fn sentences_of(span: &Range<usize>, sentences: &[Range<usize>]) -> Vec<usize> {
    let overlap = |sentence: &Range<usize>| {
        span.end
            .min(sentence.end)
            .saturating_sub(span.start.max(sentence.start))
    };
    let mut most: Option<(usize, usize)> = None;
    for (number, sentence) in sentences.iter().enumerate() {
        let bytes = overlap(sentence);
        if bytes > most.map_or(0, |(_, bytes)| bytes) {
            most = Some((number, bytes));
        }
    }
    let Some((most, _)) = most else {
        return Vec::new();
    };
    sentences
        .iter()
        .enumerate()
        .filter(|(number, sentence)| *number == most || 2 * overlap(sentence) > sentence.len())
        .map(|(number, _)| number)
        .collect()
}

/// Where `quote` stands in `text`: the first place where it does so word by word, without regard
/// to case, white space and punctuation, and exactly if there is such a place.
pub(crate) fn locate(quote: &str, text: &str) -> Option<Range<usize>> {
    let quote = quote.trim();
    if quote.is_empty() {
        return None;
    }
    if let Some(start) = text.find(quote) {
        return Some(start..start + quote.len());
    }
    let wanted = words(quote);
    let there = words(text);
    let spelled = |words: &[Range<usize>], of: &str| -> Vec<String> {
        words
            .iter()
            .map(|word| of[word.clone()].to_lowercase())
            .collect()
    };
    let (needle, hay) = (spelled(&wanted, quote), spelled(&there, text));
    if needle.is_empty() {
        return None;
    }
    let first = hay
        .windows(needle.len())
        .position(|window| window == needle)?;
    Some(there[first].start..there[first + needle.len() - 1].end)
}

/// The runs of letters and digits, as byte ranges.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, char) in text.char_indices() {
        match (char.is_alphanumeric(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    words.extend(start.map(|from| from..text.len()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_overlap_wins_and_whole_sentences_come_along() {
        let sentences = [0..10, 11..40, 41..50];
        let check = |span: Range<usize>, expected: &[usize]| {
            assert_eq!(sentences_of(&span, &sentences), expected, "{span:?}");
        };
        check(0..10, &[0]);
        check(15..20, &[1]);
        check(8..20, &[1]);
        check(0..50, &[0, 1, 2]);
        check(2..20, &[0, 1]);
        check(35..50, &[2]);
        check(9..12, &[0]);
        check(10..11, &[]);
        check(50..90, &[]);
    }

    #[test]
    fn quotes_are_found_as_people_quote() {
        let text = "Duties:\n• Keep the  Books,\n  daily.\n• Sell. Été.";
        let check = |quote: &str, expected: Option<&str>| {
            assert_eq!(locate(quote, text).map(|span| &text[span]), expected);
        };
        check("Sell.", Some("Sell."));
        check("keep the books daily", Some("Keep the  Books,\n  daily"));
        check("ÉTÉ", Some("Été"));
        check("keep books", None);
        check(" ... ", None);
        check("", None);
    }
}
