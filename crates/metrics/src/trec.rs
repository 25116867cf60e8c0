//! Lines of TREC files: what qrels and runs share.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use crate::{Error, Result};

pub(crate) fn open(path: &Path) -> Result<BufReader<File>> {
    let file = File::open(path).map_err(|source| io("open", path, source))?;
    Ok(BufReader::with_capacity(1 << 16, file))
}

pub(crate) fn create(path: &Path) -> Result<BufWriter<File>> {
    let file = File::create(path).map_err(|source| io("create", path, source))?;
    Ok(BufWriter::with_capacity(1 << 16, file))
}

pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

/// The error, with the file and line where it was met.
pub(crate) fn at_line(path: &Path, line: u64, source: Error) -> Error {
    Error::Line {
        path: path.to_owned(),
        line,
        source: Box::new(source),
    }
}

/// Calls `row` with the columns of each line that is not blank, and its number from 1.
///
/// Columns are separated by any run of ASCII white space, as `trec_eval` reads them.
pub(crate) fn for_each_row<const N: usize>(
    mut reader: impl BufRead,
    name: &Path,
    expected: &'static str,
    mut row: impl FnMut([&str; N], u64) -> Result<()>,
) -> Result<()> {
    let mut bytes = Vec::new();
    let mut line = 0;
    loop {
        bytes.clear();
        let read = reader.read_until(b'\n', &mut bytes);
        if read.map_err(|source| io("read", name, source))? == 0 {
            return Ok(());
        }
        line += 1;
        let here = |source| at_line(name, line, source);
        let text = std::str::from_utf8(&bytes).map_err(|_| here(Error::NotUtf8))?;
        let mut columns = [""; N];
        let mut found = 0;
        for column in text.split_ascii_whitespace() {
            if let Some(place) = columns.get_mut(found) {
                *place = column;
            }
            found += 1;
        }
        match found {
            0 => {}
            found if found == N => row(columns, line).map_err(here)?,
            found => return Err(here(Error::Columns { expected, found })),
        }
    }
}

/// The id, if a file with white space between columns can hold it.
pub(crate) fn writable<'a>(what: &'static str, id: &'a str) -> Result<&'a str> {
    if id.is_empty() || id.contains(|c: char| c.is_ascii_whitespace()) {
        return Err(Error::UnwritableId {
            what,
            id: id.to_owned(),
        });
    }
    Ok(id)
}

pub(crate) fn flush(mut out: impl Write, name: &Path) -> Result<()> {
    out.flush().map_err(|source| io("write", name, source))
}
