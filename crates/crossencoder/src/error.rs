use std::path::PathBuf;

/// What can go wrong while a cross-encoder is trained or used.
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
    /// The data set does not hold both labels.
    #[error(
        "{folder} holds {positives} positive and {negatives} negative training pairs; both kinds are needed: \
         make the data set with negatives"
    )]
    OneLabelOnly {
        /// The data set's folder.
        folder: PathBuf,
        /// Pairs with label 1.
        positives: usize,
        /// Pairs with label 0.
        negatives: usize,
    },
    /// A label is not between 0 and 1.
    #[error(
        "pair {pair_id} in {folder} has label {label}; labels lie from 0 to 1: correct the labels and make the data set again"
    )]
    Label {
        /// The data set's folder.
        folder: PathBuf,
        /// The pair's number.
        pair_id: u64,
        /// The label.
        label: f32,
    },
    /// A share of hard negatives is asked for, and there are none of one kind.
    #[error(
        "setting `negatives.hard_share` is {share}, but {folder} holds {hard} hard and {random} random negatives: \
         add hard ones with jobmatch-candidates or jobmatch-mine-negatives, random ones with `jobmatch-dataset --negatives`, or leave the setting out"
    )]
    NoSuchNegatives {
        /// The data set's folder.
        folder: PathBuf,
        /// The share.
        share: f64,
        /// Hard negatives.
        hard: u64,
        /// Random negatives.
        random: u64,
    },
    /// A model computed no number.
    #[error(
        "the cross-encoder gives {logit} for the pair \"{text}\" | \"{passage}\": its weights are broken, or its precision is too low"
    )]
    NotFinite {
        /// What it gave.
        logit: f32,
        /// The pair's text.
        text: String,
        /// The pair's passage.
        passage: String,
    },
    /// The dev pairs could not be measured.
    #[error("cannot measure the dev pairs")]
    Metrics(#[from] jobmatch_metrics::Error),
    /// The encoder failed.
    #[error(transparent)]
    Encoder(#[from] jobmatch_encoder::Error),
    /// The steps, the checkpoints or the log failed.
    #[error(transparent)]
    Training(#[from] jobmatch_training::Error),
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
    pub(crate) fn setting(
        setting: &'static str,
        value: impl ToString,
        expected: &'static str,
    ) -> Self {
        Self::Setting {
            setting,
            value: value.to_string(),
            expected,
        }
    }
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;
