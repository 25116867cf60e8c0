use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Shard;

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
    /// Another run, or another process of the same rank, makes this output right now.
    #[error("another run is making {path}{}", advice(*shard))]
    Locked {
        /// The folder.
        path: PathBuf,
        /// Which process this would be.
        shard: Shard,
    },
    /// Other processes still use the work folder, which the first was about to publish or to clear.
    #[error(
        "other processes still work on {path} after {} s; wait for them or stop them, then start again: \
         what is finished is kept",
        patience.as_secs_f64()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// How long they were waited for.
        patience: Duration,
    },
    /// The first process did not begin this work.
    #[error(
        "rank {} of {} waited {} s for rank 0 to begin {path}{}; start rank 0 with the same inputs and settings",
        shard.rank(), shard.world_size(), patience.as_secs_f64(), there(differences)
    )]
    NotBegun {
        /// The folder.
        path: PathBuf,
        /// Which process waited.
        shard: Shard,
        /// How long.
        patience: Duration,
        /// What differs in the work that rank 0 began, if it began another.
        differences: Vec<String>,
    },
    /// No process finished a unit of work that this one needs.
    #[error(
        "rank {} of {} waited {} s for `{unit}`, which another process has to finish; \
         start those that ended again: they go on from what is finished",
        shard.rank(), shard.world_size(), patience.as_secs_f64()
    )]
    NotFinished {
        /// The unit.
        unit: String,
        /// Which process waited.
        shard: Shard,
        /// How long.
        patience: Duration,
    },
    /// A process that is not the first tried to publish.
    #[error("rank {} of {} cannot publish {path}; rank 0 does", shard.rank(), shard.world_size())]
    NotFirst {
        /// The folder.
        path: PathBuf,
        /// Which process it is.
        shard: Shard,
    },
    /// A file of a unit lies elsewhere than in the work folder.
    #[error("{path} is not a file under {folder}, so no unit can be finished with it")]
    Elsewhere {
        /// The file.
        path: PathBuf,
        /// The work folder.
        folder: PathBuf,
    },
    /// A process's number does not fit the number of processes.
    #[error(
        "rank {rank} is not below the world size {world_size}; ranks count from 0 (RANK and WORLD_SIZE)"
    )]
    Rank {
        /// The number.
        rank: u32,
        /// The number of processes.
        world_size: u32,
    },
    /// One of two variables is set that belong together.
    #[error("{set} is set and {missing} is not; set both, or neither")]
    Variable {
        /// The one that is set.
        set: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// A variable should hold a number.
    #[error("{variable} is `{value}`; expected a number from 0")]
    NotANumber {
        /// Its name.
        variable: &'static str,
        /// Its value.
        value: String,
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

/// What to do about a lock that another process holds.
fn advice(shard: Shard) -> String {
    if shard.world_size() == 1 {
        return "; wait for it, or stop it".to_owned();
    }
    format!(
        " as rank {}; wait for it, stop it, or give each process its own RANK",
        shard.rank()
    )
}

/// What is known of the work that stands there.
fn there(differences: &[String]) -> String {
    if differences.is_empty() {
        return String::new();
    }
    format!(", where other work stands: {}", differences.join("; "))
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
