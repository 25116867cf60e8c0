//! Training of the classifier from texts whose sentence ends people marked. For the program that makes the weights; the
//! segmenter itself needs none of it.

mod augment;
mod fit;
mod random;

use crate::classifier::Classifier;
use crate::features::{COUNT, FIRST, Facts};
use crate::segmenter::Segmenter;
use crate::walk::{Verdict, Walk};

pub use augment::augment;
pub use fit::{Settings, fit};

/// A text with its sentence ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The text.
    pub text: String,
    /// The byte after each sentence's last character (blanks after it do not matter), rising.
    pub ends: Vec<usize>,
}

/// An open gap: what the classifier is told of it, and whether a sentence ends there.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    pub(crate) facts: [u32; COUNT],
    pub(crate) is_end: bool,
    pub(crate) ends_line: bool,
}

/// The open gaps of a text, each as it looks when all decisions before it were right.
pub fn examples(marked: &Marked) -> Vec<Example> {
    let mut walk = Walk::new(&marked.text, &[]);
    let mut examples = Vec::new();
    while walk.next_paragraph() {
        while let Some(step) = walk.next_gap() {
            let gap = step.context.gap;
            let first = marked.ends.partition_point(|end| *end < gap.left);
            let marked_end = marked.ends.get(first).is_some_and(|end| *end <= gap.right);
            let is_end = match step.verdict {
                Verdict::End => true,
                Verdict::Inside => false,
                Verdict::Open(guess) => {
                    let looked = Facts::new(&step.context, guess);
                    let mut facts = [0; COUNT];
                    facts[..FIRST].copy_from_slice(&looked.first());
                    facts[FIRST..].copy_from_slice(&walk.second(&step.context, &looked));
                    examples.push(Example {
                        facts,
                        is_end: marked_end,
                        ends_line: gap.ends_line(),
                    });
                    marked_end
                }
            };
            walk.decided(gap, is_end);
        }
    }
    examples
}

impl Example {
    /// Whether a sentence ends there.
    pub fn is_end(&self) -> bool {
        self.is_end
    }
}

/// The weights of a classifier: `weights/english.bin` holds one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights(pub(crate) Vec<u8>);

impl Weights {
    /// The bytes of the weights file.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// A segmenter with these weights.
    pub fn segmenter(&self) -> Segmenter {
        Segmenter::english().with_classifier(Classifier::from_bytes(&self.0))
    }
}
