//! Small steps on files: hashed, listed, and brought to the disk for certain.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use crate::manifest::FileEntry;
use crate::{Error, Result};

/// `blake3:` and the hash of bytes.
pub(crate) fn digest_bytes(bytes: &[u8]) -> String {
    format!("blake3:{}", blake3::hash(bytes).to_hex())
}

/// `blake3:` and the hash of a file.
pub(crate) fn digest_file(path: &Path) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    let file = File::open(path).map_err(Error::io("read", path))?;
    hasher
        .update_reader(file)
        .map_err(Error::io("read", path))?;
    Ok(format!("blake3:{}", hasher.finalize().to_hex()))
}

/// What the manifest says of one file.
pub(crate) fn entry(path: &Path) -> Result<FileEntry> {
    let bytes = fs::metadata(path).map_err(Error::io("read", path))?.len();
    Ok(FileEntry {
        bytes,
        blake3: digest_file(path)?,
    })
}

/// What is wrong with a file, held against its entry: its length first, which costs nothing.
pub(crate) fn problem(path: &Path, expected: &FileEntry) -> Result<Option<String>> {
    match fs::metadata(path) {
        Ok(data) if !data.is_file() => return Ok(Some("it is no file".to_owned())),
        Ok(data) if data.len() != expected.bytes => {
            return Ok(Some(format!(
                "it has {} bytes, not {}",
                data.len(),
                expected.bytes
            )));
        }
        Ok(_) => {}
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Some("it is missing".to_owned()));
        }
        Err(error) => return Err(Error::io("read", path)(error)),
    }
    let found = digest_file(path)?;
    Ok((found != expected.blake3).then(|| format!("its hash is {found}, not {}", expected.blake3)))
}

/// Writes a value as one JSON line, in one go, at the end of an open file; returns the bytes written.
pub(crate) fn append_row<T: Serialize>(mut file: &File, path: &Path, row: &T) -> Result<u64> {
    let line = serde_json::to_string(row).map_err(|source| Error::Json {
        path: path.to_path_buf(),
        source,
    })? + "\n";
    file.write_all(line.as_bytes())
        .map_err(Error::io("write", path))?;
    Ok(line.len() as u64)
}

/// Whether a name stays inside the folder that it is joined to.
pub(crate) fn is_inside(name: &str) -> bool {
    !name.is_empty()
        && Path::new(name)
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
}

/// What stands in a folder and the folders in it.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Each file by its name under the folder, `/` between its parts.
    pub files: BTreeMap<String, PathBuf>,
    /// The folder itself and all under it, each after those that it holds.
    pub folders: Vec<PathBuf>,
}

/// Lists a folder; refuses what a manifest cannot speak of: links, devices, names that are not UTF-8.
pub(crate) fn list(folder: &Path) -> Result<Listing> {
    let mut listing = Listing::default();
    walk(folder, "", &mut listing)?;
    Ok(listing)
}

fn walk(folder: &Path, prefix: &str, listing: &mut Listing) -> Result<()> {
    for item in fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let item = item.map_err(Error::io("list", folder))?;
        let path = item.path();
        let kind = item.file_type().map_err(Error::io("list", folder))?;
        let Ok(name) = item.file_name().into_string() else {
            return Err(Error::NotAFile { path });
        };
        let name = format!("{prefix}{name}");
        if kind.is_dir() {
            walk(&path, &format!("{name}/"), listing)?;
        } else if kind.is_file() {
            listing.files.insert(name, path);
        } else {
            return Err(Error::NotAFile { path });
        }
    }
    listing.folders.push(folder.to_path_buf());
    Ok(())
}

/// Brings a file, or a folder's list of names, to the disk.
pub(crate) fn sync_path(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(Error::io("bring to the disk", path))
}

/// Removes a folder and all in it, if it is there.
pub(crate) fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}
