//! The place of an output: what stands there, the files that go into it, and the rename that puts it there.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::files::{entry, is_inside, list, sync_path};
use crate::manifest::{MANIFEST, Manifest, SCHEMA_VERSION, TELEMETRY};
use crate::{Artifact, Error, Identity, Result};

/// Refuses a path without a last part: a work folder and a lock have to be named after it.
pub(crate) fn check_name(output: &Path) -> Result<()> {
    if output.file_name().is_some() {
        return Ok(());
    }
    Err(Error::NoName {
        path: output.to_path_buf(),
    })
}

/// The artifact of this identity at `output`; none when nothing stands there. Anything else there is an error.
pub(crate) fn standing(output: &Path, identity: &Identity) -> Result<Option<Artifact>> {
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

fn is_absent_or_empty(path: &Path) -> Result<bool> {
    match fs::read_dir(path) {
        Ok(mut items) => Ok(items.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(Error::io("list", path)(error)),
    }
}

/// The folder that holds `output`.
pub(crate) fn parent(output: &Path) -> &Path {
    match output.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// `.NAME.SUFFIX` beside `output`.
pub(crate) fn beside(output: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(output.file_name().unwrap_or_default());
    name.push(".");
    name.push(suffix);
    output.with_file_name(name)
}

/// The path of a file of the output that `folder` is to become; the folders it needs are made.
pub(crate) fn output_path(folder: &Path, name: &str) -> Result<PathBuf> {
    if [MANIFEST, TELEMETRY].contains(&name) {
        return Err(Error::Name {
            name: name.to_owned(),
        });
    }
    path_in(folder, name)
}

/// The path of a file in `folder`; the folders it needs are made.
pub(crate) fn path_in(folder: &Path, name: &str) -> Result<PathBuf> {
    if !is_inside(name) {
        return Err(Error::Name {
            name: name.to_owned(),
        });
    }
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
    }
    Ok(path)
}

/// Writes a value as indented JSON.
pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|source| Error::Json {
        path: path.to_path_buf(),
        source,
    })?;
    fs::write(path, text + "\n").map_err(Error::io("write", path))
}

/// Writes values as JSON lines.
pub(crate) fn write_json_lines<T: Serialize>(path: &Path, values: &[T]) -> Result<()> {
    let mut text = String::new();
    for value in values {
        text += &serde_json::to_string(value).map_err(|source| Error::Json {
            path: path.to_path_buf(),
            source,
        })?;
        text.push('\n');
    }
    fs::write(path, text).map_err(Error::io("write", path))
}

/// Writes the manifest of what `folder` holds, brings everything to the disk and makes it `output` by one rename.
pub(crate) fn put_in_place(folder: &Path, output: &Path, identity: &Identity) -> Result<Artifact> {
    let listing = list(folder)?;
    let mut files = BTreeMap::new();
    for (name, path) in &listing.files {
        sync_path(path)?;
        // A run that died here may have left a manifest; it is written anew.
        if ![MANIFEST, TELEMETRY].contains(&name.as_str()) {
            files.insert(name.clone(), entry(path)?);
        }
    }
    let manifest = Manifest {
        schema_version: SCHEMA_VERSION,
        identity: identity.clone(),
        files,
    };
    let path = folder.join(MANIFEST);
    let text = manifest.to_text(&path)?;
    fs::write(&path, &text).map_err(Error::io("write", &path))?;
    sync_path(&path)?;
    for folder in &listing.folders {
        sync_path(folder)?;
    }
    // An empty folder may stand at the output; a rename replaces it.
    fs::rename(folder, output).map_err(Error::io("publish", output))?;
    sync_path(parent(output))?;
    Ok(Artifact::from_parts(output, manifest, &text))
}
