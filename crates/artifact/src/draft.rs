//! An output in the making.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::files::{entry, is_inside, list, remove_folder, sync_path};
use crate::manifest::{MANIFEST, Manifest, SCHEMA_VERSION, TELEMETRY};
use crate::{Artifact, Error, Identity, Result};

/// What there is to do for an output.
#[derive(Debug)]
pub enum Begin {
    /// It stands already, whole, made from the same inputs and settings.
    Done(Artifact),
    /// It has to be made.
    Work(Draft),
}

/// A work folder beside the output-to-be. Dropped without [`publish`](Self::publish), it leaves the output as it was.
#[derive(Debug)]
pub struct Draft {
    output: PathBuf,
    work: PathBuf,
    identity: Identity,
    /// Held until the draft ends; the operating system frees it when the process dies.
    _lock: File,
}

/// Begins an output at `output` with the given identity. A valid one that stands there is checked as
/// [`Artifact::open`] does; what a run that died left in the work folder is removed.
///
/// # Errors
/// When an output of another identity stands there (with what differs), or a damaged one, or something that is no
/// output; when another run is making it; when the path ends in no name, or the work folder cannot be made.
pub fn begin(output: &Path, identity: Identity) -> Result<Begin> {
    if output.file_name().is_none() {
        return Err(Error::NoName {
            path: output.to_path_buf(),
        });
    }
    if let Some(done) = standing(output, &identity)? {
        return Ok(Begin::Done(done));
    }
    let parent = parent(output);
    fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
    let lock = lock(output)?;
    // Another run may have published between the first look and the lock.
    if let Some(done) = standing(output, &identity)? {
        return Ok(Begin::Done(done));
    }
    let work = beside(output, "work");
    remove_folder(&work)?;
    fs::create_dir(&work).map_err(Error::io("create", &work))?;
    Ok(Begin::Work(Draft {
        output: output.to_path_buf(),
        work,
        identity,
        _lock: lock,
    }))
}

/// The artifact of this identity at `output`; none when nothing stands there. Anything else there is an error.
fn standing(output: &Path, identity: &Identity) -> Result<Option<Artifact>> {
    if output.join(MANIFEST).exists() {
        let artifact = Artifact::open(output)?;
        let differences = identity.differences(&artifact.manifest().identity);
        return if differences.is_empty() {
            Ok(Some(artifact))
        } else {
            Err(Error::AnotherIdentity {
                path: output.to_path_buf(),
                differences,
            })
        };
    }
    if is_absent_or_empty(output)? {
        Ok(None)
    } else {
        Err(Error::Occupied {
            path: output.to_path_buf(),
        })
    }
}

/// The folder that holds `output`.
fn parent(output: &Path) -> &Path {
    match output.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// `.NAME.SUFFIX` beside `output`.
fn beside(output: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(output.file_name().unwrap_or_default());
    name.push(".");
    name.push(suffix);
    output.with_file_name(name)
}

fn lock(output: &Path) -> Result<File> {
    let path = beside(output, "lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(Error::io("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked {
            path: output.to_path_buf(),
        }),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", &path)(error)),
    }
}

fn is_absent_or_empty(path: &Path) -> Result<bool> {
    match fs::read_dir(path) {
        Ok(mut items) => Ok(items.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(Error::io("list", path)(error)),
    }
}

impl Draft {
    /// The work folder.
    pub fn dir(&self) -> &Path {
        &self.work
    }

    /// The path of a file to be, `/` between its parts; the folders it needs are made.
    ///
    /// # Errors
    /// When the name leads out of the work folder, or a folder cannot be made.
    pub fn path(&self, name: &str) -> Result<PathBuf> {
        if !is_inside(name) || [MANIFEST, TELEMETRY].contains(&name) {
            return Err(Error::Name {
                name: name.to_owned(),
            });
        }
        let path = self.work.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        }
        Ok(path)
    }

    /// Writes a value as indented JSON.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_json<T: Serialize>(&self, name: &str, value: &T) -> Result<()> {
        let path = self.path(name)?;
        let text = serde_json::to_string_pretty(value).map_err(|source| Error::Json {
            path: path.clone(),
            source,
        })?;
        fs::write(&path, text + "\n").map_err(Error::io("write", &path))
    }

    /// Writes values as JSON lines.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write_json_lines<T: Serialize>(&self, name: &str, values: &[T]) -> Result<()> {
        let path = self.path(name)?;
        let mut text = String::new();
        for value in values {
            text += &serde_json::to_string(value).map_err(|source| Error::Json {
                path: path.clone(),
                source,
            })?;
            text.push('\n');
        }
        fs::write(&path, text).map_err(Error::io("write", &path))
    }

    /// Appends a row to `telemetry.jsonl`, which no digest covers.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn telemetry<T: Serialize>(&self, row: &T) -> Result<()> {
        let path = self.work.join(TELEMETRY);
        let line = serde_json::to_string(row).map_err(|source| Error::Json {
            path: path.clone(),
            source,
        })?;
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| writeln!(file, "{line}"))
            .map_err(Error::io("write", &path))
    }

    /// Writes the manifest, brings everything to the disk and puts the folder in its place by one rename.
    ///
    /// # Errors
    /// When something cannot be written; the output is then absent as before.
    pub fn publish(self) -> Result<Artifact> {
        let listing = list(&self.work)?;
        let mut files = BTreeMap::new();
        for (name, path) in &listing.files {
            sync_path(path)?;
            if name != TELEMETRY {
                files.insert(name.clone(), entry(path)?);
            }
        }
        let manifest = Manifest {
            schema_version: SCHEMA_VERSION,
            identity: self.identity.clone(),
            files,
        };
        let path = self.work.join(MANIFEST);
        let text = manifest.to_text(&path)?;
        fs::write(&path, &text).map_err(Error::io("write", &path))?;
        sync_path(&path)?;
        for folder in &listing.folders {
            sync_path(folder)?;
        }
        // An empty folder may stand at the output; a rename replaces it.
        fs::rename(&self.work, &self.output).map_err(Error::io("publish", &self.output))?;
        sync_path(parent(&self.output))?;
        Ok(Artifact::from_parts(&self.output, manifest, &text))
    }
}

impl Drop for Draft {
    /// Clears the work folder of a run that gave up; one that was published is no longer there.
    fn drop(&mut self) {
        if let Err(error) = remove_folder(&self.work) {
            tracing::warn!(?error, "{error}");
        }
    }
}
