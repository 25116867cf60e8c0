//! Matches as JSON lines and as CSV.

use std::io::{self, Write};

use jobmatch_records::{Match, MatchRow, Record as _};
use serde::Serialize;

/// A job with its matches, as a JSON line.
#[derive(Serialize)]
struct Line<'a, I> {
    id: &'a I,
    matches: &'a [Match],
}

/// Writes a job's line.
pub(super) fn write_line<I: Serialize>(
    output: &mut impl Write,
    id: &I,
    matches: &[Match],
) -> io::Result<()> {
    serde_json::to_writer(&mut *output, &Line { id, matches })?;
    output.write_all(b"\n")
}

/// Writes matches as CSV, quoted where it has to be (RFC 4180).
pub(super) struct CsvRows<W: Write>(csv::Writer<W>);

impl<W: Write> CsvRows<W> {
    /// Begins with a row of the columns' names.
    pub(super) fn begin(output: W) -> io::Result<Self> {
        let mut rows = Self(
            csv::WriterBuilder::new()
                .has_headers(false)
                .from_writer(output),
        );
        let schema = MatchRow::schema();
        let names = schema.fields().iter().map(|field| field.name());
        rows.0.write_record(names).map_err(io_error)?;
        Ok(rows)
    }

    /// Writes a row for each match of a job.
    pub(super) fn write(&mut self, job_id: &str, matches: &[Match]) -> io::Result<()> {
        for row in matches {
            self.0.serialize((job_id, row)).map_err(io_error)?;
        }
        Ok(())
    }

    /// Hands on what was written so far.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_their_names() {
        let row = Match {
            attribute_id: "A1".to_owned(),
            name: "Weld, \"well\"".to_owned(),
            rank: 1,
            score: 0.1,
            bi_score: 0.25,
            cross_score: None,
            decided: true,
            sentence_start: 3,
            sentence_end: 9,
            sentence: "a\nb".to_owned(),
        };
        let mut rows = CsvRows::begin(Vec::new()).unwrap();
        rows.write("j,1", std::slice::from_ref(&row)).unwrap();
        rows.flush().unwrap();
        let bytes = rows.0.into_inner().unwrap();
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let header = reader.headers().unwrap().clone();
        let names: Vec<String> = header.iter().map(str::to_owned).collect();
        let read: Vec<Match> = reader.deserialize().map(Result::unwrap).collect();
        assert_eq!(read, std::slice::from_ref(&row));
        let fields = serde_json::to_value(&row).unwrap();
        assert_eq!(names.len(), fields.as_object().unwrap().len() + 1);

        let mut line = Vec::new();
        write_line(&mut line, &7, &[]).unwrap();
        assert_eq!(line, b"{\"id\":7,\"matches\":[]}\n");
    }
}
