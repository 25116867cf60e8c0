//! Rows to `FOLDER/part-SHARD.parquet`.

use std::path::PathBuf;

use jobmatch_artifact::Work;
use jobmatch_records::{ParquetWriter, Record};

use crate::Result;

/// Writes the part of a shard, unless it has no rows; the file that was written.
pub(crate) fn write_part<R: Record>(
    work: &Work,
    folder: &str,
    shard: u32,
    rows: &[R],
) -> Result<Option<PathBuf>> {
    if rows.is_empty() {
        return Ok(None);
    }
    write_rows(work, folder, shard, rows).map(Some)
}

/// Writes a part, with or without rows.
pub(crate) fn write_rows<R: Record>(
    work: &Work,
    folder: &str,
    shard: u32,
    rows: &[R],
) -> Result<PathBuf> {
    let path = work.path(&format!("{folder}/part-{shard:05}.parquet"))?;
    let mut writer = ParquetWriter::create(&path)?;
    writer.write(rows)?;
    writer.finish()?;
    Ok(path)
}
