//! Random access to the rows of a folder of shards: what a reader needs that cannot go from the first row to the last.

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::slice::from_ref;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::basic::Type;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetStatisticsPolicy, RowGroupMetaData};

use crate::columns::BatchColumns;
use crate::parquet_file::{Record, in_file, shard_paths};
use crate::{Error, Result};

/// Rows that are decoded at once into typed rows: with them goes their memory in columns.
const BATCH: usize = 4096;
/// Values that are decoded at once when one column of numbers is read.
const NUMBERS: usize = 65_536;

/// One file of a folder of shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// Where it lies.
    pub path: PathBuf,
    /// Its row groups, as indices of [`Blocks::groups`].
    pub groups: Range<usize>,
}

/// What a file's footer says of one row group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowGroup {
    /// Its file, as an index of [`Blocks::shards`].
    pub shard: usize,
    /// Its number in the file, from 0.
    pub number: usize,
    /// The number in the file, from 0, of its first row.
    pub first_row: u64,
    /// How many rows it has.
    pub rows: u32,
    /// Bytes of its values, of the columns of the record, when nothing is encoded or compressed: what it takes in
    /// memory, but for what a row costs in any case. A column whose writer left no such number counts with its
    /// encoded, uncompressed size, which is less where values repeat.
    pub bytes: u64,
    /// Bytes in the file, of all columns.
    pub stored_bytes: u64,
}

/// The files `PREFIX-*.parquet` of a folder, in the order of their names, of which any rows can be read. In memory are
/// some 50 bytes of each row group, and no row.
///
/// ```no_run
/// use jobmatch_records::{Blocks, Pair};
///
/// let blocks = Blocks::<Pair>::open("pairs/train".as_ref(), "part")?;
/// let rows: Vec<Pair> = blocks.reader().read(3, &[4096..8192])?; // of the fourth row group
/// # Ok::<(), jobmatch_records::Error>(())
/// ```
pub struct Blocks<R> {
    shards: Vec<Shard>,
    groups: Vec<RowGroup>,
    of: PhantomData<fn() -> R>,
}

impl<R> std::fmt::Debug for Blocks<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blocks")
            .field("shards", &self.shards.len())
            .field("groups", &self.groups.len())
            .finish_non_exhaustive()
    }
}

impl<R: Record> Blocks<R> {
    /// Reads the footers of the folder's files.
    ///
    /// # Errors
    /// When the folder cannot be listed or has no such file; when a file is no whole Parquet file, or one of the
    /// record's columns is missing or of another type.
    pub fn open(folder: &Path, prefix: &str) -> Result<Self> {
        let mut shards = Vec::new();
        let mut groups = Vec::new();
        for path in shard_paths(folder, prefix)? {
            let (_, metadata) = open_file(&path)?;
            check_columns::<R>(&path, &metadata)?;
            let first = groups.len();
            groups.extend(groups_of::<R>(&path, shards.len(), &metadata)?);
            shards.push(Shard {
                path,
                groups: first..groups.len(),
            });
        }
        Ok(Self {
            shards,
            groups,
            of: PhantomData,
        })
    }

    /// The files, in the order of their names.
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// The row groups of all files, in the order of the rows.
    pub fn groups(&self) -> &[RowGroup] {
        &self.groups
    }

    /// A reader of rows. Each thread makes its own.
    pub fn reader(&self) -> BlockReader<'_, R> {
        BlockReader {
            blocks: self,
            open: None,
        }
    }

    fn facts(&self, group: usize) -> Result<(&RowGroup, &Path)> {
        let facts = self.groups.get(group).ok_or_else(|| {
            let folder = self.shards.first().and_then(|shard| shard.path.parent());
            refused(
                folder.unwrap_or(Path::new("")),
                format!(
                    "row group {group} was asked for, of {}, counted from 0",
                    self.groups.len()
                ),
            )
        })?;
        Ok((facts, &self.shards[facts.shard].path))
    }

    /// The error that a row of a row group is bad, by its number in the file.
    pub fn bad_row(&self, group: &RowGroup, row: u32, reason: String) -> Error {
        Error::BadRow {
            path: self
                .shards
                .get(group.shard)
                .map_or_else(PathBuf::new, |shard| shard.path.clone()),
            place: "row",
            number: group.first_row.saturating_add(u64::from(row) + 1),
            reason,
        }
    }
}

/// Reads rows of [`Blocks`]. It keeps the last file open, with its footer: row groups are best asked for in their
/// order.
pub struct BlockReader<'b, R> {
    blocks: &'b Blocks<R>,
    open: Option<(usize, File, ArrowReaderMetadata)>,
}

impl<R> std::fmt::Debug for BlockReader<'_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockReader")
            .field("blocks", self.blocks)
            .finish_non_exhaustive()
    }
}

