//! Comma- and tab-separated tables.

use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex};

use ::csv::{ByteRecord, Position, ReaderBuilder};

use super::text::BUFFER;
use super::watch::{Begun, Seen, TooLong, Watch, lock};
use super::{BadRow, Layout, RowResult, Rows};
use crate::{Error, Result};

/// How values stand in a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect {
    pub delimiter: u8,
    /// Whether a value may stand between `"`, and then hold delimiters and line breaks.
    pub quoting: bool,
}

/// `.csv`.
pub(super) const COMMAS: Dialect = Dialect {
    delimiter: b',',
    quoting: true,
};

/// `.tsv`: a `"` is a character there.
pub(super) const TABS: Dialect = Dialect {
    delimiter: b'\t',
    quoting: false,
};

/// The rows after the header.
pub(super) fn rows(layout: Layout, reader: Box<dyn Read + Send>, dialect: Dialect) -> Result<Rows> {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let watch = Watch::new(reader, dialect, Arc::clone(&seen));
    let mut reader = ReaderBuilder::new()
        .delimiter(dialect.delimiter)
        .quoting(dialect.quoting)
        .flexible(true)
        .buffer_capacity(BUFFER)
        .from_reader(watch);
    // What the watch saw of the record that was just read; of the end of the file, when none was.
    let begun = move |layout: &Layout| {
        let mut seen = lock(&seen);
        match seen.unclosed {
            Some(line) => {
                Err(layout.syntax(line, "a quote opens here and is never closed".to_owned()))
            }
            None => Ok(seen.begun.pop_front()),
        }
    };
    let header = reader
        .byte_headers()
        .map_err(|error| csv_error(&layout.path, error))?
        .clone();
    if header.is_empty() {
        return Err(Error::Empty { path: layout.path });
    }
    let first = begun(&layout)?;
    let line = first.map_or(1, |begun| begun.line);
    if let Some(too_long) = first.and_then(|begun| begun.too_long) {
        let line = too_long.quoted.unwrap_or(line);
        return Err(layout.syntax(line, too_long_row("the header", &too_long)));
    }
    let names = header
        .iter()
        .map(|name| match std::str::from_utf8(name) {
            Ok(name) => Ok(name.trim().to_owned()),
            Err(_) => Err(layout.syntax(
                line,
                "the header is not UTF-8; save the file as UTF-8".to_owned(),
            )),
        })
        .collect::<Result<Vec<_>>>()?;
    let places = layout.places(&names)?;
    let mut record = ByteRecord::new();
    Ok(Box::new(std::iter::from_fn(move || {
        match reader.read_byte_record(&mut record) {
            Ok(false) => begun(&layout).err().map(Err),
            Ok(true) => {
                Some(begun(&layout).map(|begun| row(&layout, &record, begun, &places, &names)))
            }
            Err(error) => Some(Err(csv_error(&layout.path, error))),
        }
    })))
}

fn row(
    layout: &Layout,
    record: &ByteRecord,
    begun: Option<Begun>,
    places: &[Option<usize>],
    names: &[String],
) -> RowResult {
    let number = begun.map_or(0, |begun| begun.line);
    let bad = |reason| Err(BadRow { number, reason });
    if let Some(too_long) = begun.and_then(|begun| begun.too_long) {
        let value = match names.get(too_long.column) {
            Some(name) => format!("column `{name}`"),
            None => format!("value {}", too_long.column + 1),
        };
        return Err(BadRow {
            number: too_long.quoted.unwrap_or(number),
            reason: too_long_row(&value, &too_long),
        });
    }
    let columns = names.len();
    if record.len() != columns {
        return bad(format!(
            "the line has {} values, but the header names {columns} columns",
            record.len()
        ));
    }
    let mut values = Vec::with_capacity(places.len());
    for (field, place) in layout.fields.iter().zip(places) {
        let bytes = place.and_then(|place| record.get(place));
        match bytes.map(|bytes| std::str::from_utf8(bytes).map(str::to_owned)) {
            None => values.push(None),
            Some(Ok(value)) => values.push(Some(value)),
            Some(Err(error)) => {
                return bad(format!(
                    "column `{}` is not UTF-8 after its first {} bytes; save the file as UTF-8",
                    layout.columns.theirs(field.name),
                    error.valid_up_to()
                ));
            }
        }
    }
    Ok(layout.row(values, number))
}

/// What is wrong with a row, of which `value` was read when it became too long.
fn too_long_row(value: &str, too_long: &TooLong) -> String {
    match too_long.quoted {
        Some(_) => format!(
            "{value}: a quote opens here, and the row is longer than 64 MiB; is the quote never closed?"
        ),
        None => format!("{value}: the row is longer than 64 MiB"),
    }
}

fn csv_error(path: &Path, error: ::csv::Error) -> Error {
    let line = error.position().map_or(1, Position::line);
    match error.into_kind() {
        ::csv::ErrorKind::Io(source) => Error::io("read", path)(source),
        other => Error::Syntax {
            path: path.to_path_buf(),
            line,
            reason: format!("{other:?}"),
        },
    }
}
