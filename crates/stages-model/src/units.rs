//! The rows of a file, unit by unit, on one process or several: what embedding, scoring and candidates share.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use jobmatch_artifact::Work;
use jobmatch_records::{ParquetWriter, Record, Rejected};
use jobmatch_stage::Progress;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::derived::{counts_of, finish_unit};

/// Reads all rows, `size` a unit, and gives `compute` the number and the rows of each unit that is this process's and is not done
/// yet; it says which files it wrote, and what it counted. The first process gets the counts of all units, in their order, others
/// get none. An empty input is one empty unit, so that there is a file with its columns.
///
/// # Errors
/// A size of 0, a bad row unless it is to be skipped, and `compute`'s own.
pub(crate) fn in_units<R, E, C: Serialize + DeserializeOwned>(
    rows: &mut impl Iterator<Item = Result<R, E>>,
    name: &str,
    size: usize,
    work: &Work,
    mut compute: impl FnMut(u64, &[R]) -> anyhow::Result<(Vec<PathBuf>, C)>,
) -> anyhow::Result<Option<Vec<C>>>
where
    anyhow::Error: From<E>,
{
    ensure!(
        size > 0,
        "setting `rows_per_file`: a file must hold at least 1 row"
    );
    let unit_name = |number: u64| format!("{name}-{number:05}");
    let mut units = 0;
    loop {
        let of_unit: Vec<R> = rows.by_ref().take(size).collect::<Result<_, E>>()?;
        if of_unit.is_empty() && units > 0 {
            break;
        }
        let unit = unit_name(units);
        if work.shard().takes(units) && !work.is_finished(&unit)? {
            let (files, counts) = compute(units, &of_unit)?;
            finish_unit(work, &unit, files, &counts)?;
        }
        units += 1;
        if of_unit.len() < size {
            break;
        }
    }
    if !work.shard().is_first() {
        return Ok(None);
    }
    let counts = (0..units).map(|number| counts_of(work, &unit_name(number)));
    Ok(Some(counts.collect::<anyhow::Result<_>>()?))
}

/// Writes the rows that were set aside, and says how many there are.
pub(crate) fn write_rejected(rejected: &[Rejected], work: &Work) -> anyhow::Result<u64> {
    if !rejected.is_empty() {
        work.write_json_lines("rejected.jsonl", rejected)?;
    }
    Ok(rejected.len() as u64)
}

/// Writes a Parquet file of rows.
pub(crate) fn write_rows<R: Record>(path: &Path, rows: &[R]) -> anyhow::Result<()> {
    let mut writer = ParquetWriter::create(path)?;
    writer.write(rows)?;
    writer.finish()?;
    Ok(())
}

/// Adds to `progress` what is heard of as done so far.
pub(crate) fn heard(progress: &Progress) -> impl FnMut(usize) {
    let mut before = 0;
    move |done| {
        progress.add((done - before) as u64);
        before = done;
    }
}
