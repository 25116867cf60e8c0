//! Comma- and tab-separated tables.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ::csv::{ByteRecord, Position, ReaderBuilder};

use super::{BadRow, Layout, MAX_ROW, RowResult, Rows};
use crate::{Error, Result};

/// How values stand in a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect {
    delimiter: u8,
    /// Whether a value may stand between `"`, and then hold delimiters and line breaks.
    quoting: bool,
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
        .from_reader(watch);
    // The line of the record that was just read.
    let line_of = move |layout: &Layout| {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.unclosed {
            Some(line) => {
                Err(layout.syntax(line, "a quote opens here and is never closed".to_owned()))
            }
            None => Ok(seen.begins.pop_front().unwrap_or(0)),
        }
    };
    let header = reader
        .byte_headers()
        .map_err(|error| csv_error(&layout.path, error))?
        .clone();
    if header.is_empty() {
        return Err(Error::Empty { path: layout.path });
    }
    let line = line_of(&layout)?;
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
            Ok(false) => None,
            Ok(true) => {
                Some(line_of(&layout).map(|line| row(&layout, &record, line, &places, names.len())))
            }
            Err(error) => Some(Err(csv_error(&layout.path, error))),
        }
    })))
}

fn row(
    layout: &Layout,
    record: &ByteRecord,
    number: u64,
    places: &[Option<usize>],
    columns: usize,
) -> RowResult {
    let bad = |reason| Err(BadRow { number, reason });
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

fn csv_error(path: &Path, error: ::csv::Error) -> Error {
    let line = error.position().map_or(1, Position::line);
    let syntax = |line, reason| Error::Syntax {
        path: path.to_path_buf(),
        line,
        reason,
    };
    match error.into_kind() {
        ::csv::ErrorKind::Io(source) => {
            match source.get_ref().and_then(|inner| inner.downcast_ref()) {
                Some(TooLong { line, reason }) => syntax(*line, (*reason).to_owned()),
                None => Error::io("read", path)(source),
            }
        }
        other => syntax(line, format!("{other:?}")),
    }
}

/// Follows the rows and quotes of what it hands on, for two things that the parser does not tell. It takes the end of
/// the file for the end of a quote, and would silently make one value of all rows after a quote that is never closed;
/// and it counts empty lines before a record as part of it.
struct Watch<R> {
    inner: R,
    dialect: Dialect,
    state: State,
    /// The line that is read, from 1.
    line: u64,
    /// The line that the row began on.
    begun: u64,
    /// The line that the last quote began on.
    quoted: u64,
    /// Bytes of the row so far; 0 between rows.
    bytes: usize,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// The lines on which the rows begin that were handed on and not yet parsed.
    begins: VecDeque<u64>,
    /// At the end of the file: the line of a quote that is still open.
    unclosed: Option<u64>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Before a value's first byte.
    Begin,
    Bare,
    Quoted,
    /// After a `"` in quotes: it ends them, or is the first of two that stand for one.
    Closing,
}

/// A row that would not fit in memory.
#[derive(Debug)]
struct TooLong {
    line: u64,
    reason: &'static str,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for TooLong {}

impl<R> Watch<R> {
    fn new(inner: R, dialect: Dialect, seen: Arc<Mutex<Seen>>) -> Self {
        Self {
            inner,
            dialect,
            state: State::Begin,
            line: 1,
            begun: 1,
            quoted: 1,
            bytes: 0,
            seen,
        }
    }

    fn step(&mut self, byte: u8, begins: &mut VecDeque<u64>) {
        let ends_line = matches!(byte, b'\n' | b'\r');
        if self.bytes == 0 && !ends_line {
            self.begun = self.line;
            begins.push_back(self.line);
        }
        self.bytes += 1;
        self.state = match (self.state, byte) {
            (State::Begin, b'"') if self.dialect.quoting => {
                self.quoted = self.line;
                State::Quoted
            }
            (State::Quoted, b'"') => State::Closing,
            (State::Closing, b'"') | (State::Quoted, _) => State::Quoted,
            _ if ends_line => {
                self.bytes = 0;
                State::Begin
            }
            (_, byte) if byte == self.dialect.delimiter => State::Begin,
            _ => State::Bare,
        };
        if byte == b'\n' {
            self.line += 1;
        }
    }
}

impl<R: Read> Read for Watch<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let seen = Arc::clone(&self.seen);
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        for &byte in &buffer[..read] {
            self.step(byte, &mut seen.begins);
        }
        let quoted = self.state == State::Quoted;
        if self.bytes > MAX_ROW {
            let (line, reason) = if quoted {
                (
                    self.quoted,
                    "a quote opens here and is not closed within 64 MiB",
                )
            } else {
                (self.begun, "the line is longer than 64 MiB")
            };
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                TooLong { line, reason },
            ));
        }
        if read == 0 && !buffer.is_empty() && quoted {
            seen.unclosed = Some(self.quoted);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The watch sees as many rows as the parser, wherever quotes, line breaks and reads fall.
        #[test]
        fn watch_and_parser_agree(
            bytes in prop::collection::vec(prop::sample::select(b"\",\n\ra".to_vec()), 0..40),
            capacity in 1usize..16,
            dialect in prop::sample::select(vec![COMMAS, TABS]),
        ) {
            let seen = Arc::new(Mutex::new(Seen::default()));
            let mut reader = ReaderBuilder::new()
                .delimiter(dialect.delimiter)
                .quoting(dialect.quoting)
                .flexible(true)
                .has_headers(false)
                .buffer_capacity(capacity)
                .from_reader(Watch::new(bytes.as_slice(), dialect, Arc::clone(&seen)));
            let mut record = ByteRecord::new();
            let mut last = 0;
            while reader.read_byte_record(&mut record).unwrap() {
                let line = seen.lock().unwrap().begins.pop_front();
                let line = line.ok_or_else(|| TestCaseError::fail("the parser sees a row more"))?;
                prop_assert!(line >= last, "rows begin in order");
                last = line;
            }
            prop_assert!(seen.lock().unwrap().begins.is_empty(), "the parser sees a row less");
        }
    }
}
