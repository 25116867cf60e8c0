//! A stage's output: a folder of files that is either whole or absent.
//!
//! A stage [`begin`]s with the identity of what it is about to make: its name, settings, seed and the digests of its
//! inputs. When a valid folder of that identity stands already there is nothing to do; otherwise it gets a [`Draft`],
//! a work folder beside the output, and publishes it in one rename when all files are written. What the files hold is
//! left to others.
//!
//! `manifest.json` lists each file with its length and BLAKE3, beside the identity. Its own hash is the output's digest,
//! which the next stage's identity carries on. Clocks and memory go to `telemetry.jsonl`, which no hash covers.
//!
//! What takes hours, or several processes, is made with [`resume`] instead: its [`Work`] is cut into units, each is
//! committed when it is finished, and a run that starts again does only the others. A [`Shard`] says which of the
//! processes this is.
//!
//! # When something goes wrong
//! - A run that dies at any instant leaves the output absent: files and folders are brought to the disk before the
//!   rename, and the rename before `publish` returns. Its work folder `.NAME.work` is cleared when the next run
//!   begins: a stage starts over, the stages before it do not. With [`resume`] the folder is kept, and what its journals
//!   call finished is used when its bytes are still the same.
//! - A lock on `.NAME.lock` keeps two runs from making one folder; it ends with its process. The file stays, since
//!   removing it could take it from under a third run.
//! - Opening checks every file. One that is missing, changed or unknown is an error that names it.
//! - An output of another identity is never replaced: the error lists each setting and input that differs.
//!
//! ```
//! use jobmatch_artifact::{Artifact, Begin, Identity, begin};
//!
//! let folder = tempfile::tempdir()?;
//! let output = folder.path().join("numbers");
//! let identity = Identity {
//!     stage: "count".into(),
//!     program_version: "1.0".into(),
//!     config: serde_json::json!({"up_to": 3}),
//!     seed: 42,
//!     inputs: vec![],
//! };
//! if let Begin::Work(draft) = begin(&output, identity.clone())? {
//!     std::fs::write(draft.path("numbers.txt")?, "1 2 3\n")?;
//!     draft.publish()?;
//! }
//! assert!(Artifact::open(&output)?.path("numbers.txt").is_file());
//! assert!(matches!(begin(&output, identity)?, Begin::Done(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        reason = "a failed unwrap is a failed test, and says where"
    )
)]

mod artifact;
mod claim;
mod draft;
mod error;
mod files;
mod identity;
mod journal;
mod lock;
mod manifest;
mod output;
mod publish;
mod shard;
mod work;

pub use artifact::Artifact;
pub use draft::{Begin, Draft, begin};
pub use error::{Error, Result};
pub use identity::{Identity, Input};
pub use manifest::{FileEntry, MANIFEST, Manifest, SCHEMA_VERSION, TELEMETRY};
pub use publish::Publish;
pub use shard::Shard;
pub use work::{Resume, Work, resume};
