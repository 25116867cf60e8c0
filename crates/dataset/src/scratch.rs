//! What lies between the phases: bincode files in the work folder. Whether they are whole, the journal knows.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use jobmatch_artifact::Work;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

const BUFFER: usize = 1 << 18;

/// Writes a value to a scratch file of this name.
pub(crate) fn write<T: Serialize>(work: &Work, name: &str, value: &T) -> Result<PathBuf> {
    let path = work.scratch(name)?;
    let file = File::create(&path).map_err(Error::io("create", &path))?;
    let mut file = BufWriter::with_capacity(BUFFER, file);
    encode(&path, value, &mut file)?;
    file.flush().map_err(Error::io("write", &path))?;
    Ok(path)
}

/// Reads it again.
pub(crate) fn read<T: DeserializeOwned>(work: &Work, name: &str) -> Result<T> {
    let path = work.scratch(name)?;
    let file = File::open(&path).map_err(Error::io("read", &path))?;
    decode(&path, &mut BufReader::with_capacity(BUFFER, file))
}

fn encode<T: Serialize>(path: &Path, value: &T, to: &mut impl std::io::Write) -> Result<()> {
    bincode::serde::encode_into_std_write(value, to, bincode::config::standard())
        .map(drop)
        .map_err(|error| match error {
            bincode::error::EncodeError::Io { inner, .. } => Error::io("write", path)(inner),
            other => Error::Scratch {
                path: path.to_path_buf(),
                problem: other.to_string(),
            },
        })
}

fn decode<T: DeserializeOwned>(path: &Path, from: &mut impl std::io::Read) -> Result<T> {
    bincode::serde::decode_from_std_read(from, bincode::config::standard()).map_err(|error| {
        match error {
            bincode::error::DecodeError::Io { inner, .. } => Error::io("read", path)(inner),
            other => Error::Scratch {
                path: path.to_path_buf(),
                problem: other.to_string(),
            },
        }
    })
}

/// Writes values to one file, each of which can be read alone.
pub(crate) fn write_sections<T: Serialize>(
    work: &Work,
    name: &str,
    sections: &[T],
) -> Result<PathBuf> {
    let path = work.scratch(name)?;
    let failed = |error| Error::io("write", &path)(error);
    let file = File::create(&path).map_err(Error::io("create", &path))?;
    let mut file = BufWriter::with_capacity(BUFFER, file);
    let mut offsets = vec![8 * (sections.len() as u64 + 1)];
    let mut bytes = Vec::new();
    let mut starts = Vec::new();
    for section in sections {
        starts.push(bytes.len());
        encode(&path, section, &mut bytes)?;
        offsets.push(offsets[0] + bytes.len() as u64);
    }
    for offset in &offsets {
        file.write_all(&offset.to_le_bytes()).map_err(failed)?;
    }
    file.write_all(&bytes).map_err(failed)?;
    file.flush().map_err(failed)?;
    Ok(path)
}

/// Reads the section at `index`.
pub(crate) fn read_section<T: DeserializeOwned>(work: &Work, name: &str, index: u32) -> Result<T> {
    let path = work.scratch(name)?;
    let failed = |error| Error::io("read", &path)(error);
    let mut file = File::open(&path).map_err(failed)?;
    let mut range = [0; 16];
    file.seek(SeekFrom::Start(8 * u64::from(index)))
        .and_then(|_| file.read_exact(&mut range))
        .map_err(failed)?;
    let (start, end) = range.split_at(8);
    let number = |bytes: &[u8]| {
        let mut eight = [0; 8];
        eight.copy_from_slice(bytes);
        u64::from_le_bytes(eight)
    };
    let (start, end) = (number(start), number(end));
    file.seek(SeekFrom::Start(start)).map_err(failed)?;
    let section = file.take(end.saturating_sub(start));
    decode(
        &path,
        &mut BufReader::with_capacity(BUFFER.min(1 << 16), section),
    )
}

/// Writes raw bytes.
pub(crate) fn write_bytes(work: &Work, name: &str, bytes: &[u8]) -> Result<PathBuf> {
    let path = work.scratch(name)?;
    std::fs::write(&path, bytes).map_err(Error::io("write", &path))?;
    Ok(path)
}

/// Reads `count` bytes from byte `start` on.
pub(crate) fn read_bytes(work: &Work, name: &str, start: u64, count: usize) -> Result<Vec<u8>> {
    let path = work.scratch(name)?;
    let mut bytes = vec![0; count];
    File::open(&path)
        .and_then(|mut file| {
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(&mut bytes)
        })
        .map_err(Error::io("read", &path))?;
    Ok(bytes)
}
