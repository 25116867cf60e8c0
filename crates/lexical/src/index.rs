//! The inverted index and its scores.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::HashMap;

use bm25::{EmbedderBuilder, TokenEmbedder};

use crate::Analyzer;

/// How soon repeating a word stops counting: the `k1` of BM25.
pub const K1: f32 = 1.2;

/// How much a long document is discounted, 0 (not at all) to 1 (in full): the `b` of BM25.
pub const B: f32 = 0.75;

/// BM25 over a fixed list of documents.
///
/// The score of a document `d` for a query is, over the query's tokens `t` (a token that stands
/// twice counts twice),
///
/// ```text
/// sum  ln(1 + (N - n_t + 0.5) / (n_t + 0.5)) * tf * (k1 + 1) / (tf + k1 * (1 - b + b * |d| / avg))
/// ```
///
/// with `N` documents, `n_t` of them holding `t`, `tf` the count of `t` in `d`, and `|d|` its
/// length in tokens. Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and
/// Beyond", 2009. The values equal those of `bm25::Scorer`, bit for bit; that scorer returns ties
/// in the order of a hash map, and looks each document's tokens through one by one.
#[derive(Debug)]
pub struct Bm25<A = Analyzer> {
    analyzer: A,
    documents: usize,
    /// Token to its number.
    vocabulary: HashMap<String, u32>,
    /// The postings of token `t` are `starts[t]..starts[t + 1]`.
    starts: Vec<usize>,
    /// Document and the token's weight in it, by document.
    postings: Vec<(u32, f32)>,
}

/// A token stands for itself in the vector space of the `bm25` crate: no hash, no collisions.
#[derive(Debug)]
pub(crate) struct Literal;

impl TokenEmbedder for Literal {
    type EmbeddingSpace = String;

    fn embed(token: &str) -> String {
        token.to_owned()
    }
}

impl Bm25 {
    /// Indexes `documents`; results name them by their position. An empty list is allowed and
    /// finds nothing.
    pub fn new<D: AsRef<str>>(documents: &[D]) -> Bm25 {
        Bm25::with_analyzer(Analyzer::english(), documents)
    }
}

impl<A: Borrow<Analyzer>> Bm25<A> {
    /// The same with a given tokenizer, owned or borrowed.
    pub fn with_analyzer<D: AsRef<str>>(analyzer: A, documents: &[D]) -> Bm25<A> {
        let texts: Vec<&str> = documents.iter().map(AsRef::as_ref).collect();
        let embedder = EmbedderBuilder::<Literal, _>::with_tokenizer_and_fit_to_corpus(
            analyzer.borrow(),
            &texts,
        )
        .k1(K1)
        .b(B)
        .build();

        let mut vocabulary = HashMap::new();
        let mut by_token: Vec<Vec<(u32, f32)>> = Vec::new();
        for (document, text) in (0u32..).zip(&texts) {
            for token in embedder.embed(text).0 {
                let number = *vocabulary.entry(token.index).or_insert_with(|| {
                    by_token.push(Vec::new());
                    by_token.len() as u32 - 1
                });
                let list = &mut by_token[number as usize];
                // A repeated token comes back with the same weight each time.
                if list.last().is_none_or(|&(last, _)| last != document) {
                    list.push((document, token.value));
                }
            }
        }
        let mut starts = vec![0];
        let mut postings = Vec::with_capacity(by_token.iter().map(Vec::len).sum());
        for list in by_token {
            postings.extend(list);
            starts.push(postings.len());
        }
        Bm25 {
            analyzer,
            documents: texts.len(),
            vocabulary,
            starts,
            postings,
        }
    }

    /// The number of documents.
    pub fn len(&self) -> usize {
        self.documents
    }

    /// Whether there is no document.
    pub fn is_empty(&self) -> bool {
        self.documents == 0
    }

    /// Every document that shares a token with `query`, with its score (above 0): the highest
    /// score first, equal scores by position.
    pub fn scores(&self, query: &str) -> Vec<(usize, f32)> {
        let mut hits = self.hits(query);
        hits.sort_unstable_by(better);
        hits
    }

    /// The first `k` of [`scores`](Bm25::scores), or fewer when fewer share a token.
    pub fn top_k(&self, query: &str, k: usize) -> Vec<(usize, f32)> {
        let mut hits = self.hits(query);
        if k < hits.len() {
            hits.select_nth_unstable_by(k, better);
            hits.truncate(k);
        }
        hits.sort_unstable_by(better);
        hits
    }

    /// Every document's score, 0 where no token is shared, by position.
    pub fn dense_scores(&self, query: &str) -> Vec<f32> {
        let mut scores = vec![0f32; self.documents];
        for token in self.analyzer.borrow().tokens(query) {
            let Some(&number) = self.vocabulary.get(&token) else {
                continue;
            };
            let number = number as usize;
            let list = &self.postings[self.starts[number]..self.starts[number + 1]];
            let idf = idf(self.documents, list.len());
            for &(document, weight) in list {
                scores[document as usize] += idf * weight;
            }
        }
        scores
    }

    fn hits(&self, query: &str) -> Vec<(usize, f32)> {
        self.dense_scores(query)
            .into_iter()
            .enumerate()
            .filter(|&(_, score)| score > 0.0)
            .collect()
    }
}

pub(crate) fn idf(documents: usize, holding: usize) -> f32 {
    let (documents, holding) = (documents as f32, holding as f32);
    (1.0 + (documents - holding + 0.5) / (holding + 0.5)).ln()
}

fn better(a: &(usize, f32), b: &(usize, f32)) -> Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}
