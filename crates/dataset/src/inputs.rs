//! The rows that pairs are made from, in memory or in files.

use std::path::PathBuf;

use jobmatch_artifact::Artifact;
use jobmatch_records::{
    Columns, Definition, Error as RecordsError, Job, JobReader, Label, LabelReader, OnBadRow,
    ReadOptions, Rejected, Sentence,
};
use jobmatch_records::{read_definitions, read_shards};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The start of the name of the label file whose jobs are golden.
const GOLDEN_LABELS: &str = "golden_labels.";

/// Rows that are read several times, each time in the same order.
pub trait Source: Sync {
    /// All attributes.
    fn definitions(&self) -> &[Definition];

    /// All jobs. Those with the split `golden`, and those that a label of a file named `golden_labels.*` names, enter no
    /// pair.
    ///
    /// # Errors
    /// When they cannot be read from the start.
    fn jobs(&self) -> Result<Box<dyn Rows<Job> + '_>>;

    /// The labels of all files.
    ///
    /// # Errors
    /// When they cannot be read from the start.
    fn labels(&self) -> Result<Box<dyn Rows<Label> + '_>>;

    /// Those of the labels that stand in files named `golden_labels.*`.
    ///
    /// # Errors
    /// When they cannot be read from the start.
    fn golden_labels(&self) -> Result<Box<dyn Rows<Label> + '_>>;

    /// The jobs' sentences, if they have been found already, in the order of the jobs; else they are found here.
    ///
    /// # Errors
    /// When they cannot be read from the start.
    fn sentences(&self) -> Result<Option<Sentences<'_>>>;

    /// Attributes that a model takes for right and that are not, in the form of labels (only job and attribute count); of
    /// a job the worst first. They are negatives where no label says that they are right.
    ///
    /// # Errors
    /// When they cannot be read from the start.
    fn hard_negatives(&self) -> Result<Option<Box<dyn Rows<Label> + '_>>>;

    /// What happens to a bad row, and to a label for a job or an attribute that is not there.
    fn on_bad_row(&self) -> OnBadRow;

    /// The error of a job id that stands in row `number` and stood in row `first` before.
    fn repeated_id(&self, job_id: &str, number: u64, first: u64) -> Error;
}

/// Sentences as they are asked for.
pub type Sentences<'a> = Box<dyn Iterator<Item = Result<Sentence>> + 'a>;

/// Rows as they are asked for.
pub trait Rows<T>: Iterator<Item = Result<T>> {
    /// The line (of a text file) or row (from 1) that was read last.
    fn number(&self) -> u64;

    /// The rows that were set aside so far.
    fn rejected(&self) -> Vec<Rejected>;
}

/// Rows in memory.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The jobs.
    pub jobs: Vec<Job>,
    /// The attributes.
    pub definitions: Vec<Definition>,
    /// The labels.
    pub labels: Vec<Label>,
    /// The jobs' sentences, if there are any, in the order of the jobs.
    pub sentences: Option<Vec<Sentence>>,
    /// Attributes to be drawn as negatives first.
    pub hard_negatives: Vec<Label>,
}

impl Source for Inputs {
    fn definitions(&self) -> &[Definition] {
        &self.definitions
    }

    fn jobs(&self) -> Result<Box<dyn Rows<Job> + '_>> {
        Ok(Box::new(InMemory::of(&self.jobs)))
    }

    fn labels(&self) -> Result<Box<dyn Rows<Label> + '_>> {
        Ok(Box::new(InMemory::of(&self.labels)))
    }

    fn golden_labels(&self) -> Result<Box<dyn Rows<Label> + '_>> {
        let golden = |label: &&Label| is_golden_source(&label.source);
        let rows: Vec<Label> = self.labels.iter().filter(golden).cloned().collect();
        Ok(Box::new(InMemory::owning(rows)))
    }

    fn sentences(&self) -> Result<Option<Sentences<'_>>> {
        let rows = self.sentences.as_ref();
        Ok(rows.map(|rows| -> Sentences<'_> { Box::new(rows.iter().cloned().map(Ok)) }))
    }

    fn hard_negatives(&self) -> Result<Option<Box<dyn Rows<Label> + '_>>> {
        Ok(match self.hard_negatives.is_empty() {
            true => None,
            false => Some(Box::new(InMemory::of(&self.hard_negatives))),
        })
    }

    fn on_bad_row(&self) -> OnBadRow {
        OnBadRow::Stop
    }

    fn repeated_id(&self, job_id: &str, _number: u64, _first: u64) -> Error {
        Error::DuplicateId {
            what: "job_id",
            id: job_id.to_owned(),
        }
    }
}

