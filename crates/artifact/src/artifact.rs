//! A finished output.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::files::{digest_bytes, list, problem};
use crate::manifest::{MANIFEST, Manifest, TELEMETRY};
use crate::{Error, Result};

/// A finished output whose files have been checked against its manifest.
#[derive(Debug, Clone)]
pub struct Artifact {
    dir: PathBuf,
    manifest: Manifest,
    digest: String,
}

impl Artifact {
    /// Opens a folder and checks the length and the hash of each file that its manifest lists, and that no other file
    /// stands there. Names that begin with a dot are other people's (desktops and network file systems leave such).
    ///
    /// # Errors
    /// When there is no manifest, it cannot be understood, or a file is missing, damaged or a stranger: it is named.
    pub fn open(dir: &Path) -> Result<Self> {
        let path = dir.join(MANIFEST);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Err(Error::NotAnArtifact {
                    path: dir.to_path_buf(),
                });
            }
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let manifest = Manifest::from_text(&text, &path)?;
        for (name, expected) in &manifest.files {
            let path = dir.join(name);
            if let Some(problem) = problem(&path, expected)? {
                return Err(Error::Damaged { path, problem });
            }
        }
        for (name, path) in list(dir)?.files {
            let known = [MANIFEST, TELEMETRY].contains(&name.as_str())
                || manifest.files.contains_key(&name);
            let hidden = name.split('/').any(|part| part.starts_with('.'));
            if !known && !hidden {
                return Err(Error::Stray { path });
            }
        }
        Ok(Self::from_parts(dir, manifest, &text))
    }

    /// Of files that were hashed just now.
    pub(crate) fn from_parts(dir: &Path, manifest: Manifest, text: &str) -> Self {
        Self {
            dir: dir.to_path_buf(),
            manifest,
            digest: digest_bytes(text.as_bytes()),
        }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the output is.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// `blake3:` and the hash of the manifest: two outputs with the same digest have the same files.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The path of one of its files.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}
