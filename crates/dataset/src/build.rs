//! From inputs to the output folder, rule after rule.

use std::collections::{BTreeSet, HashSet};

use jobmatch_artifact::Draft;
use jobmatch_lexical::Aligner;
use jobmatch_records::{Pair, PairSource, ParquetWriter, Positive};
use rayon::prelude::*;

use crate::attributes::Attributes;
use crate::jobs::{Digest, Fate, Jobs};
use crate::known::Known;
use crate::labels::{LabelRow, Labels};
use crate::place::{Candidate, Outcome, Placed, Placer};
use crate::report::{Alignment, Definitions, Flow, Side};
use crate::split::Half;
use crate::texts::{Text, texts};
use crate::write::Parts;
use crate::{Config, Error, Inputs, Report, Result, Unit};
use crate::{negatives, pairs, sample};

/// Makes the pairs of `inputs` and writes `train/`, `dev/`, `train_sample/`, `dev_sample/`,
/// `positives.parquet` and `report.json` into `draft`, which the caller publishes.
///
/// The same inputs, configuration and seed give the same bytes, for any number of threads.
///
/// # Errors
/// A setting that makes no sense, an id that stands twice, a label for an unknown job or attribute,
/// an empty passage, a group on both sides of the split, evidence outside its job's text, sentences
/// of other jobs, no positive pair for training, and files that cannot be written.
pub fn build(config: &Config, seed: u64, inputs: &Inputs, draft: &Draft) -> Result<Report> {
    config.validate()?;
    let attributes = Attributes::new(&inputs.definitions, &config.template)?;
    let jobs = Jobs::new(config, seed, &inputs.jobs, &inputs.labels)?;
    let labels = Labels::new(config.conflicts, &jobs, &attributes, &inputs.labels)?;
    let texts = match config.unit {
        Unit::Sentence => texts(&jobs, inputs.sentences.as_deref())?,
        Unit::Job => Vec::new(),
    };
    let placer = Placer {
        config,
        jobs: &jobs,
        attributes: &attributes,
        texts: &texts,
        aligner: &Aligner::new(match config.unit {
            Unit::Sentence => &attributes.passages[..],
            Unit::Job => &[],
        }),
    };
    let mut placed = place(&placer, &labels.rows)?;
    let placed_copies = place(&placer, &labels.of_copies)?;
    let known = Known::new(
        &jobs,
        &attributes,
        &labels,
        (labels.rows.iter().zip(&placed)).chain(labels.of_copies.iter().zip(&placed_copies)),
    );

    let mut report = Report::new(config);
    (report.placed, report.alignment) = outcomes(&placed);
    report.alignment.jobs_without_sentences = without_sentences(config, &jobs, &texts);
    let candidates = placed
        .iter_mut()
        .flat_map(|placed| std::mem::take(&mut placed.candidates))
        .collect();
    let (candidates, flow) = pairs::choose(config, &jobs, &known, candidates);
    report.pairs = flow;
    report.jobs = jobs.flow.clone();
    report.labels = labels.flow.clone();

    let middle = candidates.partition_point(|pair| jobs_half(&jobs, pair.job) == Half::Train);
    let (train, dev) = candidates.split_at(middle);
    report.definitions = definitions(&attributes, train, dev);
    if report.definitions.with_train_positives == 0 {
        return Err(Error::NoPositives {
            counts: format!(
                "jobs: {}; labels: {}; placed: {}; pairs: {}",
                report.jobs, report.labels, report.placed, report.pairs
            ),
        });
    }

    let negatives = negatives::draw(config, seed, &attributes, &known, &candidates);
    report.negatives = drawn(config, &candidates, &negatives);

    let mut writer = Writer {
        config,
        seed,
        jobs: &jobs,
        attributes: &attributes,
        texts: &texts,
        draft,
        next_id: 0,
    };
    let (train_negatives, dev_negatives) = negatives.split_at(middle);
    (report.train, report.train_sample) = writer.half(Half::Train, train, train_negatives)?;
    (report.dev, report.dev_sample) = writer.half(Half::Dev, dev, dev_negatives)?;
    report.positives = writer.positives(&known)?;
    report.warnings = warnings(&jobs, &report);
    for warning in &report.warnings {
        tracing::warn!("{warning}");
    }
    draft.write_json("report.json", &report)?;
    Ok(report)
}

