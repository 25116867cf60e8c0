//! Which sentence of a job a passage speaks about.

use std::collections::HashMap;

use crate::Analyzer;
use crate::index::{B, K1, idf};
use crate::memo::Memos;

/// The length in tokens that counts as average for a sentence. It is a constant, not the mean of
/// the sentences at hand, so that a score depends on the sentence and the passages alone: not on
/// the job, and not on how the jobs are spread over machines.
pub const SENTENCE_TOKENS: f32 = 15.0;

/// Scores sentences against passages, with the passages as the collection that says which words
/// are rare.
///
/// The score of a sentence for a passage is its BM25 score with the passage as the query, `n_t`
/// and `N` counted over passages, divided by the sum of the passage's token weights (its `ln`
/// factors): 0 when no token is shared, 1 when a sentence of average length holds each token of
/// the passage once, a little more in shorter ones. So scores of different jobs and passages can
/// be held against one minimum.
///
/// ```
/// use jobmatch_lexical::Aligner;
///
/// let aligner = Aligner::new(&["Review art or design materials", "Maintain sales records"]);
/// let sentence = aligner.weigh("You keep the records of our sales.");
/// assert!(aligner.score(1, &sentence) > 0.5);
/// assert_eq!(aligner.score(0, &sentence), 0.0);
/// ```
#[derive(Debug)]
pub struct Aligner {
    analyzer: Analyzer,
    vocabulary: HashMap<String, u32>,
    memos: Memos,
    /// The `ln` factor of each token.
    weights: Vec<f32>,
    /// Each passage's tokens, as often as they occur.
    passages: Vec<Vec<u32>>,
}

/// A sentence ready to be scored: the tokens that any passage holds, with their BM25 weights.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Weighed(Vec<(u32, f32)>);

impl Aligner {
    /// Takes in the passages; scores name them by their position.
    pub fn new<P: AsRef<str>>(passages: &[P]) -> Aligner {
        let analyzer = Analyzer::english();
        let mut vocabulary = HashMap::new();
        let mut holding: Vec<usize> = Vec::new();
        let mut numbered = Vec::with_capacity(passages.len());
        for passage in passages {
            let mut tokens = Vec::new();
            for token in analyzer.tokens(passage.as_ref()) {
                let number = *vocabulary.entry(token).or_insert_with(|| {
                    holding.push(0);
                    holding.len() as u32 - 1
                });
                if !tokens.contains(&number) {
                    holding[number as usize] += 1;
                }
                tokens.push(number);
            }
            numbered.push(tokens);
        }
        Aligner {
            analyzer,
            vocabulary,
            memos: Memos::new(),
            weights: holding
                .into_iter()
                .map(|holding| idf(passages.len(), holding))
                .collect(),
            passages: numbered,
        }
    }

    /// Prepares a sentence, so that it is tokenized once for all passages.
    ///
    /// The weights equal those of `bm25::Embedder` to the bit. Threads may call it at once; what was found for a word is
    /// remembered, since stemming costs much more than looking up.
    pub fn weigh(&self, sentence: &str) -> Weighed {
        let mut tokens = 0;
        let mut numbers = Vec::new();
        let mut memo = self.memos.of_this_thread();
        // No token reaches over a space: the analyzer maps each character by itself, and ends words there. It drops
        // control characters after the first character outside ASCII: such a text is one chunk.
        let blank = match sentence.bytes().any(|byte| byte.is_ascii_control()) {
            true => None,
            false => Some(' '),
        };
        for chunk in sentence.split(|c| Some(c) == blank) {
            let found = memo.get(chunk, || self.tokens(chunk));
            tokens += found.tokens;
            numbers.extend_from_slice(&found.known);
        }
        drop(memo);
        numbers.sort_unstable();
        let of_length = K1 * (1.0 - B + B * (tokens as f32 / SENTENCE_TOKENS));
        let weigh = |same: &[u32]| {
            let count = same.len() as f32;
            (same[0], count * (K1 + 1.0) / (count + of_length))
        };
        Weighed(numbers.chunk_by(|a, b| a == b).map(weigh).collect())
    }

    /// How many tokens a text has, and the numbers of those that some passage holds.
    fn tokens(&self, text: &str) -> (u32, Vec<u32>) {
        let tokens = self.analyzer.tokens(text);
        let known = tokens.iter().filter_map(|token| self.vocabulary.get(token));
        (tokens.len() as u32, known.copied().collect())
    }

    /// The sentence's score for the passage at position `passage`; 0 for a position that is not
    /// there and for a passage without tokens.
    pub fn score(&self, passage: usize, sentence: &Weighed) -> f32 {
        let Some(tokens) = self.passages.get(passage) else {
            return 0.0;
        };
        let (mut found, mut whole) = (0f32, 0f32);
        for &token in tokens {
            let weight = self.weights[token as usize];
            whole += weight;
            if let Ok(at) = sentence
                .0
                .binary_search_by_key(&token, |&(number, _)| number)
            {
                found += weight * sentence.0[at].1;
            }
        }
        if found == 0.0 { 0.0 } else { found / whole }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn weights_equal_those_of_the_library() {
        use bm25::EmbedderBuilder;

        let passages = [
            "Maintain sales records, e-mail and 3.11 files",
            "Don't repair C++ or node.js a.b engines",
            "Review étude 1,000 under_score",
        ];
        let aligner = Aligner::new(&passages);
        let embedder =
            EmbedderBuilder::<crate::index::Literal, Analyzer>::with_avgdl(SENTENCE_TOKENS)
                .tokenizer(Analyzer::english())
                .k1(K1)
                .b(B)
                .build();
        let check = |text: &str| {
            let mut expected: Vec<(u32, f32)> = (embedder.embed(text).0.into_iter())
                .filter_map(|token| Some((*aligner.vocabulary.get(&token.index)?, token.value)))
                .collect();
            expected.sort_unstable_by_key(|(number, _)| *number);
            expected.dedup_by_key(|(number, _)| *number);
            assert_eq!(aligner.weigh(text), Weighed(expected), "{text:?}");
        };
        let pieces = [
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
        ];
        let text = proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..30);
        let mut runner = proptest::test_runner::TestRunner::default();
        let law = runner.run(&text, |pieces| {
            check(&pieces.concat());
            check(&pieces.join(" "));
            Ok(())
        });
        law.unwrap();
    }

    #[test]
    fn nothing_shared_is_zero() {
        let aligner = Aligner::new(&["maintain records", "the of"]);
        assert_eq!(aligner.score(0, &aligner.weigh("dance")), 0.0);
        assert_eq!(aligner.score(1, &aligner.weigh("the of")), 0.0);
        assert_eq!(aligner.score(7, &aligner.weigh("records")), 0.0);
    }
}