struct InMemory<I> {
    rows: I,
    number: u64,
}

impl<'a, T: Clone> InMemory<std::iter::Cloned<std::slice::Iter<'a, T>>> {
    fn of(rows: &'a [T]) -> Self {
        Self {
            rows: rows.iter().cloned(),
            number: 0,
        }
    }
}

impl<T> InMemory<std::vec::IntoIter<T>> {
    fn owning(rows: Vec<T>) -> Self {
        Self {
            rows: rows.into_iter(),
            number: 0,
        }
    }
}

impl<I: Iterator> Iterator for InMemory<I> {
    type Item = Result<I::Item>;

    fn next(&mut self) -> Option<Self::Item> {
        self.number += 1;
        self.rows.next().map(Ok)
    }
}

impl<I: Iterator> Rows<I::Item> for InMemory<I> {
    fn number(&self) -> u64 {
        self.number
    }

    fn rejected(&self) -> Vec<Rejected> {
        Vec::new()
    }
}

/// How files of other people's making are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reading {
    /// What happens to a job or a label that cannot be read, and to a label for a job or an
    /// attribute that is not there. A bad definition always stops. Default: `stop`.
    pub on_bad_row: OnBadRow,
    /// Which column of the jobs file holds which of ours.
    pub job_columns: Columns,
    /// Which column of the definitions file holds which of ours.
    pub definition_columns: Columns,
    /// Which column of the label files holds which of ours.
    pub label_columns: Columns,
}

/// Rows in files. Only the definitions are held in memory.
#[derive(Debug, Clone)]
pub struct Files {
    jobs: PathBuf,
    labels: Vec<PathBuf>,
    definitions: Vec<Definition>,
    sentences: Option<PathBuf>,
    hard_negatives: Option<PathBuf>,
    reading: Reading,
}

impl Files {
    /// Takes the paths, and reads the definitions.
    ///
    /// # Errors
    /// When the definitions cannot be read.
    pub fn new(
        jobs: PathBuf,
        definitions: &std::path::Path,
        labels: Vec<PathBuf>,
        sentences: Option<&Artifact>,
        reading: Reading,
    ) -> Result<Self> {
        let options = ReadOptions {
            columns: reading.definition_columns.clone(),
            on_bad_row: OnBadRow::Stop,
        };
        Ok(Self {
            definitions: read_definitions(definitions, &options)?,
            jobs,
            labels,
            sentences: sentences.map(|artifact| artifact.dir().to_path_buf()),
            hard_negatives: None,
            reading,
        })
    }

    /// With a file of hard negatives: `job_id`, `attribute_id`, of a job the worst first.
    #[must_use]
    pub fn with_hard_negatives(mut self, path: Option<PathBuf>) -> Self {
        self.hard_negatives = path;
        self
    }

    fn label_files<'a>(&'a self, paths: Vec<&'a PathBuf>) -> LabelFiles<'a> {
        LabelFiles {
            paths: paths.into_iter(),
            options: self.options(&self.reading.label_columns),
            current: None,
            number: 0,
            rejected: Vec::new(),
        }
    }

    fn options(&self, columns: &Columns) -> ReadOptions {
        ReadOptions {
            columns: columns.clone(),
            on_bad_row: self.reading.on_bad_row,
        }
    }
}

impl Source for Files {
    fn definitions(&self) -> &[Definition] {
        &self.definitions
    }