/// Places label rows, which are sorted by job, in their order.
fn place(placer: &Placer, rows: &[LabelRow]) -> Result<Vec<Placed>> {
    let jobs: Vec<&[LabelRow]> = rows.chunk_by(|a, b| a.job == b.job).collect();
    let placed: Vec<Vec<Placed>> = jobs
        .into_par_iter()
        .map(|rows| placer.place(rows))
        .collect::<Vec<Result<_>>>()
        .into_iter()
        // The first error in the order of rows, not the first in time.
        .collect::<Result<_>>()?;
    Ok(placed.into_iter().flatten().collect())
}

fn jobs_half(jobs: &Jobs, job: u32) -> Half {
    match jobs.fate(job) {
        Fate::Kept(half) => half,
        _ => Half::Train,
    }
}

fn outcomes(placed: &[Placed]) -> (Flow, Alignment) {
    let mut flow = Flow::of(placed.len());
    let mut alignment = Alignment::default();
    let mut scores = Vec::new();
    for placed in placed {
        alignment.quotes_not_found += u64::from(placed.quote_not_found);
        alignment.evidence_outside_sentences += u64::from(placed.evidence_outside);
        match placed.outcome {
            Outcome::Whole => flow.keep(),
            Outcome::Evidence => {
                flow.keep();
                alignment.by_evidence += 1;
            }
            Outcome::Aligned => {
                flow.keep();
                alignment.by_bm25 += 1;
                scores.extend(placed.candidates.iter().filter_map(|pair| pair.score));
            }
            Outcome::NoSentence => flow.remove("unaligned_no_sentence"),
            Outcome::BelowMinimum => flow.remove("unaligned_below_min_alignment"),
        }
    }
    scores.sort_unstable_by(f32::total_cmp);
    if let Some(last) = scores.len().checked_sub(1) {
        alignment.score_percentiles = [0, 10, 50, 90, 100]
            .map(|percent| scores[last * percent / 100])
            .to_vec();
    }
    (flow, alignment)
}

fn without_sentences(config: &Config, jobs: &Jobs, texts: &[Vec<Text>]) -> u64 {
    if config.unit == Unit::Job {
        return 0;
    }
    let kept = jobs.fates.iter().zip(texts);
    kept.filter(|(fate, texts)| matches!(fate, Fate::Kept(_)) && texts.is_empty())
        .count() as u64
}

fn definitions(attributes: &Attributes, train: &[Candidate], dev: &[Candidate]) -> Definitions {
    let positive = |pairs: &[Candidate]| -> BTreeSet<u32> {
        let positives = pairs.iter().filter(|pair| pair.positive);
        positives.map(|pair| pair.attribute).collect()
    };
    let (in_train, in_dev) = (positive(train), positive(dev));
    Definitions {
        attributes: attributes.len() as u64,
        same_passage: attributes.same_passage() as u64,
        with_train_positives: in_train.len() as u64,
        only_in_dev: in_dev.difference(&in_train).count() as u64,
    }
}

fn drawn(config: &Config, candidates: &[Candidate], negatives: &[Vec<u32>]) -> Flow {
    let positives = candidates.iter().filter(|pair| pair.positive).count();
    let mut flow = Flow::of(positives * config.negatives);
    flow.rows_out = negatives.iter().map(|list| list.len() as u64).sum();
    flow.remove_many("no_attribute_left", flow.rows_in - flow.rows_out);
    flow
}

fn warnings(jobs: &Jobs, report: &Report) -> Vec<String> {
    let mut warnings = Vec::new();
    if report.dev.positives == 0 {
        warnings.push(
            "no positive pair is in dev: nothing can be chosen on it; give jobs the split `dev`, or raise dev_share"
                .to_owned(),
        );
    }
    if jobs.groups_with_golden > 0 {
        warnings.push(format!(
            "{} groups have golden jobs and others: what is learned from the others may help on the golden ones",
            jobs.groups_with_golden
        ));
    }
    if let Some(rows) = report.labels.removed.get("conflict") {
        warnings.push(format!(
            "{rows} label rows lost against rows that say the opposite of the same pair"
        ));
    }
    if report.alignment.quotes_not_found > 0 {
        warnings.push(format!(
            "{} quotes do not stand in their job's text; those labels were aligned by BM25",
            report.alignment.quotes_not_found
        ));
    }
    if report.definitions.same_passage > 0 {
        warnings.push(format!(
            "{} attributes have the passage of another; pairs count them as one",
            report.definitions.same_passage
        ));
    }
    warnings
}

/// Turns candidates into rows.
struct Writer<'a> {
    config: &'a Config,
    seed: u64,
    jobs: &'a Jobs<'a>,
    attributes: &'a Attributes<'a>,
    texts: &'a [Vec<Text>],
    draft: &'a Draft,
    /// Of the next row, in train and dev together.
    next_id: u64,
}

