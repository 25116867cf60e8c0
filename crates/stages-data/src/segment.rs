//! A file of jobs to files of sentences, a batch at a time.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use jobmatch_artifact::Draft;
use jobmatch_records::{
    Columns, Error, Job, JobReader, Kind, OnBadRow, ParquetWriter, ReadOptions, Sentence,
};
use jobmatch_segment::{Segmenter, clean};
use jobmatch_stage::Progress;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Jobs whose text is in memory at once, unless [`BATCH_BYTES`] is reached before.
const BATCH_JOBS: usize = 1024;
/// Bytes of text after which a batch is full.
const BATCH_BYTES: usize = 4 << 20;

/// The settings of the segment stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which of the file's columns holds which of ours, such as `text = "body"`.
    pub columns: Columns,
    /// Whether a bad row ends the run (`stop`) or goes to `rejected.jsonl` (`skip`).
    pub on_bad_row: OnBadRow,
    /// Jobs in one `sentences-*.parquet`.
    pub jobs_per_file: usize,
    /// More abbreviations, whose stop never ends a sentence.
    pub abbreviations: Vec<String>,
    /// Whether the classifier is left out.
    pub rules_only: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            columns: Columns::default(),
            on_bad_row: OnBadRow::Stop,
            jobs_per_file: 50_000,
            abbreviations: Vec::new(),
            rules_only: false,
        }
    }
}

impl Config {
    /// The segmenter that these settings ask for.
    pub fn segmenter(&self) -> Segmenter {
        let segmenter =
            Segmenter::english().with_abbreviations(self.abbreviations.iter().map(String::as_str));
        if self.rules_only {
            segmenter.rules_only()
        } else {
            segmenter
        }
    }
}

/// Counts of what was segmented: the stage's `report.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Jobs read.
    pub jobs: u64,
    /// Jobs in which there is no sentence at all.
    pub jobs_without_sentences: u64,
    /// Bytes of the jobs' texts.
    pub text_bytes: u64,
    /// Sentences of every kind.
    pub sentences: u64,
    /// Sentences that are headings.
    pub headings: u64,
    /// Sentences that are items of a list.
    pub bullets: u64,
    /// All other sentences.
    pub prose: u64,
    /// Rows that were set aside.
    pub rejected_rows: u64,
    /// Files of sentences.
    pub files: u64,
}

/// Segments the jobs of `input` into `sentences-*.parquet` of the draft; memory is bounded by the
/// batch, not by the file. Any number of threads gives the same bytes.
///
/// # Errors
/// A bad row, unless it is to be skipped; a `job_id` that stands twice; a file without jobs; a file
/// that cannot be written.
pub fn segment(
    segmenter: &Segmenter,
    input: &Path,
    config: &Config,
    draft: &Draft,
) -> anyhow::Result<Report> {
    anyhow::ensure!(
        config.jobs_per_file > 0,
        "setting `jobs_per_file`: a file must hold at least 1 job"
    );
    let mut jobs = Jobs::open(input, config)?;
    let mut output = Output::new(draft, config.jobs_per_file);
    let mut report = Report::default();
    let progress = Progress::new("segmenting", "jobs", None);
    loop {
        let batch = jobs.batch()?;
        if batch.is_empty() {
            break;
        }
        let sentences: Vec<Vec<Sentence>> = batch
            .par_iter()
            .map(|job| sentences(segmenter, job))
            .collect();
        for (job, sentences) in batch.iter().zip(&sentences) {
            report.count(job, sentences);
        }
        progress.add(batch.len() as u64);
        output.write(sentences)?;
    }
    progress.finish();
    if report.jobs == 0 {
        return Err(Error::Empty {
            path: input.to_owned(),
        }
        .into());
    }
    report.files = output.finish()?;
    report.rejected_rows = jobs.write_rejected(draft)?;
    Ok(report)
}

/// The sentences of one job, in the order of its text.
fn sentences(segmenter: &Segmenter, job: &Job) -> Vec<Sentence> {
    let found = segmenter.sentences(&job.text);
    (0..)
        .zip(found)
        .map(|(index, sentence)| {
            let text = &job.text[sentence.start..sentence.end];
            Sentence {
                job_id: job.job_id.clone(),
                index,
                start: sentence.start as u64,
                end: sentence.end as u64,
                text: text.to_owned(),
                clean: clean(text).text,
                kind: kind(sentence.kind),
            }
        })
        .collect()
}

/// The segmenter's kind as the records know it.
pub(crate) fn kind(kind: jobmatch_segment::Kind) -> Kind {
    match kind {
        jobmatch_segment::Kind::Heading => Kind::Heading,
        jobmatch_segment::Kind::Bullet => Kind::Bullet,
        jobmatch_segment::Kind::Prose => Kind::Prose,
    }
}

