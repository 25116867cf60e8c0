//! Long texts in overlapping windows, so that a model of limited length sees all of them.

use std::ops::Range;

use tokenizers::Encoding;

use crate::tokenizer::TextTokenizer;
use crate::tokens::Tokens;
use crate::{Error, Result};

/// A stretch of a text as the model takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Special tokens, prompt and the stretch's tokens; at most the tokenizer's `max_tokens`.
    pub tokens: Tokens,
    /// The bytes of the text from the stretch's first token to its last, on character boundaries. What a tokenizer
    /// leaves out (spaces, control characters) may stand between the ranges of two windows.
    pub range: Range<usize>,
}

/// Where an encoding's special tokens, prompt and text stand.
struct Parts {
    /// Tokens before the text's first: special tokens and the prompt's.
    head: usize,
    /// The text's tokens are `head..tail`.
    tail: usize,
}

impl TextTokenizer {
    /// Each text, with `prompt` before it, as windows of at most `max_tokens` tokens. Special tokens and the prompt's
    /// tokens stand in each window; neighbours share `stride` of the text's tokens, and every token of the text stands
    /// in at least one window. A text that fits is one window, equal to what [`encode`](Self::encode) gives.
    ///
    /// The text is tokenized once, as a whole, so words are not cut otherwise than in the whole. Where the prompt's
    /// last word and the text's first run together (a prompt that ends in a letter), their tokens count as the text's.
    ///
    /// # Errors
    /// When the tokenizer fails, and when the special tokens, the prompt and `stride` leave no room to go on.
    pub fn encode_windows(
        &self,
        prompt: &str,
        texts: &[&str],
        stride: usize,
    ) -> Result<Vec<Vec<Window>>> {
        let prompted: Vec<String> = texts.iter().map(|text| format!("{prompt}{text}")).collect();
        let encodings = self
            .uncut()
            .encode_batch(prompted, true)
            .map_err(|source| Error::Tokenize { source })?;
        encodings
            .iter()
            .zip(texts)
            .map(|(encoding, text)| self.windows(encoding, prompt.len(), text, stride))
            .collect()
    }

    fn windows(
        &self,
        encoding: &Encoding,
        prompt_bytes: usize,
        text: &str,
        stride: usize,
    ) -> Result<Vec<Window>> {
        let Parts { head, tail } = parts(encoding, prompt_bytes);
        let end = encoding.len();
        let window = |part: Range<usize>| {
            let pieces = [0..head, part.clone(), tail..end];
            let pick = |values: &[u32]| -> Vec<u32> {
                pieces
                    .iter()
                    .flat_map(|piece| &values[piece.clone()])
                    .copied()
                    .collect()
            };
            Window {
                tokens: Tokens::new(pick(encoding.get_ids()), pick(encoding.get_type_ids())),
                range: range(&encoding.get_offsets()[part], prompt_bytes, text),
            }
        };
        if end <= self.max_tokens() {
            return Ok(vec![window(head..tail)]);
        }
        let fixed = head + (end - tail);
        let room = self.max_tokens().saturating_sub(fixed);
        if room <= stride {
            return Err(Error::Windows {
                stride,
                fixed,
                max_tokens: self.max_tokens(),
            });
        }
        let mut windows = Vec::new();
        let mut start = head;
        loop {
            let stop = tail.min(start + room);
            windows.push(window(start..stop));
            if stop == tail {
                return Ok(windows);
            }
            start = stop - stride;
        }
    }
}

fn parts(encoding: &Encoding, prompt_bytes: usize) -> Parts {
    let special = encoding.get_special_tokens_mask();
    let leading = special.iter().take_while(|&&mark| mark == 1).count();
    let trailing = special[leading..]
        .iter()
        .rev()
        .take_while(|&&mark| mark == 1)
        .count();
    let tail = encoding.len() - trailing;
    let in_prompt = encoding.get_offsets()[leading..tail]
        .iter()
        .take_while(|(_, end)| *end <= prompt_bytes)
        .count();
    Parts {
        head: leading + in_prompt,
        tail,
    }
}

/// The bytes of `text` that tokens at `offsets` (in prompt and text) cover, widened to whole characters.
fn range(offsets: &[(usize, usize)], prompt_bytes: usize, text: &str) -> Range<usize> {
    let in_text = |at: usize| at.saturating_sub(prompt_bytes).min(text.len());
    let mut start = offsets
        .iter()
        .map(|(start, _)| in_text(*start))
        .min()
        .unwrap_or(0);
    let mut end = offsets
        .iter()
        .map(|(_, end)| in_text(*end))
        .max()
        .unwrap_or(start);
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}
