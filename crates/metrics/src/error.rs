use std::path::PathBuf;

/// What can go wrong between scores, judgements and numbers.
///
/// Failures inside a file arrive as [`Error::Line`] with the reason as its source, so that whoever prints the
/// chain of causes sees file, line and reason once each.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be opened, read or written.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried: `open`, `read`, `create` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A line of a file is not what it must be; the source says why.
    #[error("{path}, line {line}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// The reason.
        source: Box<Error>,
    },
    /// A line holds bytes that are not UTF-8.
    #[error("the line is not UTF-8 text: convert the file to UTF-8")]
    NotUtf8,
    /// A line has too few or too many columns.
    #[error("found {found} columns, expected {expected}, separated by white space")]
    Columns {
        /// The columns in words.
        expected: &'static str,
        /// How many there are.
        found: usize,
    },
    /// A grade is not a whole number.
    #[error("grade `{value}` is not a whole number between {min} and {max}", min = i32::MIN, max = i32::MAX)]
    BadGrade {
        /// The text that stands in its place.
        value: String,
    },
    /// A score is not a number.
    #[error("score `{value}` is not a number: nothing can be ranked by it")]
    BadScore {
        /// The text that stands in its place.
        value: String,
    },
    /// A document is judged or retrieved twice for one query.
    #[error("document `{document}` stands twice for query `{query}`: keep one of the two")]
    DuplicateDocument {
        /// The query's id.
        query: String,
        /// The document's id.
        document: String,
    },
    /// A query is given twice.
    #[error("query `{query}` is given twice: pass all its documents at once")]
    DuplicateQuery {
        /// The query's id.
        query: String,
    },
    /// A retrieved document has NaN as its score.
    #[error(
        "the score of document `{document}` for query `{query}` is NaN: nothing can be ranked by it"
    )]
    NanDocumentScore {
        /// The query's id.
        query: String,
        /// The document's id.
        document: String,
    },
    /// An id cannot stand in a TREC file, whose columns are separated by white space.
    #[error(
        "{what} `{id}` is empty or has white space in it: a TREC file cannot hold it, use another id"
    )]
    UnwritableId {
        /// `query`, `document` or `tag`.
        what: &'static str,
        /// The id.
        id: String,
    },
    /// A value that must be a number is NaN, or must be finite and is not.
    #[error("{what} at position {index} is {value}, expected {expected}")]
    BadValue {
        /// What the value is: `score`, `probability`, `threshold`, `sample`.
        what: &'static str,
        /// Its position in the input, from 0.
        index: usize,
        /// The value.
        value: f64,
        /// What is allowed.
        expected: &'static str,
    },
    /// More positives were retrieved than are said to exist.
    #[error(
        "{found} relevant entries among the scored ones, but only {total} positives in all: \
         the total must count every positive, retrieved or not"
    )]
    TooManyRelevant {
        /// Relevant entries in the input.
        found: usize,
        /// The total that was passed in.
        total: usize,
    },
    /// A ranking shows a positive grade that the list of all positive grades does not account for.
    #[error(
        "the ranking of {query} shows grade {grade} more often than the list of all its positive grades: \
         the list must hold every positive, retrieved or not"
    )]
    UnlistedPositive {
        /// `query N` with its number where it is known, else `the query`.
        query: String,
        /// The grade that is not accounted for.
        grade: i32,
    },
    /// A candidate belongs to a query that was not announced.
    #[error(
        "candidate {index} belongs to query {query}, but positives were given for {queries} queries only"
    )]
    UnknownQuery {
        /// The candidate's position in the input, from 0.
        index: usize,
        /// Its query's number, from 0.
        query: u32,
        /// How many queries there are.
        queries: usize,
    },
    /// A document is a candidate of one query twice.
    #[error("document {document} is a candidate of query {query} twice: keep the better score")]
    DuplicateCandidate {
        /// The query's number, from 0.
        query: u32,
        /// The document's number.
        document: u32,
    },
    /// Queries and their groups do not match.
    #[error("{groups} groups for {queries} queries: each query needs its group")]
    GroupsOfQueries {
        /// How many groups were passed in.
        groups: usize,
        /// How many queries there are.
        queries: usize,
    },
    /// A measure's name is not known.
    #[error(
        "no measure `{name}`: the measures are precision@K, recall@K, r_precision@K, hit_rate@K, ndcg@K (K from 1), \
         reciprocal_rank and average_precision"
    )]
    UnknownMeasure {
        /// The name that was asked for.
        name: String,
    },
    /// A setting makes no sense.
    #[error("{setting} is {value}, expected {expected}")]
    BadSetting {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// A calibrator was to be fitted to nothing.
    #[error("no scores to fit a calibrator to: it needs judged examples")]
    NothingToFit,
    /// The knots of an isotonic fit, read from elsewhere, are none.
    #[error(
        "an isotonic calibrator with {scores} scores and {probabilities} probabilities, expected {expected}"
    )]
    BadKnots {
        /// How many scores there are.
        scores: usize,
        /// How many probabilities.
        probabilities: usize,
        /// What is not so.
        expected: &'static str,
    },
    /// A fit went on without an end; the scores are beyond what double precision can follow.
    #[error(
        "the calibrator's fit did not converge after {iterations} iterations (gradient {gradient:e})"
    )]
    NotConverged {
        /// Newton steps taken.
        iterations: usize,
        /// Largest entry of the mean gradient where it stopped.
        gradient: f64,
    },
}

/// This crate's result.
pub type Result<T> = std::result::Result<T, Error>;
