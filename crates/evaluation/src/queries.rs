//! What is searched for each job: its sentences, or windows over its text, each distinct text once.

use std::collections::HashMap;

use jobmatch_records::{Job, Sentence};
use jobmatch_segment::{Segmenter, clean};

use crate::config::{RetrievalSettings, Unit};
use crate::{Error, Result};

/// A piece of a job's text that is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Query {
    /// Place in [`Queries::texts`].
    pub text: u32,
    /// First byte in the job's text.
    pub start: u64,
    /// The byte after its last.
    pub end: u64,
}

/// The queries of all jobs.
pub(crate) struct Queries {
    /// Distinct cleaned texts, in the order in which they first occur.
    pub texts: Vec<String>,
    /// Of each job, in the order of its text. A job without any sentence has none.
    pub of_job: Vec<Vec<Query>>,
}

/// A cleaned sentence with its place.
struct Piece<'a> {
    start: u64,
    end: u64,
    clean: std::borrow::Cow<'a, str>,
}

/// Distinct texts in the order in which they first came.
#[derive(Default)]
struct Numbered {
    texts: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Numbered {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.texts.len() as u32;
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }
}

impl Queries {
    /// Cuts every job's text, or takes the sentences given.
    pub(crate) fn new(
        jobs: &[&Job],
        given: Option<&[Sentence]>,
        settings: &RetrievalSettings,
    ) -> Result<Self> {
        let mut by_job: HashMap<&str, Vec<&Sentence>> = HashMap::new();
        for sentence in given.unwrap_or_default() {
            by_job.entry(&sentence.job_id).or_default().push(sentence);
        }
        let segmenter = Segmenter::english();
        let mut texts = Numbered::default();
        let mut of_job = Vec::with_capacity(jobs.len());
        for job in jobs {
            let pieces = match given {
                Some(_) => taken(job, by_job.get_mut(job.job_id.as_str()))?,
                None => cut(&segmenter, job),
            };
            let pieces = match settings.unit {
                Unit::Sentence => pieces,
                Unit::Job => windows(pieces, settings.window_words),
            };
            let mut queries = Vec::with_capacity(pieces.len());
            for Piece { start, end, clean } in pieces {
                let text = texts.number(&clean);
                queries.push(Query { text, start, end });
            }
            of_job.push(queries);
        }
        Ok(Self {
            texts: texts.texts,
            of_job,
        })
    }

    /// The sentences of jobs, each distinct text once; of empty ones none.
    pub(crate) fn of_sentences(jobs: &[Vec<Sentence>]) -> Self {
        let mut texts = Numbered::default();
        let mut of_job = Vec::with_capacity(jobs.len());
        for sentences in jobs {
            let mut queries = Vec::with_capacity(sentences.len());
            for sentence in sentences {
                if sentence.clean.trim().is_empty() {
                    continue;
                }
                let text = texts.number(&sentence.clean);
                let (start, end) = (sentence.start, sentence.end);
                queries.push(Query { text, start, end });
            }
            of_job.push(queries);
        }
        Self {
            texts: texts.texts,
            of_job,
        }
    }

    /// The text of a query.
    pub(crate) fn text(&self, query: &Query) -> &str {
        &self.texts[query.text as usize]
    }
}

/// The sentences given for a job, checked against its text, in the order of the text.
fn taken<'a>(job: &Job, given: Option<&mut Vec<&'a Sentence>>) -> Result<Vec<Piece<'a>>> {
    let Some(given) = given else {
        return Ok(Vec::new());
    };
    given.sort_by_key(|sentence| (sentence.start, sentence.end));
    let mut pieces = Vec::with_capacity(given.len());
    for sentence in given.iter() {
        let range = usize::try_from(sentence.start)
            .ok()
            .zip(usize::try_from(sentence.end).ok());
        if range.is_none_or(|(start, end)| job.text.get(start..end) != Some(&sentence.text)) {
            return Err(Error::Sentence {
                job: job.job_id.clone(),
                index: sentence.index,
                start: sentence.start,
                end: sentence.end,
                length: job.text.len(),
            });
        }
        if !sentence.clean.trim().is_empty() {
            pieces.push(Piece {
                start: sentence.start,
                end: sentence.end,
                clean: sentence.clean.as_str().into(),
            });
        }
    }
    Ok(pieces)
}

fn cut(segmenter: &Segmenter, job: &Job) -> Vec<Piece<'static>> {
    let sentences = segmenter.sentences(&job.text).map(|sentence| Piece {
        start: sentence.start as u64,
        end: sentence.end as u64,
        clean: clean(&job.text[sentence.start..sentence.end]).text.into(),
    });
    sentences
        .filter(|piece| !piece.clean.trim().is_empty())
        .collect()
}

/// Runs of whole sentences of at most `words` words; a longer sentence is a window by itself.
fn windows(pieces: Vec<Piece<'_>>, words: usize) -> Vec<Piece<'_>> {
    let mut windows: Vec<Piece<'_>> = Vec::new();
    let mut room = 0;
    for piece in pieces {
        let length = piece.clean.split_whitespace().count();
        match windows.last_mut() {
            Some(window) if length <= room => {
                room -= length;
                window.end = piece.end;
                let text = window.clean.to_mut();
                text.push(' ');
                text.push_str(&piece.clean);
            }
            _ => {
                room = words.saturating_sub(length);
                windows.push(piece);
            }
        }
    }
    windows
}