impl Report {
    fn count(&mut self, job: &Job, sentences: &[Sentence]) {
        self.jobs += 1;
        self.jobs_without_sentences += u64::from(sentences.is_empty());
        self.text_bytes += job.text.len() as u64;
        self.sentences += sentences.len() as u64;
        for sentence in sentences {
            match sentence.kind {
                Kind::Heading => self.headings += 1,
                Kind::Bullet => self.bullets += 1,
                Kind::Prose => self.prose += 1,
            }
        }
    }
}

/// The jobs of a file in batches; no `job_id` twice.
struct Jobs {
    path: PathBuf,
    reader: JobReader,
    on_bad_row: OnBadRow,
    /// Hashes of the ids seen and the row of each: the ids of ten million jobs would be too much.
    seen: HashMap<u128, u64>,
    repeated: Vec<Rejected>,
}

/// A row set aside, as it stands in `rejected.jsonl`.
#[derive(Debug, Serialize)]
struct Rejected {
    number: u64,
    reason: String,
}

impl Jobs {
    fn open(path: &Path, config: &Config) -> anyhow::Result<Self> {
        let options = ReadOptions {
            columns: config.columns.clone(),
            on_bad_row: config.on_bad_row,
        };
        Ok(Jobs {
            path: path.to_owned(),
            reader: JobReader::open(path, &options)?,
            on_bad_row: config.on_bad_row,
            seen: HashMap::new(),
            repeated: Vec::new(),
        })
    }

    /// The next jobs; none at the end.
    fn batch(&mut self) -> anyhow::Result<Vec<Job>> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < BATCH_JOBS && bytes < BATCH_BYTES {
            let Some(job) = self.reader.next() else { break };
            let job = job?;
            if self.is_new(&job.job_id)? {
                bytes += job.text.len();
                batch.push(job);
            }
        }
        Ok(batch)
    }

    fn is_new(&mut self, job_id: &str) -> Result<bool, Error> {
        let number = self.reader.number();
        let mut hash = [0; 16];
        hash.copy_from_slice(&blake3::hash(job_id.as_bytes()).as_bytes()[..16]);
        let first = *self.seen.entry(u128::from_le_bytes(hash)).or_insert(number);
        if first == number {
            return Ok(true);
        }
        let place = place(&self.path);
        let reason =
            format!("job_id `{job_id}` stands on {place} {first} already; ids must differ");
        match self.on_bad_row {
            OnBadRow::Stop => Err(Error::BadRow {
                path: self.path.clone(),
                place,
                number,
                reason,
            }),
            OnBadRow::Skip => {
                self.repeated.push(Rejected { number, reason });
                Ok(false)
            }
        }
    }

    /// Writes `rejected.jsonl` if rows are to be set aside; how many were.
    fn write_rejected(self, draft: &Draft) -> anyhow::Result<u64> {
        if self.on_bad_row == OnBadRow::Stop {
            return Ok(0);
        }
        let bad = self.reader.rejected().iter().map(|row| Rejected {
            number: row.number,
            reason: row.reason.clone(),
        });
        let mut rejected: Vec<Rejected> = bad.chain(self.repeated).collect();
        rejected.sort_by_key(|row| row.number);
        draft.write_json_lines("rejected.jsonl", &rejected)?;
        Ok(rejected.len() as u64)
    }
}

/// What a row's number counts in this file.
fn place(path: &Path) -> &'static str {
    if path
        .extension()
        .is_some_and(|extension| extension == "parquet")
    {
        "row"
    } else {
        "line"
    }
}

/// `sentences-00000.parquet` and on, with so many jobs in each.
struct Output<'a> {
    draft: &'a Draft,
    jobs_per_file: usize,
    writer: Option<ParquetWriter<Sentence>>,
    jobs: usize,
    files: u64,
}

impl<'a> Output<'a> {
    fn new(draft: &'a Draft, jobs_per_file: usize) -> Self {
        Output {
            draft,
            jobs_per_file,
            writer: None,
            jobs: 0,
            files: 0,
        }
    }

    /// Appends the sentences of some jobs, in order.
    fn write(&mut self, mut jobs: Vec<Vec<Sentence>>) -> anyhow::Result<()> {
        while !jobs.is_empty() {
            let room = self.jobs_per_file - self.jobs;
            let rest = jobs.split_off(room.min(jobs.len()));
            self.jobs += jobs.len();
            let rows: Vec<Sentence> = jobs.into_iter().flatten().collect();
            self.writer()?.write(&rows)?;
            if self.jobs == self.jobs_per_file {
                self.close()?;
            }
            jobs = rest;
        }
        Ok(())
    }

    fn writer(&mut self) -> anyhow::Result<&mut ParquetWriter<Sentence>> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => {
                let name = format!("sentences-{:05}.parquet", self.files);
                self.files += 1;
                ParquetWriter::create(&self.draft.path(&name)?)?
            }
        };
        Ok(self.writer.insert(writer))
    }

    fn close(&mut self) -> anyhow::Result<()> {
        self.jobs = 0;
        if let Some(writer) = self.writer.take() {
            writer.finish()?;
        }
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<u64> {
        self.close()?;
        Ok(self.files)
    }
}
