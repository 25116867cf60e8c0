//! Scores against each other, and against those of the library.

use bm25::{Embedder, EmbedderBuilder};
use proptest::collection::vec;
use proptest::sample::select;
use proptest::test_runner::TestRunner;

use super::*;
use crate::index::Literal;

#[test]
fn one_is_every_token_once_at_average_length() {
    let aligner = Aligner::new(&["alpha beta", "beta gamma"]);
    let words: Vec<String> = (0..13).map(|i| format!("filler{i}")).collect();
    let sentence = aligner.weigh(&format!("alpha beta {}", words.join(" ")));
    assert!((aligner.score(0, &sentence) - 1.0).abs() < 1e-6);
    let shorter = aligner.weigh("alpha beta");
    assert!(aligner.score(0, &shorter) > 1.0);
}

#[test]
fn a_rare_word_counts_more_than_a_common_one() {
    let aligner = Aligner::new(&["maintain records", "maintain ships", "maintain lawns"]);
    let common = aligner.score(0, &aligner.weigh("maintain"));
    let rare = aligner.score(0, &aligner.weigh("record"));
    assert!(rare > common && common > 0.0);
}

/// An aligner, and the library's own way from a text to weights.
struct Both {
    aligner: Aligner,
    embedder: Embedder<Literal, Analyzer>,
}

impl Both {
    fn new(passages: &[&str]) -> Both {
        let embedder = EmbedderBuilder::with_avgdl(SENTENCE_TOKENS)
            .tokenizer(Analyzer::english())
            .k1(K1)
            .b(B)
            .build();
        Both {
            aligner: Aligner::new(passages),
            embedder,
        }
    }

    fn check(&self, text: &str) {
        let mut expected: Vec<(u32, f32)> = (self.embedder.embed(text).0.into_iter())
            .filter_map(|token| {
                let number = self.aligner.vocabulary.get(&token.index)?;
                Some((*number, token.value))
            })
            .collect();
        expected.sort_unstable_by_key(|(number, _)| *number);
        expected.dedup_by_key(|(number, _)| *number);
        assert_eq!(self.aligner.weigh(text), Weighed(expected), "{text:?}");
    }
}

const PASSAGES: [&str; 4] = [
    "Maintain sales records, e-mail and 3.11 files",
    "Don't repair C++ or node.js a.b engines",
    "Review étude 1,000 under_score",
    "A a.m 1 1.1 a1 telecommunications",
];

const PIECES: &[&str] = &[
    "records",
    "SALES",
    "sales",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\u{a0}",
    ".",
    ",",
    "3.11",
    "3",
    "-",
    "_",
    "'",
    "\u{2019}",
    "don't",
    "e-mail",
    "a.b",
    "é",
    "étude",
    "\u{301}",
    "\u{200d}",
    "\u{4e2d}",
    "1,000",
    "node.js",
    "C++",
    "the",
    "THE",
    "Of",
    "@",
    "http://a.b/c?d=1",
    "\u{1f600}",
    "ß",
    "engines",
    "repairing",
    "(",
    "\u{201c}",
    "\"",
    "\u{2022} ",
    "\u{7f}",
    "\u{feff}",
    "a",
    "A",
    "1",
    ":",
    ";",
    "/",
    "  ",
    "telecommunications",
    "Telecommunication's",
    "under_score",
    "sales's",
    "can't",
    "CAN'T",
    "x@y.org",
    "\u{1}",
];

#[test]
fn weights_equal_those_of_the_library() {
    let both = Both::new(&PASSAGES);
    let texts = (
        vec(select(PIECES), 0..30),
        // Signs and words of one byte: every pair of neighbours comes up.
        "[aB1_.,;:'@ -]{0,40}",
        "[ -~]{0,40}",
        "[ -~é’“中\u{301}]{0,40}",
    );
    let law = TestRunner::default().run(&texts, |(pieces, signs, plain, mixed)| {
        both.check(&pieces.concat());
        both.check(&pieces.join(" "));
        both.check(&signs);
        both.check(&plain);
        both.check(&mixed);
        Ok(())
    });
    law.unwrap();
}

/// More words than a memo holds, in sentences of many lengths, met again and again.
#[test]
fn weights_equal_those_of_the_library_over_a_large_text() {
    let stems = ["record", "sale", "file", "engine", "review", "repair"];
    let endings = ["s", "ing", "ed", "'s", "al", "er", "ful", "ization"];
    let both = Both::new(&PASSAGES);
    let mut state = 1u64;
    let mut draw = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % below) as usize
    };
    for length in 0..20_000 {
        let mut text = String::new();
        for _ in 0..length % 37 {
            let stem = stems[draw(6)];
            match draw(4) {
                0 => text += PIECES[draw(PIECES.len() as u64)],
                1 => text += &format!("{stem}{}", draw(200_000)),
                _ => text += &format!("{stem}{}", endings[draw(8)]),
            }
            text += [" ", ", ", ". ", "-"][draw(4)];
        }
        both.check(&text);
    }
}

#[test]
fn threads_agree() {
    let aligner = Aligner::new(&PASSAGES);
    let alone: Vec<Weighed> = PIECES.iter().map(|text| aligner.weigh(text)).collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for (text, expected) in PIECES.iter().zip(&alone) {
                    assert_eq!(&aligner.weigh(text), expected, "{text:?}");
                }
            });
        }
    });
}

#[test]
fn nothing_shared_is_zero() {
    let aligner = Aligner::new(&["maintain records", "the of"]);
    assert_eq!(aligner.score(0, &aligner.weigh("dance")), 0.0);
    assert_eq!(aligner.score(1, &aligner.weigh("the of")), 0.0);
    assert_eq!(aligner.score(7, &aligner.weigh("records")), 0.0);
}
