//! A data set to the same with what a bi-encoder retrieves for its jobs: the pairs that a re-ranker has to tell apart.

use std::collections::{HashMap, HashSet};
use std::iter::Peekable;
use std::path::{Path, PathBuf};

use anyhow::ensure;
use jobmatch_artifact::{Artifact, Work};
use jobmatch_biencoder::KnownPositives;
use jobmatch_crossencoder::CANDIDATES;
use jobmatch_evaluation::{
    Found, PassageIndex, QueryEmbedder, RetrievalSettings, Unit, candidates,
};
use jobmatch_records::{Pair, PairSource, PassageTemplate, Sentence, Shards, read_shards};
use jobmatch_stage::Progress;
use serde::{Deserialize, Serialize};

use crate::derived::{copy, counts_of, finish_unit, next_part, pairs_of};
use crate::units::write_rows;

/// The settings of the stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How passages are written; absent: as the model was trained, else `{name}: {definition}`.
    pub template: Option<PassageTemplate>,
    /// Passages kept for each dev job, the best over all its sentences: as many as the re-ranker will see. Default 20.
    pub candidates: usize,
    /// Passages kept for each training job: more teach more, and a data set has a text only in one of the jobs that share it.
    /// Default 50.
    pub train_candidates: usize,
    /// Passages found for each sentence. Default 50.
    pub sentence_top_k: usize,
    /// Jobs of one unit of work, whose pairs are one file of the output. Default 4096.
    pub jobs_per_file: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            template: None,
            candidates: 20,
            train_candidates: 50,
            sentence_top_k: 50,
            jobs_per_file: 4096,
        }
    }
}

impl Config {
    /// Refuses nonsense.
    ///
    /// # Errors
    /// Names the first setting that makes no sense.
    pub fn validate(&self) -> anyhow::Result<()> {
        for (setting, value) in [
            ("candidates", self.candidates),
            ("train_candidates", self.train_candidates),
            ("sentence_top_k", self.sentence_top_k),
            ("jobs_per_file", self.jobs_per_file),
        ] {
            ensure!(value > 0, "setting `{setting}` is 0: 1 or more");
        }
        Ok(())
    }

    /// Passages of a job.
    fn of_job(&self, is_train: bool) -> usize {
        match is_train {
            true => self.train_candidates,
            false => self.candidates,
        }
    }

    fn retrieval(&self, is_train: bool) -> RetrievalSettings {
        RetrievalSettings {
            unit: Unit::Sentence,
            sentence_top_k: self.sentence_top_k,
            candidates: self.of_job(is_train),
            rerank_depth: self.of_job(is_train),
            window_words: 1,
        }
    }
}

/// What became of the candidates of training jobs, or of dev jobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Jobs searched for.
    pub jobs: u64,
    /// Passages found.
    pub candidates: u64,
    /// Those that are known to be right for their job.
    pub right: u64,
    /// Those left out because the data set holds the pair for a job of the unit, or an earlier job of it gave the pair: of training
    /// jobs alone.
    pub held: u64,
    /// Those left out because their text stands among the dev pairs: of training jobs alone.
    pub of_dev_texts: u64,
    /// Pairs written with label 1.
    pub positives: u64,
    /// Pairs written with label 0.
    pub negatives: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.jobs += other.jobs;
        self.candidates += other.candidates;
        self.right += other.right;
        self.held += other.held;
        self.of_dev_texts += other.of_dev_texts;
        self.positives += other.positives;
        self.negatives += other.negatives;
    }
}

/// The stage's `report.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Of training jobs.
    pub train: Counts,
    /// Of the dev jobs that select models.
    pub dev: Counts,
    /// How passages were written.
    pub template: String,
}

/// What the candidates come from.
#[derive(Clone, Copy)]
pub struct Retriever<'a> {
    /// The passages, embedded.
    pub passages: &'a PassageIndex,
    /// The bi-encoder.
    pub embedder: &'a dyn QueryEmbedder,
    /// What is right.
    pub known: &'a KnownPositives,
    /// The settings.
    pub config: &'a Config,
}

