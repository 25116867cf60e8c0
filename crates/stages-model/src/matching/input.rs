//! Where jobs come from: a table, a text file, or standard input.

use std::fs;
use std::io::{BufRead, Cursor, Read as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use jobmatch_records::{Job, JobReader, ReadOptions, Rejected};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::json_lines::lines;

/// The mark that some programs put at the begin of UTF-8.
const BYTE_ORDER_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// What standard input holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputFormat {
    /// One job's text.
    Text,
    /// A job a line.
    Jsonl,
}

/// A job with the id as it was given: in JSON lines that may be a number.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// The id that the output carries.
    pub id: Value,
    /// The job.
    pub job: Job,
}

impl From<Job> for Given {
    fn from(job: Job) -> Self {
        Self {
            id: job.job_id.clone().into(),
            job,
        }
    }
}

impl Given {
    /// A job that is its text.
    pub fn text(id: &str, text: String) -> Self {
        job(id.to_owned(), text, None).into()
    }
}

fn job(job_id: String, text: String, title: Option<String>) -> Job {
    Job {
        job_id,
        text,
        title,
        split: None,
        group_id: None,
    }
}

/// Jobs as they come.
pub type GivenJobs = Box<dyn Iterator<Item = anyhow::Result<Given>>>;

/// The jobs of standard input: a job a line when its first visible character is `{`, else the whole of it is one job, `stdin`. A
/// `format` that is given decides.
///
/// # Errors
/// Input that is empty, cannot be read, or is text but no UTF-8.
pub fn standard_input(
    mut input: impl BufRead + 'static,
    format: Option<InputFormat>,
) -> anyhow::Result<GivenJobs> {
    let unread = "cannot read standard input";
    let (blank, first) = leading_blank(&mut input).context(unread)?;
    let Some(first) = first else {
        bail!("standard input is empty: give one job's text, or JSON lines {{\"id\",\"text\"}}");
    };
    let found = match first {
        b'{' => InputFormat::Jsonl,
        _ => InputFormat::Text,
    };
    let mut input = Cursor::new(blank).chain(input);
    match format.unwrap_or(found) {
        InputFormat::Jsonl => {
            let rows = lines::<Line>(input, r#"{"id","text"}"#);
            Ok(Box::new(rows.map(|line| line?.given())))
        }
        InputFormat::Text => {
            let mut bytes = Vec::new();
            input.read_to_end(&mut bytes).context(unread)?;
            let given = Given::text("stdin", utf8(bytes, "standard input")?);
            Ok(Box::new(std::iter::once(Ok(given))))
        }
    }
}

/// Reads up to the first byte that is not blank: what was read (without a byte order mark), and that byte, which is left to be read.
fn leading_blank(input: &mut impl BufRead) -> std::io::Result<(Vec<u8>, Option<u8>)> {
    let mut blank = Vec::new();
    loop {
        let buffer = match input.fill_buf() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            buffer => buffer?,
        };
        let first = buffer.first().copied();
        let is_blank = |byte: u8| {
            byte.is_ascii_whitespace() || BYTE_ORDER_MARK.get(blank.len()) == Some(&byte)
        };
        match first {
            Some(byte) if is_blank(byte) => blank.push(byte),
            _ => {
                if blank.starts_with(&BYTE_ORDER_MARK) {
                    blank.drain(..BYTE_ORDER_MARK.len());
                }
                return Ok((blank, first));
            }
        }
        input.consume(1);
    }
}

fn utf8(bytes: Vec<u8>, whence: &str) -> anyhow::Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        anyhow::anyhow!("{whence} is not UTF-8, from byte {place} on: save the text as UTF-8")
    })
}

/// A job in JSON lines.
#[derive(Debug, Deserialize)]
struct Line {
    id: Option<Value>,
    job_id: Option<Value>,
    text: String,
    title: Option<String>,
}

impl Line {
    fn given(self) -> anyhow::Result<Given> {
        let Some(id) = self.id.or(self.job_id) else {
            bail!("the job with the text \"{:.40}\" has no `id`", self.text);
        };
        let name = match &id {
            Value::String(id) => id.clone(),
            other => other.to_string(),
        };
        Ok(Given {
            id,
            job: job(name, self.text, self.title),
        })
    }
}

/// The jobs of a file: a table's, or the one that a `.txt` is, whose id is the file's name without its end.
#[derive(Debug)]
pub struct Jobs {
    /// Read already, so that a file without jobs is refused before any work.
    first: Option<Job>,
    rest: Option<JobReader>,
}

