//! Pairs to `part-*.parquet`.

use jobmatch_artifact::Draft;
use jobmatch_records::{Pair, ParquetWriter};

use crate::Result;

/// Rows between two calls of the writer below.
const BATCH: usize = 8192;

/// Writes a folder of parts.
pub(crate) struct Parts<'a> {
    draft: &'a Draft,
    folder: &'static str,
    rows_per_part: usize,
    batch: Vec<Pair>,
    /// The part that is being written, and its rows.
    part: Option<(ParquetWriter<Pair>, usize)>,
    parts: usize,
    rows: u64,
}

impl<'a> Parts<'a> {
    pub(crate) fn new(draft: &'a Draft, folder: &'static str, rows_per_part: usize) -> Parts<'a> {
        Parts {
            draft,
            folder,
            rows_per_part,
            batch: Vec::new(),
            part: None,
            parts: 0,
            rows: 0,
        }
    }

    pub(crate) fn push(&mut self, pair: Pair) -> Result<()> {
        let written = self.part.as_ref().map_or(0, |(_, rows)| *rows);
        self.batch.push(pair);
        self.rows += 1;
        if written + self.batch.len() == self.rows_per_part {
            self.flush()?;
            self.close()?;
        } else if self.batch.len() == BATCH {
            self.flush()?;
        }
        Ok(())
    }

    /// Ends the last part; a folder without rows gets one part without rows. Returns the rows.
    pub(crate) fn finish(mut self) -> Result<u64> {
        if !self.batch.is_empty() || self.parts == 0 {
            self.flush()?;
        }
        self.close()?;
        Ok(self.rows)
    }

    fn flush(&mut self) -> Result<()> {
        if self.part.is_none() {
            let name = format!("{}/part-{:05}.parquet", self.folder, self.parts);
            self.part = Some((ParquetWriter::create(&self.draft.path(&name)?)?, 0));
            self.parts += 1;
        }
        if let Some((writer, rows)) = &mut self.part {
            writer.write(&self.batch)?;
            *rows += self.batch.len();
        }
        self.batch.clear();
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        if let Some((writer, _)) = self.part.take() {
            writer.finish()?;
        }
        Ok(())
    }
}
