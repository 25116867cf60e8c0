//! What the parser of comma- and tab-separated tables does not tell: on which line a row begins, that a quote is never
//! closed, that a row would not fit in memory.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::MAX_ROW;
use super::csv::Dialect;

/// Follows the rows and quotes of what it hands on to the parser. The parser takes the end of the file for the end of a
/// quote, and would silently make one value of all rows after a quote that is never closed; it counts empty lines
/// before a record as part of it; and it holds a row in memory however long it is. Of a row longer than `max_row` the
/// parser sees the beginning only, as a row that ends there.
pub(super) struct Watch<R> {
    inner: R,
    dialect: Dialect,
    max_row: usize,
    state: State,
    /// The line that is read, from 1.
    line: u64,
    /// The line that the last quote began on.
    quoted: u64,
    /// The value of the row that is read, from 0.
    column: usize,
    /// Bytes of the row so far; 0 between rows.
    bytes: usize,
    cut: Cut,
    seen: Arc<Mutex<Seen>>,
}

/// What the watch tells of the rows that it handed on.
#[derive(Default)]
pub(super) struct Seen {
    /// The rows that were not yet parsed.
    pub begun: VecDeque<Begun>,
    /// At the end of the file: the line of a quote that is still open.
    pub unclosed: Option<u64>,
}

/// The lock; what it holds is whole between any two statements.
pub(super) fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A row that was handed on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    /// The line that it begins on.
    pub line: u64,
    /// Set when only its beginning was handed on.
    pub too_long: Option<TooLong>,
}

/// Where a row became longer than it may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct TooLong {
    /// In which value, from 0.
    pub column: usize,
    /// The line of the quote that is open there.
    pub quoted: Option<u64>,
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

/// How far the cutting of a row that is too long has come.
#[derive(Clone, Copy, PartialEq)]
enum Cut {
    No,
    /// The parser is told that the quote ends.
    Quote,
    /// The parser is told that the row ends.
    Row,
    /// The rest of the row is skipped.
    Rest,
}

impl<R> Watch<R> {
    pub fn new(inner: R, dialect: Dialect, seen: Arc<Mutex<Seen>>) -> Self {
        Self {
            inner,
            dialect,
            max_row: MAX_ROW,
            state: State::Begin,
            line: 1,
            quoted: 1,
            column: 0,
            bytes: 0,
            cut: Cut::No,
            seen,
        }
    }

    fn follow(&mut self, bytes: &[u8], begun: &mut VecDeque<Begun>) {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let same = self.same(&bytes[at..]);
            if same > 0 {
                self.bytes += same;
                at += same;
            } else {
                self.step(byte, begun);
                at += 1;
            }
        }
    }

    /// How many bytes from here on change nothing but the line: a step for each would take longer than the parsing.
    fn same(&mut self, mut bytes: &[u8]) -> usize {
        match self.state {
            State::Quoted => {
                let all = bytes;
                // Searching a slice cannot fail.
                let read = bytes.skip_until(b'"').unwrap_or(0);
                let same = match all[..read].last() {
                    Some(b'"') => read - 1,
                    _ => read,
                };
                self.line += all[..same].iter().filter(|&&byte| byte == b'\n').count() as u64;
                same
            }
            State::Bare => {
                let ends =
                    |&byte: &u8| byte == self.dialect.delimiter || byte == b'\n' || byte == b'\r';
                bytes.iter().position(ends).unwrap_or(bytes.len())
            }
            State::Begin | State::Closing => 0,
        }
    }

    fn step(&mut self, byte: u8, begun: &mut VecDeque<Begun>) {
        let ends_line = matches!(byte, b'\n' | b'\r');
        if self.bytes == 0 && !ends_line {
            self.column = 0;
            begun.push_back(Begun {
                line: self.line,
                too_long: None,
            });
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
                self.check_length(begun);
                self.bytes = 0;
                State::Begin
            }
            (_, byte) if byte == self.dialect.delimiter => {
                self.column += 1;
                State::Begin
            }
            _ => State::Bare,
        };
        if byte == b'\n' {
            self.line += 1;
        }
    }

    /// Whether the row is too long by now; the row that was begun last is told so.
    fn check_length(&self, begun: &mut VecDeque<Begun>) -> bool {
        let is_long = self.bytes > self.max_row;
        if is_long && let Some(row) = begun.back_mut() {
            row.too_long = Some(TooLong {
                column: self.column,
                quoted: (self.state == State::Quoted).then_some(self.quoted),
            });
        }
        is_long
    }

    /// Skips the rest of a row; how many bytes follow it, moved to the front.
    fn skip(&mut self, bytes: &mut [u8]) -> usize {
        let mut at = 0;
        while self.bytes > 0 && at < bytes.len() {
            self.step(bytes[at], &mut VecDeque::new());
            // Its length is told already.
            self.bytes = self.bytes.min(1);
            at += 1;
        }
        bytes.copy_within(at.., 0);
        bytes.len() - at
    }
}

