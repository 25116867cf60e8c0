use std::path::PathBuf;

/// What can go wrong in the parts that both training loops share.
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
    /// The loss or the gradient stopped being a number.
    #[error(
        "{what} is {value} at step {step}: lower the learning rate or look for broken examples; nothing was published"
    )]
    NotFinite {
        /// `loss` or `gradient norm`.
        what: &'static str,
        /// The value.
        value: f64,
        /// The step, from 1.
        step: usize,
    },
    /// The run log could not be written.
    #[error("cannot write the run log {path}")]
    Log {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// libtorch refused an operation.
    #[error("libtorch failed")]
    Torch(#[from] tch::TchError),
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;
