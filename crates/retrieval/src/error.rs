//! What can go wrong, with the facts to put it right.

use std::path::PathBuf;

/// This crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an index could not be built, searched, saved or loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A dimension of zero, or one that FAISS cannot hold.
    #[error(
        "a vector index cannot have dimension {dimension}: give the embedding size of the model"
    )]
    Dimension {
        /// The dimension asked for.
        dimension: usize,
    },
    /// A buffer that is not a whole number of vectors.
    #[error(
        "{what} hold {values} numbers, which is not a multiple of the index's dimension {dimension}: \
         they were made by another model"
    )]
    Shape {
        /// `vectors` or `queries`.
        what: &'static str,
        /// Length of the buffer.
        values: usize,
        /// Dimension of the index.
        dimension: usize,
    },
    /// An index over nothing.
    #[error("there are no vectors to index")]
    Empty,
    /// A NaN or an infinity among the numbers given.
    #[error("{what} {row}, component {component}, is {value}: every number must be finite")]
    NonFinite {
        /// `vector` or `query`.
        what: &'static str,
        /// Which vector or query, from 0.
        row: usize,
        /// Which component of it, from 0.
        component: usize,
        /// The value.
        value: f32,
    },
    /// A search that gave a NaN or an infinity: the numbers are too large to multiply, or the index holds such numbers.
    #[error(
        "the score of row {row} for query {query} is {score}: the index holds numbers that cannot be compared"
    )]
    NonFiniteScore {
        /// Row of the index.
        row: usize,
        /// Query, from 0.
        query: usize,
        /// The score.
        score: f32,
    },
    /// A factory string FAISS does not know, or one that does not suit the vectors.
    #[error(
        "FAISS cannot build an index \"{factory}\" over {vectors} vectors of dimension {dimension}"
    )]
    Factory {
        /// The factory string.
        factory: String,
        /// Number of vectors.
        vectors: usize,
        /// Their dimension.
        dimension: usize,
        /// What FAISS said.
        #[source]
        source: faiss::error::Error,
    },
    /// A threshold that is no number.
    #[error("the threshold is NaN: give the lowest score to be found")]
    Threshold,
    /// FAISS failed while searching by threshold, or cannot do it with this kind of index.
    #[error(
        "FAISS cannot search this kind of index by threshold: build it as Flat, HNSW or IVF, or search its best rows"
    )]
    Range(#[source] faiss::error::Error),
    /// A vector whose number is that of no row.
    #[error(
        "FAISS found vector {id}, and the index has no such row among its {rows}: \
         it was loaded without the ids of its rows, or with those of another index"
    )]
    UnknownId {
        /// FAISS's number of the vector.
        id: u64,
        /// Rows of the index.
        rows: usize,
    },
    /// Ids that do not fit the index.
    #[error("the ids do not belong to this index: {why}")]
    Ids {
        /// What is wrong.
        why: String,
    },
    /// A row that is not there.
    #[error("there is no row {row} to remove: the index has {rows}")]
    NoSuchRow {
        /// The row.
        row: usize,
        /// Rows of the index.
        rows: usize,
    },
    /// All rows removed at once.
    #[error("removing all rows would leave no index: build it anew over other vectors")]
    NothingLeft,
    /// A kind of index whose rows stay.
    #[error(
        "rows cannot be removed from this kind of index: build it anew (Flat, IVF, PQ and SQ can)"
    )]
    CannotRemove,
    /// Rows that FAISS did not find.
    #[error(
        "{missing} of the rows to remove are not in the index: its ids are those of another; build it anew"
    )]
    UnknownIds {
        /// How many.
        missing: usize,
    },
    /// FAISS failed while rows were added or removed.
    #[error("FAISS could not {what} the index: it is in no known state; build it anew")]
    Update {
        /// `add rows to` or `remove rows from`.
        what: &'static str,
        /// What FAISS said.
        #[source]
        source: faiss::error::Error,
    },
    /// FAISS failed on a GPU.
    #[cfg(feature = "gpu")]
    #[error(
        "FAISS cannot put the index on the GPU: check the device's number, its memory, and the kind of index"
    )]
    Gpu(#[source] faiss::error::Error),
    /// Recall against an index that is itself approximate.
    #[error("recall is measured against an exact index: build one with the factory string Flat")]
    NotExact,
    /// Recall between indexes that hold different vectors.
    #[error(
        "recall needs two indexes over the same vectors: the exact one has {} rows of dimension {}, the other {} of {}",
        exact.0, exact.1, approximate.0, approximate.1
    )]
    OtherRows {
        /// Rows and dimension of the exact index.
        exact: (usize, usize),
        /// Rows and dimension of the other.
        approximate: (usize, usize),
    },
    /// Recall without queries or at no depth.
    #[error("recall needs at least one query, and k of 1 or more")]
    NothingToRecall,
    /// FAISS failed while searching.
    #[error("FAISS could not search the index")]
    Search(#[source] faiss::error::Error),
    /// A file that could not be opened or measured.
    #[error("cannot read the index file {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A file that is no usable index.
    #[error("{} is not a whole FAISS index for inner products: {why}; build the index again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// FAISS refused the file.
    #[error("FAISS cannot read {}: the file is damaged or of an unknown kind; build the index again", path.display())]
    Load {
        /// The file.
        path: PathBuf,
        /// What FAISS said.
        #[source]
        source: faiss::error::Error,
    },
    /// FAISS could not write the file.
    #[error("FAISS cannot write {}: check that its folder exists and has room", path.display())]
    Save {
        /// The file.
        path: PathBuf,
        /// What FAISS said.
        #[source]
        source: faiss::error::Error,
    },
    /// FAISS takes paths as text.
    #[error("FAISS takes only UTF-8 paths: {}", path.display())]
    Path {
        /// The path.
        path: PathBuf,
    },
}