impl Writer<'_> {
    /// Writes one half and its sample; returns what stands in the half, and the sample's rows.
    fn half(
        &mut self,
        half: Half,
        candidates: &[Candidate],
        negatives: &[Vec<u32>],
    ) -> Result<(Side, u64)> {
        let (folder, sample_folder, limit) = match half {
            Half::Train => ("train", "train_sample", self.config.train_sample),
            Half::Dev => ("dev", "dev_sample", self.config.dev_sample),
        };
        let rows: Vec<usize> = negatives.iter().map(|list| 1 + list.len()).collect();
        let eligible = |job: u32| match half {
            Half::Train => true,
            Half::Dev => self.jobs.dev_halves.selects(&self.jobs.jobs[job as usize]),
        };
        let sampled = sample::choose(
            self.seed,
            self.attributes,
            candidates,
            &rows,
            limit,
            eligible,
        );

        let mut side = Side {
            jobs: (0..self.jobs.jobs.len() as u32)
                .filter(|&job| self.jobs.fate(job) == Fate::Kept(half))
                .count() as u64,
            ..Side::default()
        };
        let mut texts: HashSet<&Digest> = HashSet::new();
        let mut last_job = None;
        let mut all = Parts::new(self.draft, folder, self.config.rows_per_part);
        let mut some = Parts::new(self.draft, sample_folder, self.config.rows_per_part);
        for ((candidate, negatives), sampled) in candidates.iter().zip(negatives).zip(sampled) {
            texts.insert(&candidate.digest);
            if candidate.positive && last_job.replace(candidate.job) != Some(candidate.job) {
                side.jobs_with_positives += 1;
            }
            let first = self.pair(candidate);
            let positive_id = first.pair_id;
            let drawn: Vec<Pair> = negatives
                .iter()
                .map(|&attribute| self.negative(candidate, attribute, positive_id))
                .collect();
            for pair in std::iter::once(first).chain(drawn) {
                side.count(&pair);
                if sampled {
                    some.push(pair.clone())?;
                }
                all.push(pair)?;
            }
        }
        side.texts = texts.len() as u64;
        side.pairs = all.finish()?;
        Ok((side, some.finish()?))
    }

    fn pair(&mut self, candidate: &Candidate) -> Pair {
        let job = candidate.job as usize;
        let sentence = candidate
            .sentence
            .map(|place| &self.texts[job][place as usize]);
        let pair_id = self.next_id;
        self.next_id += 1;
        Pair {
            pair_id,
            job_id: self.jobs.id(candidate.job).to_owned(),
            sentence_index: sentence.map(|text| text.index),
            start: sentence.map(|text| text.span.start as u64),
            end: sentence.map(|text| text.span.end as u64),
            attribute_id: self.attributes.id(candidate.attribute).to_owned(),
            text: sentence
                .map_or(&self.jobs.cleaned[job], |text| &text.clean)
                .clone(),
            passage: self.attributes.passages[candidate.attribute as usize].clone(),
            label: f32::from(u8::from(candidate.positive)),
            source: candidate.source,
            alignment_score: candidate.score,
            positive_id: None,
        }
    }

    fn negative(&mut self, positive: &Candidate, attribute: u32, positive_id: u64) -> Pair {
        Pair {
            attribute_id: self.attributes.id(attribute).to_owned(),
            passage: self.attributes.passages[attribute as usize].clone(),
            label: 0.0,
            source: PairSource::Random,
            alignment_score: None,
            positive_id: Some(positive_id),
            ..self.pair(positive)
        }
    }

    fn positives(&self, known: &Known) -> Result<u64> {
        let mut writer = ParquetWriter::create(&self.draft.path("positives.parquet")?)?;
        for rows in known.positives.chunks(8192) {
            let rows: Vec<Positive> = rows
                .iter()
                .map(|(job, attribute, text)| Positive {
                    job_id: self.jobs.id(*job).to_owned(),
                    text_digest: blake3::Hash::from_bytes(*text).to_hex().to_string(),
                    attribute_id: self.attributes.id(*attribute).to_owned(),
                })
                .collect();
            writer.write(&rows)?;
        }
        Ok(writer.finish()?)
    }
}

impl Side {
    fn count(&mut self, pair: &Pair) {
        let label = if pair.label > 0.0 {
            self.positives += 1;
            1
        } else {
            self.negatives += 1;
            0
        };
        let source = match pair.source {
            PairSource::Evidence => "evidence",
            PairSource::Aligned => "aligned",
            PairSource::Random => "random",
            PairSource::Hard => "hard",
            PairSource::Given => "given",
        };
        *self
            .by_source
            .entry(format!("{label} {source}"))
            .or_default() += 1;
    }
}
