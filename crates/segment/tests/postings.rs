//! Thirty postings of all styles, written for this project, with `‖` after each sentence.
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

use std::collections::BTreeSet;

use jobmatch_segment::Segmenter;

const END: char = '‖';

/// Sentence ends that are known to be missed, and places that are known to be taken for one: the text around them, with
/// the mark where it should be, or is.
const MISTAKES: [&str; 3] = [
    "Customer Service‖ Rep. Remote (U.",
    "ened last year (+140 %).‖ And the year be",
    " II you fix what breaks:‖ PLCs (Allen-Bra",
];

/// Ends as the number of characters before them that are no white space.
fn ends(text: &str, ends: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
    let solid = |part: &str| part.chars().filter(|c| !c.is_whitespace()).count();
    let all = solid(text);
    ends.into_iter()
        .map(|end| solid(&text[..end]))
        .filter(|end| *end != all)
        .collect()
}

/// The text around the end after `solid` characters.
fn around(text: &str, solid: usize) -> String {
    let mut seen = 0;
    let at = text
        .char_indices()
        .find(|(_, c)| {
            seen += usize::from(!c.is_whitespace());
            seen == solid
        })
        .map_or(text.len(), |(at, c)| at + c.len_utf8());
    let before: String = text[..at].chars().rev().take(24).collect();
    let before: String = before.chars().rev().collect();
    let after: String = text[at..].chars().take(16).collect();
    format!("{before}{END}{after}").replace('\n', " ")
}

#[test]
fn thirty_postings_are_read_as_people_read_them() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/segment/postings.txt"
    );
    let all = std::fs::read_to_string(path).unwrap();
    let segmenter = Segmenter::english();
    let mut mistakes = Vec::new();
    let mut right = 0;
    for marked in all.split("\n=====\n") {
        let text = marked.replace(END, "");
        let mut removed = 0;
        let gold = marked.match_indices(END).map(|(at, mark)| {
            removed += mark.len();
            at + mark.len() - removed
        });
        let gold = ends(&text, gold.collect::<Vec<_>>());
        let found = ends(&text, segmenter.sentences(&text).map(|s| s.end));
        right += gold.intersection(&found).count();
        mistakes.extend(
            gold.symmetric_difference(&found)
                .map(|end| around(&text, *end)),
        );
    }
    assert_eq!(mistakes, MISTAKES, "{right} ends are right");
}
