//! What holds for any documents and any query.
#![allow(clippy::unwrap_used)] // a test that unwraps fails where it should

use bm25::{EmbedderBuilder, Language, Scorer};
use jobmatch_lexical::Bm25;
use proptest::prelude::*;

/// Texts from few words, so that tokens repeat, scores tie and some texts are empty.
fn text() -> impl Strategy<Value = String> {
    let words = [
        "design", "Designs", "art", "record", "the", "of", "sales", "review", "ship",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..9)
        .prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn scores_equal_the_library_scorer(documents in prop::collection::vec(text(), 0..12), query in text()) {
        let index = Bm25::new(&documents);
        let found = index.scores(&query);

        let texts: Vec<&str> = documents.iter().map(String::as_str).collect();
        let embedder = EmbedderBuilder::<u64>::with_fit_to_corpus(Language::English, &texts).build();
        let mut scorer = Scorer::<usize, u64>::new();
        for (row, text) in texts.iter().enumerate() {
            scorer.upsert(&row, embedder.embed(text));
        }
        let mut expected: Vec<(usize, f32)> = scorer
            .matches(&embedder.embed(&query))
            .into_iter()
            .map(|hit| (hit.id, hit.score))
            .collect();
        expected.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn top_k_is_the_head_of_the_ranking(documents in prop::collection::vec(text(), 0..12), query in text(), k in 0usize..14) {
        let index = Bm25::new(&documents);
        let mut all = index.scores(&query);
        all.truncate(k);
        prop_assert_eq!(index.top_k(&query, k), all);
    }

    #[test]
    fn ranking_is_by_score_then_position(documents in prop::collection::vec(text(), 0..12), query in text()) {
        let hits = Bm25::new(&documents).scores(&query);
        for pair in hits.windows(2) {
            prop_assert!(pair[0].1 > pair[1].1 || pair[0].1 == pair[1].1 && pair[0].0 < pair[1].0);
        }
        prop_assert!(hits.iter().all(|hit| hit.1 > 0.0));
    }
}

#[test]
fn equal_documents_tie_by_position() {
    let hits = Bm25::new(&["sell ships", "sell ships", "sell ships"]).scores("ship");
    assert_eq!(hits.iter().map(|hit| hit.0).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn nothing_in_nothing_out() {
    let none: [&str; 0] = [];
    assert!(Bm25::new(&none).scores("ship").is_empty());
    assert!(Bm25::new(&["", "the of"]).scores("the").is_empty());
    assert!(Bm25::new(&["ship"]).scores("").is_empty());
}
