//! From a label to the texts that it speaks of.

use std::ops::Range;

use jobmatch_lexical::{Aligner, Weighed};
use jobmatch_records::{Evidence, PairSource};

use crate::attributes::Attributes;
use crate::jobs::{Digest, Jobs, digest};
use crate::labels::LabelRow;
use crate::texts::Text;
use crate::{Config, Error, Result, Unit};

/// A text with an attribute that a label row gave it.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) job: u32,
    /// The place of the sentence in the job's list; none at job unit.
    pub(crate) sentence: Option<u32>,
    pub(crate) attribute: u32,
    /// The attribute's class.
    pub(crate) class: u32,
    pub(crate) positive: bool,
    pub(crate) source: PairSource,
    pub(crate) score: Option<f32>,
    /// Of the text.
    pub(crate) digest: Digest,
    /// Characters of the text; 0 at job unit, where nobody asks.
    pub(crate) chars: usize,
}

/// How a label row fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Whole,
    Evidence,
    Aligned,
    NoSentence,
    BelowMinimum,
}

/// A label row with its texts.
pub(crate) struct Placed {
    pub(crate) outcome: Outcome,
    pub(crate) quote_not_found: bool,
    pub(crate) evidence_outside: bool,
    pub(crate) candidates: Vec<Candidate>,
}

/// What placing needs beside the label rows.
pub(crate) struct Placer<'a> {
    pub(crate) config: &'a Config,
    pub(crate) jobs: &'a Jobs<'a>,
    pub(crate) attributes: &'a Attributes<'a>,
    /// Sentences by job; empty at job unit.
    pub(crate) texts: &'a [Vec<Text>],
    pub(crate) aligner: &'a Aligner,
}

impl Placer<'_> {
    /// Places the label rows of one job.
    pub(crate) fn place(&self, rows: &[LabelRow]) -> Result<Vec<Placed>> {
        // Sentences are weighed once, and only for jobs with a label that needs it.
        let mut weighed = None;
        rows.iter()
            .map(|row| match self.config.unit {
                Unit::Job => {
                    if let Some(Evidence::Span { start, end }) = row.evidence() {
                        self.span(row, *start, *end)?;
                    }
                    Ok(self.whole(row))
                }
                Unit::Sentence => self.sentences(row, &mut weighed),
            })
            .collect()
    }

    fn whole(&self, row: &LabelRow) -> Placed {
        Placed {
            outcome: Outcome::Whole,
            quote_not_found: false,
            evidence_outside: false,
            candidates: vec![Candidate {
                job: row.job,
                sentence: None,
                attribute: row.attribute,
                class: self.attributes.class(row.attribute),
                positive: row.positive,
                source: PairSource::Given,
                score: None,
                digest: self.jobs.digests[row.job as usize],
                chars: 0,
            }],
        }
    }

    fn sentences(
        &self,
        row: &LabelRow,
        weighed: &mut Option<Vec<(u32, Weighed)>>,
    ) -> Result<Placed> {
        let texts = &self.texts[row.job as usize];
        let mut placed = Placed {
            outcome: Outcome::Evidence,
            quote_not_found: false,
            evidence_outside: false,
            candidates: Vec::new(),
        };
        let span = match row.evidence() {
            Some(Evidence::Span { start, end }) => Some(self.span(row, *start, *end)?),
            Some(Evidence::Quote(quote)) => {
                let span = crate::evidence::locate(quote, &self.jobs.jobs[row.job as usize].text);
                placed.quote_not_found = span.is_none();
                span
            }
            None => None,
        };
        if let Some(span) = span {
            let spans: Vec<Range<usize>> = texts.iter().map(|text| text.span.clone()).collect();
            let shown = crate::evidence::sentences_of(&span, &spans);
            placed.evidence_outside = shown.is_empty();
            placed.candidates = shown
                .into_iter()
                .map(|place| self.candidate(row, place as u32, PairSource::Evidence, None))
                .collect();
            if !placed.candidates.is_empty() {
                return Ok(placed);
            }
        }

        let weighed = weighed.get_or_insert_with(|| self.weigh(texts));
        let mut best: Option<(u32, f32)> = None;
        for (place, sentence) in weighed {
            let score = self.aligner.score(row.attribute as usize, sentence);
            if best.is_none_or(|(_, best)| score > best) {
                best = Some((*place, score));
            }
        }
        match best {
            None => placed.outcome = Outcome::NoSentence,
            Some((_, score)) if score <= 0.0 || score < self.config.min_alignment => {
                placed.outcome = Outcome::BelowMinimum;
            }
            Some((place, score)) => {
                placed.outcome = Outcome::Aligned;
                placed.candidates =
                    vec![self.candidate(row, place, PairSource::Aligned, Some(score))];
            }
        }
        Ok(placed)
    }

    /// The sentences that may be aligned.
    fn weigh(&self, texts: &[Text]) -> Vec<(u32, Weighed)> {
        (0u32..)
            .zip(texts)
            .filter(|(_, text)| self.config.align_headings || !text.heading)
            .filter(|(_, text)| {
                let chars = text.clean.chars().count();
                (self.config.min_chars..=self.config.max_chars).contains(&chars)
            })
            .map(|(place, text)| (place, self.aligner.weigh(&text.clean)))
            .collect()
    }

    fn candidate(
        &self,
        row: &LabelRow,
        place: u32,
        found: PairSource,
        score: Option<f32>,
    ) -> Candidate {
        let text = &self.texts[row.job as usize][place as usize];
        Candidate {
            job: row.job,
            sentence: Some(place),
            attribute: row.attribute,
            class: self.attributes.class(row.attribute),
            positive: row.positive,
            source: if row.positive {
                found
            } else {
                PairSource::Given
            },
            score,
            digest: digest(&text.clean),
            chars: text.clean.chars().count(),
        }
    }

    /// The span as a range of the job's text.
    fn span(&self, row: &LabelRow, start: u64, end: u64) -> Result<Range<usize>> {
        let text = &self.jobs.jobs[row.job as usize].text;
        let problem = if start >= end {
            "which is empty"
        } else if end > text.len() as u64 {
            "which is past the end"
        } else if !text.is_char_boundary(start as usize) || !text.is_char_boundary(end as usize) {
            "which cuts a character in two (are they counted in characters?)"
        } else {
            return Ok(start as usize..end as usize);
        };
        Err(Error::BadSpan {
            file: row.label.source.clone(),
            line: row.label.line,
            job_id: self.jobs.id(row.job).to_owned(),
            attribute_id: self.attributes.id(row.attribute).to_owned(),
            start,
            end,
            problem,
            length: text.len(),
        })
    }
}
