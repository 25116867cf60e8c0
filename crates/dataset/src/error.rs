//! What can go wrong while pairs are made.

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
