//! Windows over long texts: nothing is lost, nothing is longer than the model takes.
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

use std::path::Path;

use jobmatch_encoder::{
    CutCounts, Device, Error, InferenceConfig, ModelFolder, PairEncoder, PairWindows,
    TextTokenizer, TokenBudget, Truncation, Window, WindowPooling,
};
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

fn pair_windows(most: usize, stride: usize) -> PairWindows {
    PairWindows {
        most,
        stride,
        pooling: WindowPooling::Max,
    }
}

proptest! {
    #[test]
    fn every_token_of_a_pair_stands_in_a_window(
        text in "[a-z 京]{0,200}",
        passage in "[a-z ]{0,10}",
        max_tokens in 24usize..60,
        stride in 0usize..5,
    ) {
        let tokenizer = tokenizer(max_tokens);
        let pair = [(text.as_str(), passage.as_str())];
        let found = tokenizer.pair_tokens(&pair, Some(pair_windows(1000, stride))).unwrap();
        prop_assert_eq!(&found.windows, &[found.tokens.len()]);
        prop_assert_eq!(found.cut.pairs, 0);
        let (first, second) = (ids(&text), ids(&passage));
        let mut seen: Vec<u32> = Vec::new();
        for (number, window) in found.tokens.iter().enumerate() {
            prop_assert!(window.len() <= max_tokens);
            // [CLS] part [SEP] passage [SEP], the passage, which is no longer than half of the room, whole.
            let (part, rest) = window.ids()[1..].split_at(window.len() - 3 - second.len());
            prop_assert_eq!(&rest[1..rest.len() - 1], &second[..]);
            let segments = window.type_ids();
            prop_assert!(segments[..part.len() + 2].iter().all(|segment| *segment == 0));
            prop_assert!(segments[part.len() + 2..].iter().all(|segment| *segment == 1));
            seen.extend(&part[if number == 0 { 0 } else { stride }..]);
        }
        prop_assert_eq!(seen, first);
        // What fits is one window, as it is without windows.
        if found.tokens.len() == 1 {
            prop_assert_eq!(found.tokens, tokenizer.encode_pairs(&pair).unwrap());
        }
    }
}

#[test]
fn what_is_cut_is_counted() {
    let long = "plan ".repeat(50);
    let pairs = [("plan", "plan"), (long.as_str(), "plan plan")];
    let tokenizer = tokenizer(16);
    let cut = tokenizer.pair_tokens(&pairs, None).unwrap();
    assert_eq!((cut.tokens.len(), cut.tokens[1].len()), (2, 16));
    let lost = CutCounts {
        pairs: 1,
        tokens: 52 - 13,
        windowed: 0,
    };
    assert_eq!(cut.cut, lost);
    // Three windows of 11 that share 3 hold 27 of the 50.
    let found = tokenizer.pair_tokens(&pairs, Some(pair_windows(3, 3)));
    let found = found.unwrap();
    assert_eq!(found.windows, [1, 3]);
    let lost = CutCounts {
        pairs: 1,
        tokens: 50 - 27,
        windowed: 1,
    };
    assert_eq!(found.cut, lost);
}

#[test]
fn a_passage_is_cut_only_beyond_half_of_the_room() {
    let words = |count: usize| "plan ".repeat(count);
    let (short, long, longer) = (words(4), words(20), words(8));
    let lost = |tokens| CutCounts {
        pairs: u64::from(tokens > 0),
        tokens,
        windowed: 0,
    };
    // Of 13 tokens the text needs 4, which leaves 9.
    let one = |text: &str, passage: &str| {
        let pairs = [(text, passage)];
        tokenizer(16)
            .pair_tokens(&pairs, Some(pair_windows(9, 2)))
            .unwrap()
    };
    let found = one(&short, &long);
    assert_eq!((found.tokens[0].len(), found.cut), (16, lost(11)));
    assert_eq!(one(&short, &longer).cut, lost(0));
    // A long text leaves it 6, and has windows of 7 itself.
    let found = one(&long, &longer);
    assert_eq!(found.windows, [4]);
    assert_eq!(found.cut.tokens, 2);
    let error = tokenizer(16).pair_tokens(&[(&long, &longer)], Some(pair_windows(9, 7)));
    let message = error.unwrap_err().to_string();
    assert!(
        message.contains("windows of 16 tokens that share 7 cannot go on"),
        "{message}"
    );
}

#[test]
fn the_score_of_a_long_pair_is_that_of_its_windows() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let folder = fixtures.join("models/tiny-cross");
    let long = "Plan budgets; repair 7 engines and review contracts. ".repeat(20);
    let pairs = [
        ("Plan.", "Repair engines"),
        (long.as_str(), "Review contracts"),
        ("", "Plan"),
    ];
    for pooling in [WindowPooling::Max, WindowPooling::LogSumExp] {
        let windows = PairWindows {
            pooling,
            ..pair_windows(100, 5)
        };
        let mut folder = ModelFolder::open(folder.to_str().unwrap()).unwrap();
        folder.metadata.pair_windows = Some(windows);
        let encoder = PairEncoder::from_folder(folder, Device::Cpu).unwrap();
        let encoded = encoder.encode(&pairs).unwrap();
        assert!(encoded.windows[1] > 3 && encoded.windows[0] == 1);
        let scorer = encoder.scorer(InferenceConfig::default()).unwrap();
        let budget = TokenBudget {
            max_tokens: 200,
            max_rows: 50,
        };
        let each = tch::no_grad(|| encoder.forward(&encoded.tokens, budget, false).unwrap());
        let each = Vec::<f32>::try_from(each).unwrap();
        let of_long = &each[1..each.len() - 1];
        let highest = of_long.iter().copied().fold(f32::MIN, f32::max);
        let odds: f32 = of_long.iter().map(|logit| logit.exp()).sum();
        let expected = match pooling {
            WindowPooling::Max => highest,
            WindowPooling::LogSumExp => odds.ln(),
        };
        let scores = scorer.score(&pairs, &mut |_| {}).unwrap();
        assert!((scores.logits[1] - expected).abs() < 1e-5);
        assert!((scores.logits[0] - each[0]).abs() < 1e-5);
        assert!((scores.logits[2] - each[each.len() - 1]).abs() < 1e-5);
        assert_eq!((scores.cut.pairs, scores.cut.windowed), (0, 1));
        // As in training.
        let trained = tch::no_grad(|| encoder.forward_pairs(&encoded, budget, false).unwrap());
        for (ours, theirs) in scores
            .logits
            .iter()
            .zip(Vec::<f32>::try_from(trained).unwrap())
        {
            assert!((ours - theirs).abs() < 1e-5);
        }
        // The folder remembers it.
        let saved = tempfile::tempdir().unwrap();
        encoder.save(saved.path()).unwrap();
        let again = ModelFolder::open(saved.path().to_str().unwrap()).unwrap();
        assert_eq!(again.metadata.pair_windows, Some(windows));
    }
}
