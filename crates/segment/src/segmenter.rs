//! Text to sentences.

use crate::classifier::Classifier;
use crate::features::Facts;
use crate::walk::{Verdict, Walk};

/// What a sentence is in its text's layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A heading or title.
    Heading,
    /// An item of a list, or a sentence of one.
    Bullet,
    /// Anything else.
    Prose,
}

/// A sentence: a half-open range of bytes of the original text, on character boundaries, without blanks at its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sentence {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
    /// What it is in the layout.
    pub kind: Kind,
}

/// Finds sentences. Cheap to make, and the same for every text.
///
/// Rules decide where lines and lists leave no doubt. Every other place where a sentence may end is decided by a small
/// classifier over the words and signs around it, or, without it, by rules for stops.
#[derive(Debug, Clone)]
pub struct Segmenter {
    abbreviations: Vec<String>,
    classifier: Option<Classifier>,
}

impl Default for Segmenter {
    fn default() -> Self {
        Self::english()
    }
}

impl Segmenter {
    /// A segmenter for English.
    pub fn english() -> Self {
        Self {
            abbreviations: Vec::new(),
            classifier: Some(Classifier::english()),
        }
    }

    /// The same segmenter without the classifier: rules alone.
    #[must_use]
    pub fn rules_only(mut self) -> Self {
        self.classifier = None;
        self
    }

    #[cfg(feature = "train")]
    pub(crate) fn with_classifier(mut self, classifier: Classifier) -> Self {
        self.classifier = Some(classifier);
        self
    }

    /// The same segmenter, to which `words` (with or without their stop) are abbreviations too: their stop never ends a
    /// sentence.
    #[must_use]
    pub fn with_abbreviations<'w>(mut self, words: impl IntoIterator<Item = &'w str>) -> Self {
        let words = words
            .into_iter()
            .map(|word| word.trim_end_matches('.').to_lowercase());
        self.abbreviations.extend(words);
        self
    }

    /// The sentences of `text`, in order; every character that is not blank is in exactly one. Markers of lists belong
    /// to the sentence they open. Time is linear in the length of the text.
    pub fn sentences<'t>(&'t self, text: &'t str) -> Sentences<'t> {
        Sentences {
            classifier: self.classifier.as_ref(),
            walk: Walk::new(text, &self.abbreviations),
            in_paragraph: false,
        }
    }
}

/// The sentences of one text; made by [`Segmenter::sentences`].
pub struct Sentences<'t> {
    classifier: Option<&'t Classifier>,
    walk: Walk<'t, 't>,
    in_paragraph: bool,
}

impl std::fmt::Debug for Sentences<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sentences").finish_non_exhaustive()
    }
}

impl Iterator for Sentences<'_> {
    type Item = Sentence;

    fn next(&mut self) -> Option<Sentence> {
        if !self.in_paragraph {
            self.in_paragraph = self.walk.next_paragraph();
            if !self.in_paragraph {
                return None;
            }
        }
        while let Some(step) = self.walk.next_gap() {
            let gap = step.context.gap;
            let is_end = match (step.verdict, self.classifier) {
                (Verdict::End, _) => true,
                (Verdict::Inside, _) => false,
                (Verdict::Open(guess), None) => guess,
                (Verdict::Open(guess), Some(classifier)) => {
                    let facts = Facts::new(&step.context, guess);
                    let first = facts.first();
                    classifier.at_first_look(&first, gap).unwrap_or_else(|| {
                        let second = self.walk.second(&step.context, &facts);
                        classifier.is_end(&first, &second)
                    })
                }
            };
            let sentence = is_end.then(|| self.walk.sentence(gap.left, gap.ends_line()));
            self.walk.decided(gap, is_end);
            if sentence.is_some() {
                return sentence;
            }
        }
        self.in_paragraph = false;
        Some(self.walk.sentence(self.walk.paragraph_end(), true))
    }
}
