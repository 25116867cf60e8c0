//! The folder's JSON files: read with errors that name the file, and written.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, Result};

/// What stands under a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    File,
    Absent,
}

/// Whether `path` is a file or absent. A folder or a link to nothing in its place is an error: to go on as if the
/// file were absent would silently change the model.
pub(super) fn presence(path: &Path) -> Result<Presence> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(Presence::File),
        Ok(_) => Err(Error::NotAFile {
            path: path.to_path_buf(),
            found: "a folder or a device",
        }),
        Err(_) if path.symlink_metadata().is_ok() => Err(Error::NotAFile {
            path: path.to_path_buf(),
            found: "a link to a file that is not there",
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Presence::Absent),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

/// The JSON file at `path`.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    parse(&bytes, path)
}

fn parse<T: DeserializeOwned>(bytes: &[u8], path: &Path) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| Error::Config {
        path: path.to_path_buf(),
        reason: if bytes.is_empty() {
            "the file is empty; fetch or save the folder again".to_owned()
        } else {
            format!("{error}; fetch or save the folder again")
        },
    })
}

/// The JSON file at `path`, or `None` where there is none.
pub(super) fn read_optional<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match presence(path)? {
        Presence::File => read_json(path).map(Some),
        Presence::Absent => Ok(None),
    }
}

/// The JSON object at `path`, or `None` where there is no file.
pub(crate) fn read_object(path: &Path) -> Result<Option<serde_json::Map<String, Value>>> {
    match read_optional(path)? {
        None => Ok(None),
        Some(Value::Object(fields)) => Ok(Some(fields)),
        Some(_) => Err(Error::Config {
            path: path.to_path_buf(),
            reason: "it must hold one JSON object; fetch or save the folder again".to_owned(),
        }),
    }
}

/// Writes `value` as indented JSON, with the folders above it.
pub(super) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
    }
    let mut text = serde_json::to_string_pretty(value).map_err(|error| Error::Config {
        path: path.to_path_buf(),
        reason: error.to_string(),
    })?;
    text.push('\n');
    std::fs::write(path, text).map_err(Error::io("write", path))
}
