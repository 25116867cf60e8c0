//! One job: its candidates, and what is known of its texts.

use std::collections::BTreeMap;

use blake3::Hash;
use jobmatch_records::{Job, Sentence};

use super::super::plan::Fate;
use super::{CandidateText, JobCandidates, JobFacts, KeyRow, Placing, Shared};
use crate::labels::{LabelRow, settle};
use crate::place::{Candidate, Placed, Placer};
use crate::split::Half;
use crate::texts::{Key, Text, cleaned, found, given};
use crate::{Result, Unit};

/// The label rows of a job and of its copies, each copy's apart.
#[derive(Default)]
pub(super) struct OfJob {
    pub(super) own: Vec<LabelRow>,
    /// Attributes to be drawn as negatives first.
    pub(super) hard: Vec<u32>,
    pub(super) of_copies: BTreeMap<u32, Vec<LabelRow>>,
}

/// What one job came to.
#[derive(Default)]
pub(super) struct JobPlaced {
    pub(super) placing: Placing,
    pub(super) candidates: Option<JobCandidates>,
    /// Without the candidates' numbers in the shard.
    pub(super) keys: Vec<KeyRow>,
    pub(super) facts: JobFacts,
    pub(super) positives: Vec<(u32, Hash)>,
}

impl Shared<'_> {
    fn texts(&self, job: &Job, sentences: Option<&[Sentence]>) -> Vec<Text> {
        match (self.context.config.unit, sentences) {
            (Unit::Job, _) => Vec::new(),
            (Unit::Sentence, Some(sentences)) => given(sentences),
            (Unit::Sentence, None) => found(&self.segmenter, &job.text),
        }
    }

    fn placed(&self, job: &Job, texts: &[Text], rows: &[LabelRow]) -> Result<Vec<Placed>> {
        let attributes = self.context.attributes;
        let placer = Placer {
            config: self.context.config,
            sources: &self.plan.sources,
            attribute_id: &|row| attributes.id(row).to_owned(),
            aligner: &self.aligner,
            job,
            texts,
        };
        placer.place(rows)
    }

    /// A job that makes pairs.
    pub(super) fn kept(
        &self,
        row: u32,
        job: &Job,
        sentences: Option<&[Sentence]>,
        fate: Fate,
        of_job: Option<&OfJob>,
    ) -> Result<JobPlaced> {
        let config = self.context.config;
        let attributes = self.context.attributes;
        let half = fate.half().unwrap_or(Half::Train);
        let mut result = JobPlaced::default();
        result.placing.jobs[half as usize] += 1;
        let sources = &self.plan.sources;
        let of_none = OfJob::default();
        let of_job = of_job.unwrap_or(&of_none);
        let own = settle(config.conflicts, sources, of_job.own.clone(), false);
        let texts = self.texts(job, sentences);
        if config.unit == Unit::Sentence && texts.is_empty() {
            result.placing.alignment.jobs_without_sentences += 1;
        }
        result.placing.labels = own.flow.clone();
        if of_job.own.is_empty() && of_job.of_copies.is_empty() {
            return Ok(result);
        }
        let placed = self.placed(job, &texts, &own.rows)?;
        let mut named = Names::new(job, &texts);

        let mut right: Vec<u32> = (own.rows.iter())
            .filter(|row| row.positive)
            .map(|row| row.attribute)
            .collect();
        let mut barred = own.barred;
        for rows in of_job.of_copies.values() {
            let settled = settle(config.conflicts, sources, rows.clone(), true);
            barred.extend(settled.barred);
            for label in settled.rows {
                right.push(label.attribute);
                result.know(named.whole(), row, label.attribute);
            }
        }
        let class = |attribute: &u32| attributes.class(*attribute);
        let mut right_classes: Vec<u32> = right.iter().map(class).collect();
        right_classes.sort_unstable();
        right_classes.dedup();

        let mut candidates: Vec<Candidate> = Vec::new();
        for placed in placed {
            result.placing.count(&placed);
            if placed.positive && placed.candidates.is_empty() {
                result.know(named.whole(), row, placed.attribute);
            }
            for candidate in placed.candidates {
                let takes = match texts.get(candidate.text as usize) {
                    Some(text) => config.takes(text.chars),
                    None => Ok(()),
                };
                let is_known = !candidate.positive
                    && (right_classes.binary_search(&class(&candidate.attribute))).is_ok();
                let removed = (takes.err()).or(is_known.then_some("negative_is_a_known_positive"));
                result.placing.pairs.rows_in += 1;
                if candidate.positive {
                    let text = named.of(candidate.text);
                    result.positives.push((candidate.attribute, text));
                    if removed.is_some() {
                        result
                            .keys
                            .push(known(Key::of(&text), row, candidate.attribute));
                    }
                }
                match removed {
                    Some(reason) => result.placing.pairs.remove(reason),
                    None => candidates.push(candidate),
                }
            }
        }
        candidates.sort_by_key(|found| (found.text, !found.positive, found.attribute));
        let mut kept_texts: Vec<CandidateText> = Vec::new();
        let mut last = None;
        for (number, candidate) in candidates.iter_mut().enumerate() {
            if last.replace(candidate.text) != Some(candidate.text) {
                kept_texts.push(CandidateText::of(
                    texts.get(candidate.text as usize),
                    &mut named,
                ));
            }
            let text = named.of(candidate.text);
            candidate.text = kept_texts.len() as u32 - 1;
            result.keys.push(KeyRow {
                text: Key::of(&text),
                half: Some(half),
                job: row,
                sentence: candidate.text,
                is_negative: !candidate.positive,
                attribute: candidate.attribute,
                candidate: number as u32,
            });
        }
        right_classes.extend(barred.iter().map(class));
        right_classes.sort_unstable();
        right_classes.dedup();
        result.facts = JobFacts {
            row,
            excluded: right_classes,
            hard: of_job.hard.clone(),
        };
        result.candidates = Some(JobCandidates {
            row,
            job_id: job.job_id.clone(),
            half,
            texts: kept_texts,
            candidates,
        });
        Ok(result)
    }

    /// A copy makes no pairs, but what is right for its texts is known.
    pub(super) fn copy(
        &self,
        row: u32,
        job: &Job,
        sentences: Option<&[Sentence]>,
        of_job: &OfJob,
    ) -> Result<JobPlaced> {
        let own = settle(
            self.context.config.conflicts,
            &self.plan.sources,
            of_job.own.clone(),
            true,
        );
        let mut result = JobPlaced::default();
        result.placing.labels = own.flow;
        if own.rows.is_empty() {
            return Ok(result);
        }
        let texts = self.texts(job, sentences);
        let mut named = Names::new(job, &texts);
        for placed in self.placed(job, &texts, &own.rows)? {
            if placed.candidates.is_empty() {
                result.know(named.whole(), row, placed.attribute);
            }
            for candidate in placed.candidates {
                result.know(named.of(candidate.text), row, placed.attribute);
            }
        }
        Ok(JobPlaced {
            candidates: Some(JobCandidates {
                row,
                job_id: job.job_id.clone(),
                half: Half::Train,
                texts: Vec::new(),
                candidates: Vec::new(),
            }),
            ..result
        })
    }
}

