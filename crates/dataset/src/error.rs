//! What can go wrong while pairs are made.

use std::path::{Path, PathBuf};

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, with what a person needs to mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting has a value that makes no sense.
    #[error("setting {setting} is {value}; it must be {expected}")]
    Setting {
        /// The field of [`Config`](crate::Config).
        setting: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// Two jobs, or two definitions, carry one id.
    #[error("{what} `{id}` stands more than once; ids must be unique")]
    DuplicateId {
        /// `job_id` or `attribute_id`.
        what: &'static str,
        /// The id.
        id: String,
    },
    /// A label names a job or an attribute that is not there.
    #[error(
        "{file}, line {line}: {column} `{id}` is not in the {missing_from}; add it there, or remove the label"
    )]
    UnknownLabel {
        /// The file of the label.
        file: String,
        /// Its line there.
        line: u64,
        /// `job_id` or `attribute_id`.
        column: &'static str,
        /// The id.
        id: String,
        /// `jobs` or `definitions`.
        missing_from: &'static str,
    },
    /// The template makes an empty passage of a definition.
    #[error(
        "attribute `{attribute_id}`: the template `{template}` makes an empty passage; \
         fill in the definition, or choose another template"
    )]
    EmptyPassage {
        /// The attribute.
        attribute_id: String,
        /// The template.
        template: String,
    },
    /// Jobs of one group are in train and in dev.
    #[error(
        "group `{group_id}` is in train (job `{train_job}`) and in dev (job `{dev_job}`); \
         give it one split, or set split_by to `column` (groups are ignored) or to `group` (the split column is ignored)"
    )]
    GroupOnBothSides {
        /// The group.
        group_id: String,
        /// A job of it in train.
        train_job: String,
        /// A job of it in dev.
        dev_job: String,
    },
    /// `split_by` is `column`, and a job has no split.
    #[error("job `{job_id}` has no split; fill in the column, or set split_by to `auto`")]
    NoSplit {
        /// The job.
        job_id: String,
    },
    /// A span of evidence does not lie in the job's text.
    #[error(
        "{file}, line {line}: the evidence of job `{job_id}` and attribute `{attribute_id}` is bytes {start} to {end}, {problem}; \
         start and end are byte offsets in the job's text of {length} bytes, end not included"
    )]
    BadSpan {
        /// The file of the label.
        file: String,
        /// Its line there.
        line: u64,
        /// The label's job.
        job_id: String,
        /// The label's attribute.
        attribute_id: String,
        /// First byte.
        start: u64,
        /// The byte after the last.
        end: u64,
        /// What is wrong with it.
        problem: &'static str,
        /// Bytes of the job's text.
        length: usize,
    },
    /// The sentences were made from other jobs.
    #[error(
        "the sentences do not belong to these jobs: sentence {index} of job `{job_id}` {problem}; \
         segment this jobs file again"
    )]
    ForeignSentence {
        /// The sentence's job.
        job_id: String,
        /// The sentence's number in its job.
        index: u32,
        /// What does not fit.
        problem: &'static str,
    },
    /// Near copies chain so many jobs together that they cannot be split.
    #[error(
        "{jobs} of {of} jobs are near copies of one another (one of them is `{job_id}`), more than max_cluster_share ({limit}): \
         they would all go to one side of the split; give jobs a group_id or a split, raise near_copy so that \
         boilerplate does not chain them, or raise max_cluster_share"
    )]
    LargeCluster {
        /// A job of it.
        job_id: String,
        /// Jobs that are split as one.
        jobs: usize,
        /// Jobs in all.
        of: usize,
        /// The share that is allowed.
        limit: f64,
    },
    /// Golden jobs are near copies of jobs that would be learned from.
    #[error(
        "{count} golden jobs are near copies of jobs to be learned from, so what is measured on them would say little; \
         remove either, or allow it (--allow-leak):\n{list}"
    )]
    GoldenLeak {
        /// How many.
        count: usize,
        /// One on each line, with the job that it is most like.
        list: String,
    },
    /// There are more rows than can be numbered.
    #[error("there are too many {what}: 4294967295 are the most; make several data sets")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
    },
    /// A file of the work in progress could not be read or written.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A file of the work in progress makes no sense.
    #[error(
        "{path} makes no sense: {problem}; remove the work folder that holds it, and run again"
    )]
    Scratch {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Another thread of the same run failed, whose error says more.
    #[error("the run was interrupted")]
    Interrupted,
    /// Not one positive pair is left.
    #[error("no positive pair is left for training: {counts}")]
    NoPositives {
        /// Where the labels went.
        counts: String,
    },
    /// A file could not be read or written.
    #[error(transparent)]
    Records(#[from] jobmatch_records::Error),
    /// The output folder could not be written, or an input folder is damaged.
    #[error(transparent)]
    Artifact(#[from] jobmatch_artifact::Error),
}

impl Error {
    pub(crate) fn io(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    pub(crate) fn scratch(path: &Path, problem: impl std::fmt::Display) -> Self {
        Self::Scratch {
            path: path.to_path_buf(),
            problem: problem.to_string(),
        }
    }

    /// Whether the inputs or the settings are refused, so that the same run would end the same way; else something
    /// around it failed: a disk was full, a process was late.
    pub fn is_refusal(&self) -> bool {
        use jobmatch_records::Error as Records;
        match self {
            Self::Io { .. } | Self::Scratch { .. } | Self::Artifact(_) | Self::Interrupted => false,
            Self::Records(error) => !matches!(error, Records::Io { .. } | Records::Write { .. }),
            _ => true,
        }
    }
}