    fn jobs(&self) -> Result<Box<dyn Rows<Job> + '_>> {
        let options = self.options(&self.reading.job_columns);
        Ok(Box::new(JobFile {
            path: &self.jobs,
            reader: JobReader::open(&self.jobs, &options)?,
            read: 0,
        }))
    }

    fn labels(&self) -> Result<Box<dyn Rows<Label> + '_>> {
        Ok(Box::new(self.label_files(self.labels.iter().collect())))
    }

    fn golden_labels(&self) -> Result<Box<dyn Rows<Label> + '_>> {
        let name = |path: &&PathBuf| {
            path.file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        };
        let golden = self
            .labels
            .iter()
            .filter(|path| is_golden_source(&name(path)));
        Ok(Box::new(self.label_files(golden.collect())))
    }

    fn sentences(&self) -> Result<Option<Sentences<'_>>> {
        let Some(folder) = &self.sentences else {
            return Ok(None);
        };
        let rows = read_shards(folder, "sentences")?.map(|row| row.map_err(Error::from));
        Ok(Some(Box::new(rows)))
    }

    fn hard_negatives(&self) -> Result<Option<Box<dyn Rows<Label> + '_>>> {
        let path = self.hard_negatives.as_ref();
        Ok(
            path.map(|path| -> Box<dyn Rows<Label> + '_> {
                Box::new(self.label_files(vec![path]))
            }),
        )
    }

    fn on_bad_row(&self) -> OnBadRow {
        self.reading.on_bad_row
    }

    fn repeated_id(&self, job_id: &str, number: u64, first: u64) -> Error {
        let place = place(&self.jobs);
        RecordsError::BadRow {
            path: self.jobs.clone(),
            place,
            number,
            reason: repeated(job_id, place, first),
        }
        .into()
    }
}

/// What is wrong with a job whose id stood before.
pub(crate) fn repeated(job_id: &str, place: &str, first: u64) -> String {
    format!("job_id `{job_id}` stands on {place} {first} already; ids must differ")
}

/// What a row's number counts in a file.
fn place(path: &std::path::Path) -> &'static str {
    match path.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("parquet") => "row",
        _ => "line",
    }
}

struct JobFile<'a> {
    path: &'a PathBuf,
    reader: JobReader,
    read: usize,
}

impl Iterator for JobFile<'_> {
    type Item = Result<Job>;

    fn next(&mut self) -> Option<Result<Job>> {
        match self.reader.next() {
            None => empty(self.path, &mut self.read, self.reader.rejected()).map(Err),
            Some(row) => {
                self.read += 1;
                Some(row.map_err(Error::from))
            }
        }
    }
}

impl Rows<Job> for JobFile<'_> {
    fn number(&self) -> u64 {
        self.reader.number()
    }

    fn rejected(&self) -> Vec<Rejected> {
        self.reader.rejected().to_vec()
    }
}

/// The error of a file that had no good row; said once.
fn empty(path: &std::path::Path, read: &mut usize, rejected: &[Rejected]) -> Option<Error> {
    if std::mem::replace(read, 1) > 0 {
        return None;
    }
    let path = path.to_path_buf();
    let error = match rejected.first() {
        None => RecordsError::Empty { path },
        Some(first) => RecordsError::NoGoodRow {
            path,
            rejected: rejected.len(),
            reason: first.reason.clone(),
        },
    };
    Some(error.into())
}

struct LabelFiles<'a> {
    paths: std::vec::IntoIter<&'a PathBuf>,
    options: ReadOptions,
    /// The file that is being read, and its good rows so far.
    current: Option<(&'a PathBuf, LabelReader, usize)>,
    number: u64,
    rejected: Vec<Rejected>,
}

impl Iterator for LabelFiles<'_> {
    type Item = Result<Label>;

    fn next(&mut self) -> Option<Result<Label>> {
        loop {
            if let Some((path, reader, read)) = &mut self.current {
                if let Some(row) = reader.next() {
                    self.number = reader.number();
                    *read += 1;
                    return Some(row.map_err(Error::from));
                }
                let error = empty(path, read, reader.rejected());
                self.rejected.extend_from_slice(reader.rejected());
                self.current = None;
                if error.is_some() {
                    return error.map(Err);
                }
            }
            let path = self.paths.next()?;
            match LabelReader::open(path, &self.options) {
                Ok(reader) => self.current = Some((path, reader, 0)),
                Err(error) => return Some(Err(error.into())),
            }
        }
    }
}

impl Rows<Label> for LabelFiles<'_> {
    fn number(&self) -> u64 {
        self.number
    }

    fn rejected(&self) -> Vec<Rejected> {
        self.rejected.clone()
    }
}

/// Whether this is the file of golden labels.
pub(crate) fn is_golden_source(source: &str) -> bool {
    source.starts_with(GOLDEN_LABELS)
}
