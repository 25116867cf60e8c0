//! Texts in JSON lines to sentences in JSON lines, in order, as they come.

use std::io::{BufRead as _, BufReader, Read, Write};

use anyhow::{Context as _, anyhow};
use jobmatch_records::Kind;
use jobmatch_segment::Segmenter;
use jobmatch_stage::stdout_error;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::segment::kind;

/// Bytes read at once: what they hold of whole lines is worked on together.
const BUFFER: usize = 1 << 20;

/// A line of the input.
#[derive(Debug, Deserialize)]
struct Text {
    id: serde_json::Value,
    text: String,
}

/// A line of the output.
#[derive(Debug, Serialize)]
struct Segmented<'a> {
    id: &'a serde_json::Value,
    sentences: Vec<Sentence<'a>>,
}

/// A sentence; `start` and `end` are its half-open range of bytes in the text.
#[derive(Debug, Serialize)]
struct Sentence<'a> {
    start: usize,
    end: usize,
    text: &'a str,
    kind: Kind,
}

/// Reads `{"id","text"}` lines and writes a
/// `{"id","sentences":[{"start","end","text","kind"}]}` line for each, in order. What can be
/// answered is answered before more is waited for, so a program at the other end may ask line by
/// line. Blank lines are passed over. Returns how many texts there were.
///
/// # Errors
/// A line that is no such JSON: everything before it is written first, and the error names the
/// line. A reader that has gone comes back as [`jobmatch_stage::Stop`].
pub fn segment(
    segmenter: &Segmenter,
    input: impl Read,
    mut output: impl Write,
) -> anyhow::Result<u64> {
    let mut reader = BufReader::with_capacity(BUFFER, input);
    let mut texts = 0;
    let mut first_line = 1;
    loop {
        let batch = next_lines(&mut reader)?;
        if batch.is_empty() {
            break;
        }
        let answers: Vec<anyhow::Result<Option<Vec<u8>>>> = batch
            .par_iter()
            .map(|line| answer(segmenter, line))
            .collect();
        for (at, answer) in answers.into_iter().enumerate() {
            let answer = match answer {
                Ok(answer) => answer,
                Err(error) => {
                    output.flush().map_err(stdout_error)?;
                    return Err(error.context(format!("standard input, line {}", first_line + at)));
                }
            };
            if let Some(answer) = answer {
                output.write_all(&answer).map_err(stdout_error)?;
                texts += 1;
            }
        }
        output.flush().map_err(stdout_error)?;
        first_line += batch.len();
    }
    Ok(texts)
}

/// Waits for one line, then takes all whole lines that have come with it. None at the end.
fn next_lines(reader: &mut BufReader<impl Read>) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        reader
            .read_until(b'\n', &mut line)
            .context("cannot read standard input")?;
        if line.is_empty() {
            return Ok(lines);
        }
        lines.push(line);
        if !reader.buffer().contains(&b'\n') {
            return Ok(lines);
        }
    }
}

fn answer(segmenter: &Segmenter, line: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let text: Text = serde_json::from_slice(line)
        .map_err(|error| anyhow!("expected {{\"id\", \"text\"}}: {error}"))?;
    let found = segmenter.sentences(&text.text);
    let sentences = found
        .map(|sentence| Sentence {
            start: sentence.start,
            end: sentence.end,
            text: &text.text[sentence.start..sentence.end],
            kind: kind(sentence.kind),
        })
        .collect();
    let mut answer = serde_json::to_vec(&Segmented {
        id: &text.id,
        sentences,
    })?;
    answer.push(b'\n');
    Ok(Some(answer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn run(input: &[u8]) -> (Vec<Value>, anyhow::Result<u64>) {
        let mut output = Vec::new();
        let result = segment(&Segmenter::english(), input, &mut output);
        let rows = output
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect();
        (rows, result)
    }

    #[test]
    fn answers_keep_order_and_ids() {
        let input: String = (0..3000)
            .map(|n| format!("{{\"id\": {n}, \"text\": \"Bake {n} loaves. Sell them.\"}}\n"))
            .collect();
        let (rows, result) = run(input.as_bytes());
        assert_eq!(result.unwrap(), 3000);
        for (n, row) in rows.iter().enumerate() {
            assert_eq!(row["id"], n);
            let first = &row["sentences"][0];
            assert_eq!(first["text"], format!("Bake {n} loaves."));
            assert_eq!(first["start"], 0);
            assert_eq!(first["kind"], "prose");
        }
    }

    #[test]
    fn a_bad_line_is_named_after_the_good_ones_are_answered() {
        let (rows, result) = run(b"{\"id\": \"a\", \"text\": \"Go.\"}\n\n{\"id\": \"b\"}\n");
        assert_eq!(rows.len(), 1);
        assert_eq!(
            format!("{:#}", result.unwrap_err()),
            "standard input, line 3: expected {\"id\", \"text\"}: missing field `text` at line 1 column 11"
        );
    }

    #[test]
    fn the_last_line_needs_no_end() {
        let (rows, result) = run(b"{\"id\": \"a\", \"text\": \"\"}");
        assert_eq!(result.unwrap(), 1);
        assert_eq!(rows[0]["sentences"], Value::Array(vec![]));
        assert_eq!(run(b"").1.unwrap(), 0);
    }

    /// Gives one line at a time, and only when the one before has been answered.
    struct Asking<'a> {
        answers: &'a std::cell::Cell<usize>,
        asked: usize,
    }

    impl Read for Asking<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            assert_eq!(self.answers.get(), self.asked, "asked on before answering");
            if self.asked == 3 {
                return Ok(0);
            }
            self.asked += 1;
            let line = b"{\"id\":1,\"text\":\"Go.\"}\n";
            buffer[..line.len()].copy_from_slice(line);
            Ok(line.len())
        }
    }

    struct Counting<'a>(&'a std::cell::Cell<usize>);

    impl Write for Counting<'_> {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.set(self.0.get() + 1);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_question_is_answered_before_the_next_is_read() {
        let answers = std::cell::Cell::new(0);
        let input = Asking {
            answers: &answers,
            asked: 0,
        };
        let texts = segment(&Segmenter::english(), input, Counting(&answers)).unwrap();
        assert_eq!((texts, answers.get()), (3, 3));
    }
}
