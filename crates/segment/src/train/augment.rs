//! More texts out of marked ones: the layouts and slips of job ads.

use super::Marked;
use super::random::Random;

/// Copies of a text in other layouts.
pub fn augment(marked: &Marked, seed: u64) -> Vec<Marked> {
    let mut random = Random::new(seed);
    let sentences = sentences(marked);
    vec![
        wrapped(&sentences, &mut random),
        wrapped(&sentences, &mut random),
        lines(&sentences, &mut random),
        careless(&sentences, &mut random),
    ]
}

/// The sentences, and whether a line ends after each.
fn sentences(marked: &Marked) -> Vec<(&str, bool)> {
    let mut start = 0;
    let mut found = Vec::new();
    for &end in &marked.ends {
        let text = marked.text[start..end].trim();
        let rest = &marked.text[end..];
        let blanks = &rest[..rest.len() - rest.trim_start().len()];
        if !text.is_empty() {
            found.push((text, blanks.contains('\n')));
        }
        start = end;
    }
    found
}

/// Builds a marked text.
#[derive(Default)]
struct Builder {
    text: String,
    ends: Vec<usize>,
}

impl Builder {
    fn end(&mut self) {
        self.ends.push(self.text.len());
    }

    fn done(self) -> Marked {
        Marked {
            text: self.text,
            ends: self.ends,
        }
    }
}

/// Lines broken to a width, paragraphs parted by a line end, a blank line or an indent.
fn wrapped(sentences: &[(&str, bool)], random: &mut Random) -> Marked {
    let width = 55 + random.below(35);
    let blank_lines = random.fraction() < 0.5;
    let mut built = Builder::default();
    let mut column = 0;
    for (sentence, ends_line) in sentences {
        for (at, word) in sentence.split_whitespace().enumerate() {
            let length = word.chars().count();
            if column > 0 {
                if column + 1 + length > width {
                    built.text.push('\n');
                    column = 0;
                } else {
                    built.text.push(' ');
                    column += 1;
                    // Two spaces after a stop, as typists did.
                    if at == 0 && random.fraction() < 0.2 {
                        built.text.push(' ');
                        column += 1;
                    }
                }
            }
            built.text.push_str(word);
            column += length;
        }
        built.end();
        if *ends_line || random.fraction() < 0.1 {
            built.text.push('\n');
            if blank_lines && random.fraction() < 0.7 {
                built.text.push('\n');
            }
            column = 0;
        }
    }
    built.done()
}

/// A line for each sentence or two, stops often left out.
fn lines(sentences: &[(&str, bool)], random: &mut Random) -> Marked {
    let mut built = Builder::default();
    for (sentence, _) in sentences {
        let mut text = *sentence;
        if random.fraction() < 0.5 && text.ends_with('.') && !text.ends_with("..") {
            text = &text[..text.len() - 1];
        }
        built.text.push_str(text);
        built.end();
        built.text.push_str(
            if random.fraction() < 0.8 || !text.ends_with(['.', '!', '?']) {
                "\n"
            } else {
                " "
            },
        );
    }
    built.done()
}

/// Blanks left out after stops, and other slips of a hurried hand.
fn careless(sentences: &[(&str, bool)], random: &mut Random) -> Marked {
    let mut built = Builder::default();
    for (sentence, ends_line) in sentences {
        built.text.push_str(sentence);
        built.end();
        let plain = sentence.ends_with(['.', '!', '?', ':']);
        if *ends_line {
            built.text.push('\n');
        } else if !(plain && random.fraction() < 0.15) {
            built.text.push(' ');
        }
    }
    built.done()
}
