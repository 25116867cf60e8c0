//! Text to sentences.

use crate::chars::trim;
use crate::ends::first_end;
use crate::lines::{Block, Blocks};

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
#[derive(Debug, Clone, Default)]
pub struct Segmenter {
    abbreviations: Vec<String>,
}

impl Segmenter {
    /// A segmenter for English.
    pub fn english() -> Self {
        Self::default()
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
            segmenter: self,
            text,
            blocks: Blocks::new(text),
            block: None,
        }
    }
}

/// The sentences of one text; made by [`Segmenter::sentences`].
pub struct Sentences<'t> {
    segmenter: &'t Segmenter,
    text: &'t str,
    blocks: Blocks<'t>,
    /// What is left of the block that is being read.
    block: Option<Block>,
}

impl std::fmt::Debug for Sentences<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sentences")
            .field("block", &self.block)
            .finish_non_exhaustive()
    }
}

impl Iterator for Sentences<'_> {
    type Item = Sentence;

    fn next(&mut self) -> Option<Sentence> {
        let block = match self.block.take() {
            Some(block) => block,
            None => self.blocks.next()?,
        };
        let whole = block.kind == Kind::Heading;
        let cut = if whole {
            block.end
        } else {
            first_end(
                self.text,
                block.start,
                block.end,
                &self.segmenter.abbreviations,
            )
        };
        let (start, end) = trim(self.text, block.start, cut);
        let (rest, _) = trim(self.text, cut, block.end);
        if rest < block.end {
            let opened_by_bullet = self.text[rest..].starts_with(crate::chars::is_bullet);
            let kind = if opened_by_bullet {
                Kind::Bullet
            } else {
                block.kind
            };
            self.block = Some(Block {
                start: rest,
                end: block.end,
                kind,
            });
        }
        Some(Sentence {
            start,
            end,
            kind: block.kind,
        })
    }
}
