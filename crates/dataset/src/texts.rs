//! The sentences of each job.

use std::ops::Range;

use jobmatch_records::{Kind, Sentence};
use jobmatch_segment::Segmenter;
use rayon::prelude::*;

use crate::jobs::{Fate, Jobs};
use crate::{Error, Result};

/// A sentence of a job.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    /// Its number among the job's sentences.
    pub(crate) index: u32,
    /// Where it stands in the job's text, in bytes.
    pub(crate) span: Range<usize>,
    pub(crate) clean: String,
    pub(crate) heading: bool,
}

/// The sentences of every job whose labels say anything, in text order; none of other jobs.
pub(crate) fn texts(jobs: &Jobs, sentences: Option<&[Sentence]>) -> Result<Vec<Vec<Text>>> {
    match sentences {
        Some(sentences) => given(jobs, sentences),
        None => Ok(found(jobs)),
    }
}

fn wanted(jobs: &Jobs, row: u32) -> bool {
    matches!(jobs.fate(row), Fate::Kept(_) | Fate::Copy(_))
}

fn found(jobs: &Jobs) -> Vec<Vec<Text>> {
    let segmenter = Segmenter::english();
    (0..jobs.jobs.len() as u32)
        .into_par_iter()
        .map(|row| {
            if !wanted(jobs, row) {
                return Vec::new();
            }
            let text = &jobs.jobs[row as usize].text;
            (0u32..)
                .zip(segmenter.sentences(text))
                .map(|(index, sentence)| Text {
                    index,
                    clean: jobmatch_segment::clean(&text[sentence.start..sentence.end]).text,
                    span: sentence.start..sentence.end,
                    heading: sentence.kind == jobmatch_segment::Kind::Heading,
                })
                .collect()
        })
        .collect()
}

fn given(jobs: &Jobs, sentences: &[Sentence]) -> Result<Vec<Vec<Text>>> {
    let mut texts = vec![Vec::new(); jobs.jobs.len()];
    for sentence in sentences {
        let foreign = |problem| Error::ForeignSentence {
            job_id: sentence.job_id.clone(),
            index: sentence.index,
            problem,
        };
        let row = jobs
            .row(&sentence.job_id)
            .ok_or_else(|| foreign("belongs to a job that is not there"))?;
        let text = &jobs.jobs[row as usize].text;
        let span = usize::try_from(sentence.start)
            .ok()
            .zip(usize::try_from(sentence.end).ok())
            .map(|(start, end)| start..end)
            .filter(|span| text.get(span.clone()) == Some(sentence.text.as_str()))
            .ok_or_else(|| foreign("is not what stands at its place in the job's text"))?;
        if wanted(jobs, row) {
            texts[row as usize].push(Text {
                index: sentence.index,
                span,
                clean: sentence.clean.clone(),
                heading: sentence.kind == Kind::Heading,
            });
        }
    }
    for texts in &mut texts {
        texts.sort_by_key(|text: &Text| text.index);
    }
    Ok(texts)
}
