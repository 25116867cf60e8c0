//! From text to the tokens that BM25 counts.

use bm25::{DefaultTokenizer, Language, Tokenizer};

/// The English tokenizer of the `bm25` crate: text is folded to ASCII and lower case, split at
/// Unicode word boundaries, freed of stop words and stemmed (Snowball).
///
/// Building one costs the stop word table, so share it between the indexes of many small
/// collections ([`Bm25::with_analyzer`](crate::Bm25::with_analyzer)).
#[derive(Debug)]
pub struct Analyzer(DefaultTokenizer);

impl Analyzer {
    /// The tokenizer for English text.
    pub fn english() -> Analyzer {
        Analyzer(DefaultTokenizer::new(Language::English))
    }

    /// The tokens of `text`, in its order, repeated as often as they occur.
    pub fn tokens(&self, text: &str) -> Vec<String> {
        self.0.tokenize(text)
    }
}

impl Default for Analyzer {
    fn default() -> Analyzer {
        Analyzer::english()
    }
}

impl Tokenizer for Analyzer {
    fn tokenize(&self, text: &str) -> Vec<String> {
        self.tokens(text)
    }
}

impl Tokenizer for &Analyzer {
    fn tokenize(&self, text: &str) -> Vec<String> {
        self.tokens(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, tokens: &[&str]) {
        assert_eq!(Analyzer::english().tokens(text), tokens, "{text:?}");
    }

    #[test]
    fn tokens_suit_attribute_names() {
        check(
            "Review art or design materials",
            &["review", "art", "design", "materi"],
        );
        check("Reviewing the ARTS; designs", &["review", "art", "design"]);
        check("Réviser l'étude", &["revis", "l'etud"]);
        check("Python 3.11, SQL", &["python", "3.11", "sql"]);
        check("of the and", &[]);
        check("", &[]);
    }
}
