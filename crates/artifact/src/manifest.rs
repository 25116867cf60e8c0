//! `manifest.json`: what an output is, and the hash of each of its files.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::files::is_inside;
use crate::{Error, Identity, Result};

/// The manifest's file name; a folder without one is no output.
pub const MANIFEST: &str = "manifest.json";
/// Where clocks, rates, memory and host names go: outside every digest.
pub const TELEMETRY: &str = "telemetry.jsonl";
/// Raised when the manifest's form changes.
pub const SCHEMA_VERSION: u32 = 1;

/// What stands in `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of this manifest.
    pub schema_version: u32,
    /// What decided the output's bytes.
    #[serde(flatten)]
    pub identity: Identity,
    /// Each file by its name in the folder, `/` between its parts.
    pub files: BTreeMap<String, FileEntry>,
}

/// One file of an output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its length.
    pub bytes: u64,
    /// Its BLAKE3 hash, with `blake3:` before it.
    pub blake3: String,
}

impl Manifest {
    /// The manifest's text: what its digest is taken over.
    pub(crate) fn to_text(&self, path: &Path) -> Result<String> {
        let text = serde_json::to_string_pretty(self).map_err(|source| Error::Json {
            path: path.to_path_buf(),
            source,
        })?;
        Ok(text + "\n")
    }

    pub(crate) fn from_text(text: &str, path: &Path) -> Result<Self> {
        let invalid = |reason: String| Error::Manifest {
            path: path.to_path_buf(),
            reason,
        };
        let manifest: Self =
            serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
        if manifest.schema_version != SCHEMA_VERSION {
            return Err(invalid(format!(
                "its schema_version is {}, this program knows {SCHEMA_VERSION}",
                manifest.schema_version
            )));
        }
        match manifest.files.keys().find(|name| !is_inside(name)) {
            Some(name) => Err(invalid(format!(
                "it lists `{name}`, which is not inside its folder"
            ))),
            None => Ok(manifest),
        }
    }
}