impl Jobs {
    /// Opens a `.txt` or a table of jobs.
    ///
    /// # Errors
    /// A file that cannot be read or holds no job, a text that is no UTF-8, and what [`JobReader::open`] refuses.
    pub fn open(path: &Path, options: &ReadOptions) -> anyhow::Result<Self> {
        if is_text(path) {
            let shown = path.display().to_string();
            let mut bytes = fs::read(path).with_context(|| format!("cannot read {shown}"))?;
            if bytes.starts_with(&BYTE_ORDER_MARK) {
                bytes.drain(..BYTE_ORDER_MARK.len());
            }
            let text = utf8(bytes, &shown)?;
            if text.trim().is_empty() {
                bail!("{shown} is empty: it should hold one job's text");
            }
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            return Ok(Self {
                first: Some(job(name.into_owned(), text, None)),
                rest: None,
            });
        }
        let mut reader = JobReader::open(path, options)?;
        let first = reader.next().transpose()?;
        if first.is_none() {
            match reader.rejected().first() {
                Some(rejected) => bail!(
                    "{} holds no good row: all {} are bad, the first since {}",
                    path.display(),
                    reader.rejected().len(),
                    rejected.reason
                ),
                None => bail!("{} holds no jobs", path.display()),
            }
        }
        Ok(Self {
            first,
            rest: Some(reader),
        })
    }

    /// The rows set aside so far.
    pub fn rejected(&self) -> &[Rejected] {
        self.rest.as_ref().map_or(&[], JobReader::rejected)
    }
}

impl Iterator for Jobs {
    type Item = jobmatch_records::Result<Job>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.first.take() {
            Some(job) => Some(Ok(job)),
            None => self.rest.as_mut()?.next(),
        }
    }
}

fn is_text(path: &Path) -> bool {
    path.extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("txt"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &[u8], format: Option<InputFormat>) -> anyhow::Result<Vec<Given>> {
        standard_input(Cursor::new(input.to_vec()), format)?.collect()
    }

    #[test]
    fn what_begins_with_a_brace_is_a_job_a_line() {
        let lines = b" \n{\"id\":7,\"text\":\"a\"}\n\n{\"job_id\":\"x\",\"text\":\"b\",\"title\":\"t\",\"more\":1}\n";
        let jobs = read(lines, None).unwrap();
        assert_eq!(jobs[0].id, 7);
        assert_eq!(jobs[0].job, job("7".to_owned(), "a".to_owned(), None));
        assert_eq!(jobs[1].id, "x");
        assert_eq!(jobs[1].job.title.as_deref(), Some("t"));
        assert_eq!(jobs.len(), 2);
        let marked = [b"\xEF\xBB\xBF".as_slice(), lines].concat();
        assert_eq!(read(&marked, None).unwrap(), jobs);
        let as_text = read(lines, Some(InputFormat::Text)).unwrap();
        assert_eq!(as_text[0].job.text.as_bytes(), lines);
    }

    #[test]
    fn anything_else_is_one_job_whose_bytes_stay() {
        for text in ["\n\t We weld.\n", "[a]", "ﻁ", "\u{feff}"] {
            let jobs = read(text.as_bytes(), None);
            if text == "\u{feff}" {
                assert!(jobs.unwrap_err().to_string().contains("is empty"));
                continue;
            }
            let jobs = jobs.unwrap();
            assert_eq!((jobs.len(), jobs[0].job.text.as_str()), (1, text));
            assert_eq!(jobs[0].id, "stdin");
        }
        let marked = read("\u{feff}We weld.".as_bytes(), None).unwrap();
        assert_eq!(marked[0].job.text, "We weld.");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let message = |input: &[u8]| format!("{:#}", read(input, None).unwrap_err());
        assert!(message(b"").contains("standard input is empty"));
        assert!(message(b" \n ").contains("standard input is empty"));
        let broken = message(b"We \xff weld.");
        assert_eq!(
            broken,
            "standard input is not UTF-8, from byte 3 on: save the text as UTF-8"
        );
        let bad = message(b"{\"id\":1,\"text\":\"a\"}\n\n{\"id\":2}\n");
        assert!(
            bad.starts_with("line 3: expected {\"id\",\"text\"}"),
            "{bad}"
        );
        assert!(message(b"{\"text\":\"a\"}\n").contains("has no `id`"));
    }
}
