//! Laws that hold for every text, on texts made of what segmenters stumble over.

mod common;

use common::check;
use proptest::prelude::*;

const PIECES: [&str; 40] = [
    ". ",
    "\n",
    "\n\n",
    "• ",
    "1. ",
    "2) ",
    "a) ",
    "(iv) ",
    "Dr. ",
    "...",
    "…",
    "\") ",
    "\r\n",
    "\u{a0}",
    "\u{200b}",
    "\u{ad}",
    "\u{2028}",
    "Inc. ",
    "U.S.",
    "p.m. ",
    "e.g. ",
    "? ",
    "!",
    "Label: ",
    "- ",
    " – ",
    "<li>",
    "</p>",
    "<br",
    "&amp;",
    "&#39;",
    "“",
    "”",
    "'",
    "\t",
    "http://a.b/c ",
    "@",
    ", and ",
    "\u{7}",
    "é",
];

fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(&PIECES[..]).prop_map(str::to_owned),
        "[A-Za-z]{1,8} ",
        "[A-Z][a-z]{1,6}",
        "[0-9]{1,3}",
        "\\PC{0,6}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn laws_hold(text in texts(), other in texts()) {
        check(&text, &other);
    }
}

/// With JOBMATCH_SLOW=1 a million texts more.
#[test]
fn laws_hold_on_a_million_texts() {
    if std::env::var_os("JOBMATCH_SLOW").is_none() {
        return;
    }
    let config = ProptestConfig {
        cases: 1_000_000,
        ..ProptestConfig::default()
    };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let outcome = runner.run(&(texts(), texts()), |(text, other)| {
        check(&text, &other);
        Ok(())
    });
    assert!(outcome.is_ok(), "{outcome:?}");
}
