use std::path::{Path, PathBuf};

/// What can go wrong with a stage's output.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// There is no finished output where one was expected.
    #[error(
        "{path} is no finished stage output: it has no manifest.json; run the stage that makes it"
    )]
    NotAnArtifact {
        /// The folder.
        path: PathBuf,
    },
    /// The manifest cannot be understood.
    #[error("{path} cannot be understood: {reason}; remove the folder and run its stage again")]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file is not as the manifest says.
    #[error("{path} is damaged: {problem}; remove the folder and run its stage again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        problem: String,
    },
    /// A file stands in an output that its manifest does not know: a later stage could take it for data.
    #[error(
        "{path} is not in its folder's manifest, so no stage wrote it there; move it elsewhere"
    )]
    Stray {
        /// The file.
        path: PathBuf,
    },
    /// A draft holds what a manifest cannot speak of.
    #[error("{path} is no plain file with a UTF-8 name, so it cannot be part of an output")]
    NotAFile {
        /// The link, device or file.
        path: PathBuf,
    },
    /// Another output stands where this one should.
    #[error(
        "{path} holds an output made otherwise: {}; choose another output folder, or remove that one",
        differences.join("; ")
    )]
    AnotherIdentity {
        /// The folder.
        path: PathBuf,
        /// What differs: key, the value there, the value now.
        differences: Vec<String>,
    },
    /// Something that is no output stands where one should.
    #[error(
        "{path} is there already and is no stage output; choose another folder: nothing was changed"
    )]
    Occupied {
        /// The path.
        path: PathBuf,
    },
    /// Another run makes this output right now.
    #[error("another run is making {path}; wait for it, or stop it")]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// A name cannot be used: it leads out of its folder, or is kept for the manifest or the telemetry.
    #[error("`{name}` cannot be the name of a file in an output")]
    Name {
        /// The name.
        name: String,
    },
    /// A path does not end in a name.
    #[error("{path} does not end in the name of a folder; give one, such as {path}/NAME")]
    NoName {
        /// The path.
        path: PathBuf,
    },
    /// A value cannot be written as JSON.
    #[error("cannot write {path} as JSON")]
    Json {
        /// The file.
        path: PathBuf,
        /// The library's reason.
        source: serde_json::Error,
    },
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

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
}