impl<R: Read> Read for Watch<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if let Cut::Quote | Cut::Row = self.cut {
            (buffer[0], self.cut) = match self.cut {
                Cut::Quote => (b'"', Cut::Row),
                _ => (b'\n', Cut::Rest),
            };
            return Ok(1);
        }
        loop {
            let mut read = self.inner.read(buffer)?;
            let at_end = read == 0;
            if self.cut == Cut::Rest {
                read = self.skip(&mut buffer[..read]);
                if self.bytes == 0 {
                    self.cut = Cut::No;
                }
            }
            let seen = Arc::clone(&self.seen);
            let mut seen = lock(&seen);
            self.follow(&buffer[..read], &mut seen.begun);
            let quoted = self.state == State::Quoted;
            if self.check_length(&mut seen.begun) {
                self.cut = if quoted { Cut::Quote } else { Cut::Row };
            }
            if at_end && quoted {
                seen.unclosed = Some(self.quoted);
            }
            if at_end || read > 0 {
                return Ok(read);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use csv::{ByteRecord, ReaderBuilder};
    use proptest::prelude::*;

    use super::super::csv::{COMMAS, TABS};
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        /// The watch sees as many rows as the parser, wherever quotes, line breaks and reads fall; a row that is cut
        /// changes none of the others.
        #[test]
        fn watch_and_parser_agree(
            bytes in prop::collection::vec(prop::sample::select(b"\",\n\raa".to_vec()), 0..40),
            capacity in 1usize..16,
            dialect in prop::sample::select(vec![COMMAS, TABS]),
            max_row in prop::sample::select(vec![1usize, 5, 10, 1000]),
        ) {
            let parse = |max_row| {
                let seen = Arc::new(Mutex::new(Seen::default()));
                let mut watch = Watch::new(bytes.as_slice(), dialect, Arc::clone(&seen));
                watch.max_row = max_row;
                let mut reader = ReaderBuilder::new()
                    .delimiter(dialect.delimiter)
                    .quoting(dialect.quoting)
                    .flexible(true)
                    .has_headers(false)
                    .buffer_capacity(capacity)
                    .from_reader(watch);
                let (mut record, mut rows) = (ByteRecord::new(), Vec::new());
                while reader.read_byte_record(&mut record).unwrap() {
                    let begun = lock(&seen).begun.pop_front();
                    let begun = begun.ok_or_else(|| TestCaseError::fail("the parser sees a row more"))?;
                    rows.push((begun, record.clone()));
                }
                prop_assert!(lock(&seen).begun.is_empty(), "the parser sees a row less");
                prop_assert!(rows.iter().map(|(begun, _)| begun.line).is_sorted());
                let unclosed = lock(&seen).unclosed;
                Ok((rows, unclosed))
            };
            let (whole, unclosed) = parse(usize::MAX)?;
            let (rows, still_unclosed) = parse(max_row)?;
            prop_assert_eq!(unclosed, still_unclosed);
            prop_assert_eq!(rows.len(), whole.len());
            for ((begun, record), (expected, whole)) in rows.iter().zip(&whole) {
                prop_assert_eq!(begun.line, expected.line);
                match begun.too_long {
                    None => prop_assert_eq!(record, whole),
                    Some(too_long) => prop_assert_eq!(too_long.column + 1, record.len()),
                }
            }
        }
    }
}