/// Copies the files of `dataset` to `work`, adds to `train/` what the retriever finds for training jobs, and writes to
/// `dev_candidates/` what it finds for the jobs of the dev sample. `sentences` is the output of jobmatch-segment that the data set
/// was made from. Each process does its units; the first gets the report, others get none. The bytes do not depend on the number of
/// processes, or on interruptions.
///
/// # Errors
/// A data set to which pairs were added before, pairs whose jobs come in another order than the sentences, files that cannot be
/// read, and what cannot be written.
pub fn add_candidates(
    retriever: &Retriever<'_>,
    dataset: &Artifact,
    sentences: &Path,
    work: &Work,
) -> anyhow::Result<Option<Report>> {
    let config = retriever.config;
    config.validate()?;
    let stage = &dataset.manifest().identity.stage;
    ensure!(
        stage != "candidates" && stage != "mine-negatives",
        "{}: the stage {stage} has added pairs to it; take the data set that it was made from",
        dataset.dir().display()
    );
    copy(dataset, work, |_| true)?;
    let numbers = Numbers {
        pairs: pairs_of(dataset)?,
        config,
    };
    let dev_texts = dev_texts(dataset)?;
    let progress = Progress::new("retrieving", "jobs", None);
    let mut units: Vec<(String, bool)> = Vec::new();
    for (folder, is_train) in [("train", true), ("dev_sample", false)] {
        let mut jobs = Jobs::open(&dataset.path(folder), sentences)?;
        let first_file = if is_train {
            next_part(dataset, "train")
        } else {
            0
        };
        let mut ordinal = 0;
        for number in 0.. {
            let number_of_unit = units.len() as u64;
            let unit = format!("candidates-{folder}-{number:05}");
            let mine = work.shard().takes(number_of_unit) && !work.is_finished(&unit)?;
            let batch = jobs.next(config.jobs_per_file, mine)?;
            // Without any job there is one empty file of dev, so that the folder is there.
            if batch.count == 0 && (is_train || number > 0) {
                break;
            }
            let into = if is_train { "train" } else { CANDIDATES };
            if mine {
                let path = work.path(&format!("{into}/part-{:05}.parquet", first_file + number))?;
                let first_id = numbers.first(is_train, ordinal);
                let dev_texts = is_train.then_some(&dev_texts);
                let (pairs, counts) = retriever.pairs(&batch, first_id, dev_texts)?;
                write_rows(&path, &pairs)?;
                finish_unit(work, &unit, vec![path], &counts)?;
            }
            ordinal += batch.count as u64;
            progress.add(batch.count as u64);
            units.push((unit, is_train));
        }
    }
    progress.finish();
    if !work.shard().is_first() {
        return Ok(None);
    }
    let mut report = Report {
        train: Counts::default(),
        dev: Counts::default(),
        template: retriever.passages.about().template.to_string(),
    };
    for (unit, is_train) in units {
        let counts: Counts = counts_of(work, &unit)?;
        if is_train {
            report.train += counts;
        } else {
            report.dev += counts;
        }
    }
    work.write_json("report.json", &report)?;
    Ok(Some(report))
}

/// BLAKE3 of a text.
type Digest = [u8; 32];

fn digest(text: &str) -> Digest {
    blake3::hash(text.as_bytes()).into()
}

/// The texts of dev pairs: no text stands in train and in dev.
fn dev_texts(dataset: &Artifact) -> anyhow::Result<HashSet<Digest>> {
    let mut texts = HashSet::new();
    for pair in read_shards::<Pair>(&dataset.path("dev"), "part")? {
        texts.insert(digest(&pair?.text));
    }
    Ok(texts)
}

/// The numbers of new pairs: after all those of the data set, those of training jobs first.
struct Numbers<'a> {
    pairs: u64,
    config: &'a Config,
}

impl Numbers<'_> {
    /// The number of the first pair of the job with this ordinal.
    fn first(&self, is_train: bool, ordinal: u64) -> u64 {
        // No data set has more training jobs than pairs.
        let of_train = match is_train {
            true => 0,
            false => self.pairs * self.config.of_job(true) as u64,
        };
        self.pairs + of_train + ordinal * self.config.of_job(is_train) as u64
    }
}

/// The jobs of a unit with their sentences.
#[derive(Default)]
struct Batch {
    /// How many; those of another process's unit are only counted.
    count: usize,
    ids: Vec<String>,
    sentences: Vec<Vec<Sentence>>,
    /// Of each job: its text, where the data set's pairs hold whole jobs.
    texts: Vec<Option<String>>,
    /// The pairs that the data set holds for these jobs, by text and attribute.
    held: HashSet<(Digest, String)>,
}

/// The jobs of a folder of pairs, each with its sentences: both come in the same order, and are read side by side.
struct Jobs {
    pairs: Peekable<Shards<Pair>>,
    sentences: Peekable<Shards<Sentence>>,
    folder: PathBuf,
}

