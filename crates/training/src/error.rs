use std::path::{Path, PathBuf};

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
        step: u64,
    },
    /// The run log could not be written.
    #[error("cannot write the run log {path}")]
    Log {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The training rows cannot be read.
    #[error(transparent)]
    Records(#[from] jobmatch_records::Error),
    /// A folder has files, but no row to train on.
    #[error("{folder} holds no {kind}: there is nothing to train on")]
    NoRows {
        /// The folder.
        folder: PathBuf,
        /// `row`, or `positive` where only those are asked for.
        kind: &'static str,
    },
    /// A position that an epoch does not have.
    #[error("row {row} of an epoch is asked for, counted from 0, but it has {rows}")]
    PastEnd {
        /// The row.
        row: u64,
        /// Rows of an epoch.
        rows: u64,
    },
    /// A file has other rows than when it was opened.
    #[error("the files of {folder} were changed while they were read")]
    ChangedWhileRead {
        /// The folder.
        folder: PathBuf,
    },
    /// The thread that reads ahead could not be started.
    #[error("cannot start a thread to read training rows")]
    Thread(#[source] std::io::Error),
    /// The thread that reads ahead ended by a panic.
    #[error("the thread that reads training rows ended unexpectedly; the lines before say why")]
    ReadingEnded,
    /// The run log has lost lines.
    #[error(
        "{path} has {length} bytes, but the checkpoint was made after {expected}: put the log back, or remove the work folder to begin anew"
    )]
    ShortLog {
        /// The file.
        path: PathBuf,
        /// Its length.
        length: u64,
        /// What it had.
        expected: u64,
    },
    /// A file or folder of the checkpoints cannot be used.
    #[error("cannot use {path}")]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A checkpoint does not hold what it should.
    #[error("{path} cannot be gone on from: {problem}")]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A checkpoint was made with other rows.
    #[error(
        "the checkpoint counts in other rows (fingerprint {expected}) than these ({found}): give it the same data and seed, or remove the work folder to begin anew"
    )]
    OtherData {
        /// The checkpoint's fingerprint.
        expected: String,
        /// The fingerprint now.
        found: String,
    },
    /// The system asked for the end; a checkpoint was written.
    #[error(
        "asked to stop: a checkpoint was written after step {step} of {steps}; start it again with the same arguments to go on"
    )]
    Stopped {
        /// Steps taken.
        step: u64,
        /// Steps in all.
        steps: u64,
    },
    /// The system's signal for the end cannot be listened to.
    #[error("cannot listen to SIGTERM")]
    Signal(#[source] std::io::Error),
    /// An evaluation cannot be written as JSON or read again.
    #[error("an evaluation does not go through JSON")]
    Evaluation(#[source] serde_json::Error),
    /// A checkpoint cannot be written or is damaged.
    #[error(transparent)]
    Artifact(#[from] jobmatch_artifact::Error),
    /// The ranks, mixed precision or the optimizer failed.
    #[error(transparent)]
    TorchExt(#[from] jobmatch_torch_ext::Error),
    /// libtorch refused an operation.
    #[error("libtorch failed")]
    Torch(#[from] tch::TchError),
}

impl Error {
    /// What to make of the system's refusal at `path`.
    pub(crate) fn folder(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Folder { path, source }
    }
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;