fn known(text: Key, job: u32, attribute: u32) -> KeyRow {
    KeyRow {
        text,
        half: None,
        job,
        sentence: 0,
        is_negative: false,
        attribute,
        candidate: 0,
    }
}

/// The hashes of a job's texts, each made once.
struct Names<'a> {
    job: &'a Job,
    texts: &'a [Text],
    of_texts: Vec<Option<Hash>>,
    whole: Option<(String, Hash)>,
}

impl<'a> Names<'a> {
    fn new(job: &'a Job, texts: &'a [Text]) -> Self {
        Self {
            job,
            texts,
            of_texts: vec![None; texts.len()],
            whole: None,
        }
    }

    fn whole_text(&mut self) -> &(String, Hash) {
        self.whole.get_or_insert_with(|| {
            let text = cleaned(&self.job.text);
            let hash = blake3::hash(text.as_bytes());
            (text, hash)
        })
    }

    /// Of the job's whole cleaned text.
    fn whole(&mut self) -> Hash {
        self.whole_text().1
    }

    /// Of the text at `place`; at job unit, where there are no others, of the whole.
    fn of(&mut self, place: u32) -> Hash {
        let (Some(text), Some(hash)) = (
            self.texts.get(place as usize),
            self.of_texts.get_mut(place as usize),
        ) else {
            return self.whole();
        };
        *hash.get_or_insert_with(|| blake3::hash(text.clean.as_bytes()))
    }
}

impl CandidateText {
    fn of(text: Option<&Text>, names: &mut Names) -> Self {
        match text {
            Some(text) => Self {
                sentence: Some((text.index, text.span.start as u64, text.span.end as u64)),
                clean: text.clean.clone(),
            },
            None => Self {
                sentence: None,
                clean: names.whole_text().0.clone(),
            },
        }
    }
}

impl JobPlaced {
    /// The attribute is known to be right for the text, which makes no pair with it.
    fn know(&mut self, text: Hash, job: u32, attribute: u32) {
        self.keys.push(known(Key::of(&text), job, attribute));
        self.positives.push((attribute, text));
    }
}
