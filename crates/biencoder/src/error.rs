use std::path::PathBuf;

/// What can go wrong while a bi-encoder is trained or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that makes no sense.
    #[error("setting `{setting}` is {value}: {expected}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The data set has too few positives to train on.
    #[error(
        "{folder} holds {found} training positives; at least 2 are needed, since each is the other's negative"
    )]
    TooFewPositives {
        /// The data set's folder.
        folder: PathBuf,
        /// How many there are.
        found: usize,
    },
    /// A pair names an attribute that the definitions do not have.
    #[error(
        "pair {pair_id} in {folder} names attribute `{attribute_id}`, which the definitions lack: give the definitions the data set was made from"
    )]
    UnknownAttribute {
        /// The data set's folder.
        folder: PathBuf,
        /// The pair's number.
        pair_id: u64,
        /// The attribute.
        attribute_id: String,
    },
    /// The model's saved passage template cannot be read.
    #[error("the passage template `{template}` of {model} is not valid")]
    Template {
        /// The model folder.
        model: PathBuf,
        /// What stands there.
        template: String,
        /// Why it is refused.
        source: Box<jobmatch_records::Error>,
    },
    /// The encoder failed.
    #[error(transparent)]
    Encoder(#[from] jobmatch_encoder::Error),
    /// The optimizer or the log failed.
    #[error(transparent)]
    Training(#[from] jobmatch_training::Error),
    /// The index over dev passages failed.
    #[error(transparent)]
    Retrieval(#[from] jobmatch_retrieval::Error),
    /// The data set could not be read.
    #[error(transparent)]
    Records(#[from] jobmatch_records::Error),
    /// libtorch refused an operation.
    #[error("libtorch failed")]
    Torch(#[from] tch::TchError),
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;
