//! Which sentence of a job a passage speaks about.

use std::collections::HashMap;

use crate::Analyzer;
use crate::index::{B, K1, idf};
use crate::memo::{Memo, Memos, Tally, Token};
use crate::words::{is_plain, words};

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
    /// The weights equal those of `bm25::Embedder` to the bit. Threads may call it at once; each
    /// remembers what it found for a word, since stemming costs much more than looking up.
    pub fn weigh(&self, sentence: &str) -> Weighed {
        let mut memo = self.memos.of_this_thread();
        memo.tally.clear();
        if is_plain(sentence) {
            self.add_words(&mut memo, sentence);
        } else if sentence.bytes().any(|byte| byte.is_ascii_control()) {
            // The analyzer drops control characters after the first character outside ASCII, and
            // joins what they part: such a text is one piece.
            self.add_piece(&mut memo, sentence);
        } else {
            // No token reaches over a space: the analyzer maps each character by itself, and ends
            // words there.
            for piece in sentence.split(' ') {
                match is_plain(piece) {
                    true => self.add_words(&mut memo, piece),
                    false => self.add_piece(&mut memo, piece),
                }
            }
        }
        weighed(&mut memo.tally)
    }

    /// Adds the tokens of a plain text to the tally.
    fn add_words(&self, memo: &mut Memo, plain: &str) {
        for word in words(plain) {
            let Some(key) = word.key else {
                self.add_piece(memo, word.text);
                continue;
            };
            let token = memo.words.get(key, || self.token(word.text));
            memo.tally.add(token);
        }
    }

    /// What a word of a plain text is: split off, it is one word again.
    #[cold]
    fn token(&self, word: &str) -> Token {
        match self.analyzer.tokens(word).first() {
            None => Token::NOTHING,
            Some(token) => match self.vocabulary.get(token) {
                None => Token::UNKNOWN,
                Some(number) => Token::known(*number),
            },
        }
    }

    /// Adds the tokens of any text to the tally.
    fn add_piece(&self, memo: &mut Memo, text: &str) {
        let find = || {
            let tokens = self.analyzer.tokens(text);
            let known = tokens.iter().filter_map(|token| self.vocabulary.get(token));
            Tally {
                tokens: tokens.len() as u32,
                known: known.copied().collect(),
            }
        };
        memo.tally.add_all(memo.pieces.get(text, find));
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

/// The BM25 weights of a sentence's tokens.
fn weighed(tally: &mut Tally) -> Weighed {
    tally.known.sort_unstable();
    let of_length = K1 * (1.0 - B + B * (tally.tokens as f32 / SENTENCE_TOKENS));
    let weigh = |same: &[u32]| {
        let count = same.len() as f32;
        (same[0], count * (K1 + 1.0) / (count + of_length))
    };
    let mut weights = Vec::with_capacity(tally.known.len());
    weights.extend(tally.known.chunk_by(|a, b| a == b).map(weigh));
    Weighed(weights)
}

#[cfg(test)]
mod tests;