impl<R: Record> BlockReader<'_, R> {
    /// Rows of one row group (an index of [`Blocks::groups`]): those in `ranges`, which count the group's rows from 0,
    /// rise and do not overlap. Of the file are read the pages that hold them, of the record's columns.
    ///
    /// # Errors
    /// When there is no such group or row, the file cannot be read, or its footer is no longer the one that
    /// [`Blocks::open`] read.
    pub fn read(&mut self, group: usize, ranges: &[Range<u32>]) -> Result<Vec<R>> {
        self.rows(group, ranges, |batch| R::from_batch(&batch))
    }

    /// Those of the rows for which `keep` says yes, given the row's number in its group and its value in `column`, a
    /// column of 32 bit floating point numbers of the record. The others are left out before they become rows.
    ///
    /// # Errors
    /// As [`BlockReader::read`], and when there is no such column or it has rows without a value.
    pub fn read_if(
        &mut self,
        group: usize,
        ranges: &[Range<u32>],
        column: &str,
        mut keep: impl FnMut(u32, f32) -> bool,
    ) -> Result<Vec<R>> {
        let mut numbers = ranges.iter().cloned().flatten();
        self.rows(group, ranges, |batch| {
            let values = BatchColumns(&batch).f32s(column)?.values();
            let kept: BooleanArray = values
                .iter()
                .zip(numbers.by_ref())
                .map(|(&value, row)| Some(keep(row, value)))
                .collect();
            // A batch of more rows than were asked for passes whole: it is refused when all are counted.
            if kept.len() != batch.num_rows() || !kept.has_false() {
                return R::from_batch(&batch);
            }
            R::from_batch(&filter_record_batch(&batch, &kept).map_err(Error::Batch)?)
        })
    }

    /// All values of a column of 32 bit floating point numbers of one row group. No other column is read.
    ///
    /// # Errors
    /// As [`BlockReader::read`], and when there is no such column or it has rows without a value.
    pub fn floats(&mut self, group: usize, column: &str) -> Result<Vec<f32>> {
        let blocks = self.blocks;
        let (facts, path) = blocks.facts(group)?;
        let mut values = Vec::with_capacity(facts.rows as usize);
        let every = 0..facts.rows;
        for batch in self.batches(facts, from_ref(&every), &[column], NUMBERS)? {
            let batch = batch.map_err(Error::arrow(path))?;
            let column = BatchColumns(&batch)
                .f32s(column)
                .map_err(|error| in_file(error, path))?;
            values.extend_from_slice(column.values());
        }
        complete(path, facts, values.len(), facts.rows as usize)?;
        Ok(values)
    }

    /// Shows `see` each row's number in its group and its text in `column`. No other column is read.
    ///
    /// # Errors
    /// As [`BlockReader::read`], and when there is no such column or it has rows without a value.
    pub fn texts(
        &mut self,
        group: usize,
        column: &str,
        mut see: impl FnMut(u32, &str),
    ) -> Result<()> {
        let blocks = self.blocks;
        let (facts, path) = blocks.facts(group)?;
        let every = 0..facts.rows;
        let mut numbers = every.clone();
        for batch in self.batches(facts, from_ref(&every), &[column], NUMBERS)? {
            let batch = batch.map_err(Error::arrow(path))?;
            let texts = BatchColumns(&batch).texts(column);
            let texts = texts.map_err(|error| in_file(error, path))?;
            for (text, number) in texts.iter().flatten().zip(numbers.by_ref()) {
                see(number, text);
            }
        }
        complete(path, facts, numbers.start as usize, facts.rows as usize)
    }

    fn rows(
        &mut self,
        group: usize,
        ranges: &[Range<u32>],
        mut rows_of: impl FnMut(RecordBatch) -> Result<Vec<R>>,
    ) -> Result<Vec<R>> {
        let blocks = self.blocks;
        let (facts, path) = blocks.facts(group)?;
        let wanted = check_ranges(path, facts, ranges)?;
        let schema = R::schema();
        let columns: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        let (mut rows, mut read) = (Vec::new(), 0);
        for batch in self.batches(facts, ranges, &columns, BATCH)? {
            let batch = batch.map_err(Error::arrow(path))?;
            read += batch.num_rows();
            rows.extend(rows_of(batch).map_err(|error| in_file(error, path))?);
        }
        complete(path, facts, read, wanted)?;
        Ok(rows)
    }

    fn batches(
        &mut self,
        group: &RowGroup,
        ranges: &[Range<u32>],
        columns: &[&str],
        batch: usize,
    ) -> Result<ParquetRecordBatchReader> {
        let path = &self.blocks.shards[group.shard].path;
        let (file, metadata) = self.file(group.shard)?;
        let columns = ProjectionMask::columns(metadata.parquet_schema(), columns.iter().copied());
        let selection = RowSelection::from_consecutive_ranges(
            ranges.iter().map(|r| r.start as usize..r.end as usize),
            group.rows as usize,
        );
        ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_row_groups(vec![group.number])
            .with_projection(columns)
            .with_row_selection(selection)
            .with_batch_size(batch)
            .build()
            .map_err(Error::parquet(path))
    }

    /// The open file with its footer. A file that is opened anew is held against what was read at first: its rows may
    /// have been written again since.
    fn file(&mut self, shard: usize) -> Result<(File, ArrowReaderMetadata)> {
        let facts = &self.blocks.shards[shard];
        let path = &facts.path;
        let (file, metadata) = match self.open.take() {
            Some((open, file, metadata)) if open == shard => (file, metadata),
            _ => {
                let (file, metadata) = open_file(path)?;
                check_columns::<R>(path, &metadata)?;
                if groups_of::<R>(path, shard, &metadata)?
                    != self.blocks.groups[facts.groups.clone()]
                {
                    return Err(refused(
                        path,
                        "it was written again since its folder was opened",
                    ));
                }
                (file, metadata)
            }
        };
        let again = file.try_clone().map_err(Error::io("read", path))?;
        self.open = Some((shard, file, metadata.clone()));
        Ok((again, metadata))
    }
}

