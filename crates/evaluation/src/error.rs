//! What can go wrong, with the facts to put it right.

use std::path::PathBuf;

use jobmatch_records::{Label, Split};

use crate::models::ModelError;

/// This crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// Why nothing was evaluated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting makes no sense.
    #[error("{setting} is {value}, expected {expected}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// A split without jobs.
    #[error(
        "none of the {jobs} jobs is of split {name}: nothing to evaluate; check the column `split` of the jobs", name = split.name())]
    NoJobs {
        /// The split asked for.
        split: Split,
        /// Jobs given, of all splits.
        jobs: usize,
    },
    /// A decision to be chosen on jobs that may all have been trained on.
    #[error(
        "none of the {jobs} jobs names its split: those that choose the decision must not be those that models learnt from; fill in the column `split` (train, dev, golden)"
    )]
    NoSplits {
        /// Jobs given.
        jobs: usize,
    },
    /// Jobs that nobody labelled.
    #[error(
        "none of the {jobs} jobs of split {name} has a positive label: nothing to measure; \
         give the file with the labels of that split", name = split.name())]
    NoPositives {
        /// The split asked for.
        split: Split,
        /// Its jobs.
        jobs: usize,
    },
    /// Golden jobs that the models learned from, nearly.
    #[error(
        "{count} of the {of} golden jobs are near copies of jobs that the models learned from, so they prove nothing: \
         remove them from the golden jobs, or from the training data and train again; --allow-leak measures all the same\n{list}"
    )]
    Leaks {
        /// How many.
        count: usize,
        /// Of how many.
        of: usize,
        /// Some of them, one a line.
        list: String,
    },
    /// A recall that no threshold promises.
    #[error(
        "no threshold promises a recall of {recall} at a confidence of {confidence}: with all candidates decided yes, dev's {groups} \
         groups reach {observed:.3}, which promises {bound:.3}; ask for less, keep more candidates (--candidates), or give more dev jobs"
    )]
    OutOfReach {
        /// The recall asked for.
        recall: f64,
        /// The confidence asked for.
        confidence: f64,
        /// What can be promised.
        bound: f64,
        /// The mean recall over groups with all candidates.
        observed: f64,
        /// How many groups.
        groups: usize,
    },
    /// An evaluation's folder of another version.
    #[error(
        "{} has schema version {found}, this program reads {expected}: evaluate again",
        path.display()
    )]
    OldEvaluation {
        /// Its numbers.
        path: PathBuf,
        /// The version there.
        found: String,
        /// The version that is read.
        expected: u32,
    },
    /// Two evaluations of other jobs.
    #[error(
        "the first evaluation has {a} jobs, the second {b}, and {common} are in both: evaluate the same jobs, or compare those in \
         both with --common"
    )]
    OtherJobs {
        /// Jobs of the first.
        a: usize,
        /// Jobs of the second.
        b: usize,
        /// Jobs of both.
        common: usize,
    },
    /// Two evaluations with other labels.
    #[error(
        "the two evaluations do not know the same to be right for job `{job}`: evaluate both with the same labels"
    )]
    OtherLabels {
        /// The first such job.
        job: String,
    },
    /// A job id given twice.
    #[error("job `{job}` is given twice: keep one of the two")]
    DuplicateJob {
        /// The id.
        job: String,
    },
    /// An attribute id given twice.
    #[error("attribute `{attribute}` is defined twice: keep one of the two")]
    DuplicateAttribute {
        /// The id.
        attribute: String,
    },
    /// A label for an attribute without a definition.
    #[error(
        "{label}: the attribute has no definition in the index; \
         add its definition and build the index again, or remove the label"
    )]
    UnknownAttribute {
        /// The label.
        label: LabelPlace,
    },
    /// A label for a job that was not given.
    #[error("{label}: the job is not among the jobs; add it or remove the label")]
    UnknownJob {
        /// The label.
        label: LabelPlace,
    },
    /// A pair labelled both ways.
    #[error("{label}: the pair is labelled both 1 and 0; keep one of the two")]
    ConflictingLabels {
        /// The label that came second.
        label: LabelPlace,
    },
    /// A grade that is no relevance grade.
    #[error(
        "{label}: the grade is {grade}; a positive label's grade is a whole number from 1 to 1000"
    )]
    Grade {
        /// The label.
        label: LabelPlace,
        /// The grade.
        grade: f32,
    },
    /// A sentence outside its job's text.
    #[error(
        "sentence {index} of job `{job}` is bytes {start} to {end} of a text of {length} bytes: \
         the sentences were cut from another version of the jobs; segment them again"
    )]
    Sentence {
        /// The job's id.
        job: String,
        /// The sentence's number.
        index: u32,
        /// Its first byte.
        start: u64,
        /// The byte after its last.
        end: u64,
        /// Bytes in the text.
        length: usize,
    },
    /// Nothing to index.
    #[error("there are no definitions: nothing can be retrieved")]
    NoDefinitions,
    /// A definition whose passage is empty.
    #[error(
        "attribute `{attribute}` has an empty passage under template `{template}`: give it a name"
    )]
    EmptyPassage {
        /// The attribute's id.
        attribute: String,
        /// The template.
        template: String,
    },
    /// A model that failed.
    #[error("the model failed while {doing}")]
    Model {
        /// `embedding passages`, `embedding queries`, `scoring pairs`.
        doing: &'static str,
        /// Its own error.
        #[source]
        source: ModelError,
    },
    /// A model that returned another number of values than asked for.
    #[error("the model returned {found} values while {doing}, expected {expected}")]
    ModelShape {
        /// `embedding passages`, `embedding queries`, `scoring pairs`.
        doing: &'static str,
        /// Values returned.
        found: usize,
        /// Values expected.
        expected: usize,
    },
    /// A model that returned NaN or infinity.
    #[error("the model gave {value} for \"{text}\": it is damaged, or its training diverged")]
    ModelValue {
        /// The value.
        value: f32,
        /// The text it was given for.
        text: String,
    },
    /// Embeddings that are not of length 1.
    #[error(
        "the embedding of \"{text}\" has length {length}, expected 1: scores would not be cosines"
    )]
    NotNormalized {
        /// The text.
        text: String,
        /// The length.
        length: f32,
    },
    /// An index made by another model.
    #[error(
        "the index was made by the model {of_index}, and this is the model {of_model}: \
         build the index again with this model"
    )]
    ForeignIndex {
        /// The index's model.
        of_index: String,
        /// The model given.
        of_model: String,
    },
    /// An index over other passages.
    #[error("the index does not hold these definitions: {difference}; build the index again")]
    StaleIndex {
        /// The first difference.
        difference: String,
    },
    /// A folder that is no index.
    #[error("{} is no index: {why}; build the index again", path.display())]
    BadIndex {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A decision on golden.
    #[error(
        "a decision is chosen on dev, never on {name}: evaluate dev with `choose`, then {name} with its decision", name = split.name())]
    ChooseOn {
        /// The split.
        split: Split,
    },
    /// A decision that does not fit the models.
    #[error("the decision does not fit: {why}; choose one on dev with these models")]
    ForeignDecision {
        /// What differs.
        why: String,
    },
    /// A decision file that cannot be used.
    #[error("{} is no decision: {why}", path.display())]
    BadDecision {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A JSON file that cannot be parsed.
    #[error("cannot read {}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Line, column and reason.
        #[source]
        source: serde_json::Error,
    },
    /// A file that cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A chart that could not be drawn.
    #[error("cannot draw the chart of {what}: {why}")]
    Chart {
        /// What it shows.
        what: &'static str,
        /// The drawing library's reason.
        why: String,
    },
    /// The index failed.
    #[error("the vector index failed")]
    Retrieval(#[from] jobmatch_retrieval::Error),
    /// A measure or TREC file failed.
    #[error("measuring failed")]
    Metrics(#[from] jobmatch_metrics::Error),
    /// Rows could not be read or written.
    #[error("reading or writing rows failed")]
    Records(#[from] jobmatch_records::Error),
}

/// Which label an error is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelPlace {
    /// The name of its file.
    pub source: String,
    /// Its line there (its row, for Parquet).
    pub line: u64,
    /// The job's id.
    pub job_id: String,
    /// The attribute's id.
    pub attribute_id: String,
}

impl LabelPlace {
    pub(crate) fn of(label: &Label) -> Self {
        Self {
            source: label.source.clone(),
            line: label.line,
            job_id: label.job_id.clone(),
            attribute_id: label.attribute_id.clone(),
        }
    }
}

impl std::fmt::Display for LabelPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            source,
            line,
            job_id,
            attribute_id,
        } = self;
        write!(
            f,
            "{source}, line {line} (job `{job_id}`, attribute `{attribute_id}`)"
        )
    }
}
