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
        found: u64,
    },
    /// A batch is too small for the ranks and parts it is cut into.
    #[error(
        "a batch of {batch} positives has too few for {ranks} ranks and {parts} parts: each needs at least 2 in every part"
    )]
    TooManyRanks {
        /// Positives of a batch.
        batch: usize,
        /// Ranks.
        ranks: usize,
        /// Parts of a step.
        parts: usize,
    },
    /// A positive names an attribute that the definitions do not have.
    #[error(
        "a pair of job {job_id} names attribute `{attribute_id}`, which the definitions lack: give the definitions the data set was made from"
    )]
    UnknownAttribute {
        /// The job.
        job_id: String,
        /// The attribute.
        attribute_id: String,
    },
    /// The data set has no hard negatives, and the settings ask for some.
    #[error(
        "setting `hard_negatives` is {asked}, and {folder} holds none: make a data set that does with jobmatch-mine-negatives"
    )]
    NoHardNegatives {
        /// The data set's folder.
        folder: PathBuf,
        /// How many each positive was to have.
        asked: usize,
    },
    /// A Matryoshka dimension that the model's vectors do not have.
    #[error("setting `matryoshka_dimensions` has {dimension}: the model's vectors have {most}")]
    TooManyDimensions {
        /// What was asked for.
        dimension: usize,
        /// What there is.
        most: usize,
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
    /// The steps, the checkpoints or the log failed.
    #[error(transparent)]
    Training(#[from] jobmatch_training::Error),
    /// The index over dev passages failed.
    #[error(transparent)]
    Retrieval(#[from] jobmatch_retrieval::Error),
    /// The ranks do not agree, or one died.
    #[error(transparent)]
    Ranks(#[from] jobmatch_torch_ext::Error),
    /// The data set could not be read.
    #[error(transparent)]
    Records(#[from] jobmatch_records::Error),
    /// libtorch refused an operation.
    #[error("libtorch failed")]
    Torch(#[from] tch::TchError),
}

impl Error {
    pub(crate) fn unknown_attribute(job_id: &str, attribute_id: &str) -> Self {
        Self::UnknownAttribute {
            job_id: job_id.to_owned(),
            attribute_id: attribute_id.to_owned(),
        }
    }
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;