/// Opens a file and reads its footer, without the statistics that only a search needs.
fn open_file(path: &Path) -> Result<(File, ArrowReaderMetadata)> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let options = ArrowReaderOptions::new()
        .with_column_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll);
    let metadata = ArrowReaderMetadata::load(&file, options).map_err(Error::parquet(path))?;
    Ok((file, metadata))
}

/// Refuses a file that lacks a column of the record.
fn check_columns<R: Record>(path: &Path, metadata: &ArrowReaderMetadata) -> Result<()> {
    for wanted in R::schema().fields() {
        let problem = match metadata.schema().field_with_name(wanted.name()) {
            Ok(found) if found.data_type() == wanted.data_type() => continue,
            Ok(found) => format!(
                "has the type {}, not {}",
                found.data_type(),
                wanted.data_type()
            ),
            Err(_) => "is missing".to_owned(),
        };
        return Err(Error::Column {
            path: path.to_path_buf(),
            column: wanted.name().clone(),
            problem,
        });
    }
    Ok(())
}

/// The facts of a file's row groups.
fn groups_of<R: Record>(
    path: &Path,
    shard: usize,
    metadata: &ArrowReaderMetadata,
) -> Result<Vec<RowGroup>> {
    let schema = R::schema();
    let mut first_row = 0_u64;
    let facts = metadata.metadata().row_groups().iter().enumerate();
    facts
        .map(|(number, group)| {
            let rows = u32::try_from(group.num_rows()).map_err(|_| {
                broken(
                    path,
                    format!("row group {number} has {} rows", group.num_rows()),
                )
            })?;
            let of_record = |column: &&ColumnChunkMetaData| {
                let name = column.column_path().parts().first();
                name.is_some_and(|name| schema.field_with_name(name).is_ok())
            };
            let columns = group.columns().iter().filter(of_record);
            let facts = RowGroup {
                shard,
                number,
                first_row,
                rows,
                bytes: columns.map(unencoded).fold(0, u64::saturating_add),
                stored_bytes: stored(group),
            };
            first_row = first_row.saturating_add(u64::from(rows));
            Ok(facts)
        })
        .collect()
}

/// Bytes of a column's values as they are in memory. Texts that repeat are stored once in a file, but each row holds
/// its own copy: the encoded size would promise too little.
fn unencoded(column: &ColumnChunkMetaData) -> u64 {
    let width = match column.column_type() {
        Type::BOOLEAN => Some(1),
        Type::INT32 | Type::FLOAT => Some(4),
        Type::INT64 | Type::DOUBLE => Some(8),
        Type::INT96 => Some(12),
        Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY => None,
    };
    let bytes = match width {
        Some(width) => column.num_values().saturating_mul(width),
        None => column
            .unencoded_byte_array_data_bytes()
            .unwrap_or_else(|| column.uncompressed_size()),
    };
    u64::try_from(bytes).unwrap_or(0)
}

fn stored(group: &RowGroupMetaData) -> u64 {
    let sizes = group.columns().iter();
    sizes
        .map(|column| u64::try_from(column.compressed_size()).unwrap_or(0))
        .fold(0, u64::saturating_add)
}

/// How many rows the ranges hold.
fn check_ranges(path: &Path, group: &RowGroup, ranges: &[Range<u32>]) -> Result<usize> {
    let (mut end, mut rows) = (0, 0);
    for range in ranges {
        if range.start < end || range.end < range.start || range.end > group.rows {
            return Err(refused(
                path,
                format!(
                    "rows {range:?} of row group {} were asked for, which has {} rows, after row {end}",
                    group.number, group.rows
                ),
            ));
        }
        end = range.end;
        rows += range.len();
    }
    Ok(rows)
}

/// Fewer rows than the footer promises would shift all that come after.
fn complete(path: &Path, group: &RowGroup, read: usize, wanted: usize) -> Result<()> {
    if read == wanted {
        return Ok(());
    }
    Err(broken(
        path,
        format!("row group {} gives {read} rows, not {wanted}", group.number),
    ))
}

fn broken(path: &Path, reason: String) -> Error {
    Error::parquet(path)(ParquetError::General(reason))
}

fn refused(path: &Path, reason: impl Into<String>) -> Error {
    let reason = io::Error::new(io::ErrorKind::InvalidInput, reason.into());
    Error::io("read", path)(reason)
}