impl Jobs {
    fn open(folder: &Path, sentences: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            pairs: read_shards::<Pair>(folder, "part")?.peekable(),
            sentences: read_shards::<Sentence>(sentences, "sentences")?.peekable(),
            folder: folder.to_path_buf(),
        })
    }

    /// The next jobs, at most so many, with what they hold only where that is asked for.
    fn next(&mut self, most: usize, whole: bool) -> anyhow::Result<Batch> {
        let mut batch = Batch::default();
        while batch.count < most {
            let Some(first) = self.pairs.next().transpose()? else {
                break;
            };
            let id = first.job_id.clone();
            let text = first.sentence_index.is_none().then(|| first.text.clone());
            let mut of_job = vec![first];
            while let Some(pair) = self
                .pairs
                .next_if(|pair| pair.as_ref().map_or(true, |pair| pair.job_id == id))
            {
                of_job.push(pair?);
            }
            batch.count += 1;
            let sentences = self.sentences_of(&id)?;
            if whole {
                let held = of_job.into_iter();
                let held = held.map(|pair| (digest(&pair.text), pair.attribute_id));
                batch.held.extend(held);
                batch.ids.push(id);
                batch.sentences.push(sentences);
                batch.texts.push(text);
            }
        }
        Ok(batch)
    }

    fn sentences_of(&mut self, job_id: &str) -> anyhow::Result<Vec<Sentence>> {
        let mut found = Vec::new();
        while let Some(sentence) = self.sentences.next_if(|sentence| match sentence {
            Ok(sentence) => found.is_empty() || sentence.job_id == job_id,
            Err(_) => true,
        }) {
            let sentence = sentence?;
            if sentence.job_id == job_id {
                found.push(sentence);
            }
        }
        ensure!(
            !found.is_empty(),
            "{}: job {job_id} has no sentences, or they come in another order: give the sentences that the data set was \
             made from",
            self.folder.display()
        );
        Ok(found)
    }
}

impl Retriever<'_> {
    /// The pairs of a unit. With `dev_texts` the jobs are training jobs: each text comes with an attribute once, not where the data
    /// set holds that pair for a job of the unit, and no text of dev comes.
    fn pairs(
        &self,
        batch: &Batch,
        first_id: u64,
        dev_texts: Option<&HashSet<Digest>>,
    ) -> anyhow::Result<(Vec<Pair>, Counts)> {
        let settings = self.config.retrieval(dev_texts.is_some());
        let found = candidates(
            &batch.sentences,
            self.passages,
            self.embedder,
            &settings,
            &mut |_, _, _| {},
        )?;
        let mut counts = Counts::default();
        let mut rows: Vec<Pair> = Vec::new();
        let mut row_of: HashMap<(Digest, String), usize> = HashMap::new();
        for (job, list) in found.iter().enumerate() {
            counts.jobs += 1;
            let first_id = first_id + (job * settings.candidates) as u64;
            for (pair_id, found) in (first_id..).zip(list) {
                let (pair, digest) = self.pair(batch, job, found, pair_id);
                counts.candidates += 1;
                counts.right += u64::from(pair.label > 0.5);
                if let Some(dev_texts) = dev_texts {
                    let key = (digest, pair.attribute_id.clone());
                    if dev_texts.contains(&digest) {
                        counts.of_dev_texts += 1;
                        continue;
                    }
                    if batch.held.contains(&key) {
                        counts.held += 1;
                        continue;
                    }
                    if let Some(&row) = row_of.get(&key) {
                        // Right in one job, it is right in all.
                        if pair.label > rows[row].label {
                            let pair_id = rows[row].pair_id;
                            rows[row] = Pair { pair_id, ..pair };
                        }
                        counts.held += 1;
                        continue;
                    }
                    row_of.insert(key, rows.len());
                }
                rows.push(pair);
            }
        }
        let right = rows.iter().filter(|pair| pair.label > 0.5).count() as u64;
        (counts.positives, counts.negatives) = (right, rows.len() as u64 - right);
        Ok((rows, counts))
    }

    fn pair(&self, batch: &Batch, job: usize, found: &Found, pair_id: u64) -> (Pair, Digest) {
        let attribute = &self.passages.attributes()[found.row as usize];
        let sentence = &batch.sentences[job][found.sentence];
        let whole = batch.texts[job].as_ref();
        let text = whole.unwrap_or(&sentence.clean).clone();
        let job_id = &batch.ids[job];
        let digest = digest(&text);
        let hex = blake3::Hash::from(digest).to_hex();
        let is_right = self.known.contains(job_id, &hex, &attribute.attribute_id);
        let of_sentence = |value| whole.is_none().then_some(value);
        let pair = Pair {
            pair_id,
            job_id: job_id.clone(),
            sentence_index: whole.is_none().then_some(sentence.index),
            start: of_sentence(sentence.start),
            end: of_sentence(sentence.end),
            attribute_id: attribute.attribute_id.clone(),
            text,
            passage: attribute.passage.clone(),
            label: f32::from(u8::from(is_right)),
            source: if is_right {
                PairSource::Aligned
            } else {
                PairSource::Hard
            },
            alignment_score: Some(found.score),
            positive_id: None,
        };
        (pair, digest)
    }
}
