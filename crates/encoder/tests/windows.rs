//! Windows over long texts: nothing is lost, nothing is longer than the model takes.
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

use std::path::Path;

use jobmatch_encoder::{Error, TextTokenizer, Truncation, Window};
use proptest::prelude::*;

fn tokenizer(max_tokens: usize) -> TextTokenizer {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    TextTokenizer::from_file(
        &fixtures.join("models/tiny-bert/tokenizer.json"),
        max_tokens,
    )
    .unwrap()
}

fn windows(tokenizer: &TextTokenizer, prompt: &str, text: &str, stride: usize) -> Vec<Window> {
    let mut all = tokenizer.encode_windows(prompt, &[text], stride).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// Ids of a text without special tokens, however long.
fn ids(text: &str) -> Vec<u32> {
    let tokens = tokenizer(1_000_000).encode("", &[text]).unwrap().remove(0);
    tokens.ids()[1..tokens.len() - 1].to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_token_stands_in_a_window(
        pieces in prop::collection::vec(
            prop_oneof![
                Just("plan ".to_owned()), Just("budgets".to_owned()), Just(" 北京".to_owned()),
                Just("e\u{301}".to_owned()), Just("\u{0}".to_owned()), Just("👩‍💻 ".to_owned()),
                Just("각".to_owned()), Just("[SEP]".to_owned()), ".{0,6}",
            ],
            0..60,
        ),
        prompt in prop_oneof![Just(""), Just("query: "), Just("plan ")],
        max_tokens in 12usize..40,
        stride in 0usize..5,
    ) {
        let text = pieces.concat();
        let tokenizer = tokenizer(max_tokens);
        let windows = windows(&tokenizer, prompt, &text, stride);
        let encoded = tokenizer.encode(prompt, &[text.as_str()]).unwrap().remove(0);
        let whole = ids(&format!("{prompt}{text}"));
        let head = ids(prompt);
        prop_assert!(whole.starts_with(&head));

        if whole.len() + 2 <= max_tokens {
            prop_assert_eq!(windows.len(), 1);
            prop_assert_eq!(&windows[0].tokens, &encoded);
        }
        // The windows laid over each other by `stride` are the whole.
        let mut laid = head.clone();
        for (place, window) in windows.iter().enumerate() {
            let found = window.tokens.ids();
            prop_assert!(found.len() <= max_tokens);
            prop_assert_eq!(found[0], encoded.ids()[0]);
            prop_assert_eq!(found[found.len() - 1], encoded.ids()[encoded.len() - 1]);
            prop_assert_eq!(window.tokens.type_ids().len(), found.len());
            let inner = &found[1..found.len() - 1];
            prop_assert!(inner.starts_with(&head));
            let inner = &inner[head.len()..];
            let shared = if place == 0 { 0 } else { stride };
            prop_assert!(laid.ends_with(&inner[..shared]));
            laid.extend(&inner[shared..]);
        }
        prop_assert_eq!(laid, whole);
        // The ranges go on, lie on characters, and what stands between and around them has no token of its own.
        let mut covered = 0;
        for window in &windows {
            prop_assert!(text.get(window.range.clone()).is_some());
            if window.range.start > covered {
                prop_assert_eq!(ids(&text[covered..window.range.start]), Vec::<u32>::new());
            }
            covered = covered.max(window.range.end);
        }
        prop_assert_eq!(ids(&text[covered..]), Vec::<u32>::new());
    }
}

#[test]
fn neighbours_share_what_the_stride_says_and_the_prompt_stands_in_each() {
    let tokenizer = tokenizer(12);
    let text =
        "plan the yearly budget of a small clinic and repair diesel engines, pumps and gearboxes";
    let all = windows(&tokenizer, "plan ", text, 2);
    assert!(all.len() > 2);
    for pair in all.windows(2) {
        assert!(pair[1].range.start < pair[0].range.end, "{pair:?}");
        assert!(pair[1].range.end > pair[0].range.end, "{pair:?}");
        assert_eq!(pair[0].tokens.len(), 12);
        assert_eq!(pair[0].tokens.ids()[..2], pair[1].tokens.ids()[..2]);
    }
    assert_eq!(all[0].range.start, 0);
    assert_eq!(all.last().unwrap().range.end, text.len());
    let apart = windows(&tokenizer, "plan ", text, 0);
    for pair in apart.windows(2) {
        assert!(pair[1].range.start >= pair[0].range.end, "{pair:?}");
    }
}

#[test]
fn an_empty_text_is_one_window() {
    let tokenizer = tokenizer(12);
    for (prompt, text) in [("", ""), ("query: ", ""), ("", "  \u{0} ")] {
        let all = windows(&tokenizer, prompt, text, 3);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].range, 0..0);
        assert_eq!(all[0].tokens, tokenizer.encode(prompt, &[text]).unwrap()[0]);
    }
}

#[test]
fn windows_that_cannot_go_on_are_refused() {
    let text = "plan ".repeat(100);
    let tokenizer = tokenizer(12);
    let error = tokenizer.encode_windows("plan ", &[&text], 9).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Windows {
                stride: 9,
                fixed: 3,
                max_tokens: 12
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("less than 9"), "{error}");
    assert!(tokenizer.encode_windows("plan ", &[&text], 8).is_ok());
    // A prompt that fills the model leaves no room at all.
    let error = tokenizer.encode_windows(&text, &["plan"], 0).unwrap_err();
    assert!(matches!(error, Error::Windows { .. }), "{error}");
}

#[test]
fn a_pair_that_cannot_be_cut_is_named() {
    let long = "plan ".repeat(20);
    for (truncation, pairs, kept) in [
        (
            Truncation::OnlyFirst,
            [("plan", "plan"), ("plan", long.as_str())],
            "its second text",
        ),
        (
            Truncation::OnlySecond,
            [("plan", "plan"), (long.as_str(), "plan")],
            "its first text",
        ),
    ] {
        let tokenizer = tokenizer(12).with_truncation(truncation);
        let message = tokenizer.encode_pairs(&pairs).unwrap_err().to_string();
        for part in ["pair 1", "12 tokens", kept, "has 20 of the 9 tokens"] {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
        // The other way round it fits, with the text that may be cut.
        let (first, second) = pairs[1];
        let turned = tokenizer.encode_pairs(&[(second, first)]).unwrap();
        assert_eq!(turned[0].len(), 12);
        // Single texts have no second text, and are cut at their end.
        assert_eq!(tokenizer.encode("", &[&long]).unwrap()[0].len(), 12);
    }
    assert!(TextTokenizer::from_file(Path::new("no-such/tokenizer.json"), 12).is_err());
}
