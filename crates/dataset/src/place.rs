//! From a job's labels to the texts that they speak of.

use std::ops::Range;

use jobmatch_lexical::{Aligner, Weighed};
use jobmatch_records::{Evidence, Job, PairSource};
use serde::{Deserialize, Serialize};

use crate::labels::LabelRow;
use crate::texts::Text;
use crate::{Config, Error, Result, Unit};

/// A text of a job with an attribute that a label row gave it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Candidate {
    /// The place of the sentence in the job's list; 0 at job unit.
    pub(crate) text: u32,
    pub(crate) attribute: u32,
    pub(crate) positive: bool,
    pub(crate) source: PairSource,
    pub(crate) score: Option<f32>,
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
    pub(crate) attribute: u32,
    pub(crate) positive: bool,
    pub(crate) outcome: Outcome,
    pub(crate) quote_not_found: bool,
    pub(crate) evidence_outside: bool,
    pub(crate) candidates: Vec<Candidate>,
}

/// Places the label rows of one job.
pub(crate) struct Placer<'a> {
    pub(crate) config: &'a Config,
    /// The names of the label files and the ids of the attributes, for messages.
    pub(crate) sources: &'a [String],
    pub(crate) attribute_id: &'a (dyn Fn(u32) -> String + Sync),
    pub(crate) aligner: &'a Aligner,
    pub(crate) job: &'a Job,
    /// The job's sentences; empty at job unit.
    pub(crate) texts: &'a [Text],
}

impl Placer<'_> {
    /// The rows with their texts, in their order.
    pub(crate) fn place(&self, rows: &[LabelRow]) -> Result<Vec<Placed>> {
        // Sentences are weighed once, and only for jobs with a label that needs it.
        let mut weighed = None;
        rows.iter()
            .map(|row| match self.config.unit {
                Unit::Job => {
                    if let Some(Evidence::Span { start, end }) = row.evidence {
                        self.span(row, start, end)?;
                    }
                    let mut placed = Self::placed(row, Outcome::Whole);
                    let whole = Self::candidate(row, 0, PairSource::Given, None);
                    placed.candidates.push(whole);
                    Ok(placed)
                }
                Unit::Sentence => self.sentences(row, &mut weighed),
            })
            .collect()
    }

    fn placed(row: &LabelRow, outcome: Outcome) -> Placed {
        Placed {
            attribute: row.attribute,
            positive: row.positive,
            outcome,
            quote_not_found: false,
            evidence_outside: false,
            candidates: Vec::new(),
        }
    }

    fn candidate(row: &LabelRow, text: u32, found: PairSource, score: Option<f32>) -> Candidate {
        let source = if row.positive {
            found
        } else {
            PairSource::Given
        };
        Candidate {
            text,
            attribute: row.attribute,
            positive: row.positive,
            source,
            score,
        }
    }

    fn sentences(
        &self,
        row: &LabelRow,
        weighed: &mut Option<Vec<(u32, Weighed)>>,
    ) -> Result<Placed> {
        let mut placed = Self::placed(row, Outcome::Evidence);
        let span = match &row.evidence {
            Some(Evidence::Span { start, end }) => Some(self.span(row, *start, *end)?),
            Some(Evidence::Quote(quote)) => {
                let span = crate::evidence::locate(quote, &self.job.text);
                placed.quote_not_found = span.is_none();
                span
            }
            None => None,
        };
        if let Some(span) = span {
            let spans: Vec<Range<usize>> =
                self.texts.iter().map(|text| text.span.clone()).collect();
            let shown = crate::evidence::sentences_of(&span, &spans);
            placed.evidence_outside = shown.is_empty();
            placed.candidates = shown
                .into_iter()
                .map(|text| Self::candidate(row, text as u32, PairSource::Evidence, None))
                .collect();
            if !placed.candidates.is_empty() {
                return Ok(placed);
            }
        }

        let weighed = weighed.get_or_insert_with(|| self.weigh());
        let mut best: Option<(u32, f32)> = None;
        for (text, sentence) in weighed {
            let score = self.aligner.score(row.attribute as usize, sentence);
            if best.is_none_or(|(_, best)| score > best) {
                best = Some((*text, score));
            }
        }
        match best {
            None => placed.outcome = Outcome::NoSentence,
            Some((_, score)) if score <= 0.0 || score < self.config.min_alignment => {
                placed.outcome = Outcome::BelowMinimum;
            }
            Some((text, score)) => {
                placed.outcome = Outcome::Aligned;
                let found = Self::candidate(row, text, PairSource::Aligned, Some(score));
                placed.candidates.push(found);
            }
        }
        Ok(placed)
    }

    /// The sentences that may be aligned.
    fn weigh(&self) -> Vec<(u32, Weighed)> {
        (0u32..)
            .zip(self.texts)
            .filter(|(_, text)| self.config.align_headings || !text.is_heading)
            .filter(|(_, text)| self.config.takes(text.chars).is_ok())
            .map(|(at, text)| (at, self.aligner.weigh(&text.clean)))
            .collect()
    }

    /// The span as a range of the job's text.
    fn span(&self, row: &LabelRow, start: u64, end: u64) -> Result<Range<usize>> {
        let text = &self.job.text;
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
            file: self
                .sources
                .get(row.source as usize)
                .cloned()
                .unwrap_or_default(),
            line: row.line,
            job_id: self.job.job_id.clone(),
            attribute_id: (self.attribute_id)(row.attribute),
            start,
            end,
            problem,
            length: text.len(),
        })
    }
}
