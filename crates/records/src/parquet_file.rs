//! What travels between stages: typed rows in Parquet files.

use std::fs::File;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::BatchCoalescer;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use crate::{Error, Result};

/// Rows of a row group: what a reader has in memory at least.
const ROW_GROUP: usize = 65_536;
/// Rows that are written at once; a divisor of [`ROW_GROUP`].
const BLOCK: usize = 8192;
/// Rows of a batch while reading.
const BATCH: usize = 4096;
/// Fixed, so that the bytes do not change with the library's version string.
const CREATED_BY: &str = "jobmatch";

/// A row type with its columns.
pub trait Record: Sized {
    /// Columns of whole numbers that rise from row to row. They are written as differences: a dictionary of values that
    /// never come again costs time and space.
    const RISING: &'static [&'static str] = &[];

    /// The columns, in order.
    fn schema() -> SchemaRef;

    /// The rows' columns, in the order of the schema.
    fn to_columns(rows: &[Self]) -> Vec<ArrayRef>;

    /// The rows of a batch; its columns are found by name.
    ///
    /// # Errors
    /// When a column is missing or of another type; the error names no file, its caller does.
    fn from_batch(batch: &RecordBatch) -> Result<Vec<Self>>;

    /// The rows as a batch.
    ///
    /// # Errors
    /// When the columns do not fit the schema.
    fn to_batch(rows: &[Self]) -> Result<RecordBatch> {
        RecordBatch::try_new(Self::schema(), Self::to_columns(rows)).map_err(Error::Batch)
    }
}

/// Writes rows to one Parquet file, compressed by zstd. The same rows give the same bytes, however they are cut into
/// calls. Up to 8192 rows wait in memory, and the compressed columns of a row group.
pub struct ParquetWriter<R> {
    path: PathBuf,
    writer: ArrowWriter<File>,
    /// The library may end a page where a call ends: it gets all rows in blocks of one size.
    blocks: BatchCoalescer,
    rows: u64,
    of: PhantomData<fn(R)>,
}

impl<R> std::fmt::Debug for ParquetWriter<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetWriter")
            .field("path", &self.path)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl<R: Record> ParquetWriter<R> {
    /// Makes the file; what stood there is gone.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .set_created_by(CREATED_BY.to_owned());
        for name in R::RISING {
            let column = ColumnPath::from(*name);
            properties = properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
        }
        let file = File::create(path).map_err(Error::io("create", path))?;
        let writer = ArrowWriter::try_new(file, R::schema(), Some(properties.build()))
            .map_err(Error::write(path))?;
        Ok(Self {
            path: path.to_path_buf(),
            writer,
            blocks: BatchCoalescer::new(R::schema(), BLOCK),
            rows: 0,
            of: PhantomData,
        })
    }

    /// Appends rows.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&mut self, rows: &[R]) -> Result<()> {
        let mut rest = rows;
        while !rest.is_empty() {
            let room = BLOCK - self.blocks.get_buffered_rows();
            let (piece, after) = rest.split_at(room.min(rest.len()));
            let batch = R::to_batch(piece)?;
            if piece.len() == BLOCK {
                // Nothing waits: it need not be copied together.
                self.writer
                    .write(&batch)
                    .map_err(Error::write(&self.path))?;
            } else {
                self.blocks.push_batch(batch).map_err(Error::Batch)?;
                self.write_blocks()?;
            }
            rest = after;
        }
        self.rows += rows.len() as u64;
        Ok(())
    }

    /// Ends the file; how many rows it holds. A file that is not finished cannot be read.
    ///
    /// # Errors
    /// When its end cannot be written.
    pub fn finish(mut self) -> Result<u64> {
        self.blocks.finish_buffered_batch().map_err(Error::Batch)?;
        self.write_blocks()?;
        self.writer.close().map_err(Error::write(&self.path))?;
        Ok(self.rows)
    }

    fn write_blocks(&mut self) -> Result<()> {
        while let Some(block) = self.blocks.next_completed_batch() {
            self.writer
                .write(&block)
                .map_err(Error::write(&self.path))?;
        }
        Ok(())
    }
}

/// Reads rows from one Parquet file, a batch at a time.
pub struct ParquetReader<R> {
    path: PathBuf,
    /// None after an error that nothing can follow.
    batches: Option<ParquetRecordBatchReader>,
    rows: std::vec::IntoIter<R>,
}

impl<R> std::fmt::Debug for ParquetReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetReader")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl<R: Record> ParquetReader<R> {
    /// Opens the file.
    ///
    /// # Errors
    /// When it cannot be opened or is no whole Parquet file.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        let batches = ParquetRecordBatchReaderBuilder::try_new(file)
            .and_then(|builder| builder.with_batch_size(BATCH).build())
            .map_err(Error::parquet(path))?;
        Ok(Self {
            path: path.to_path_buf(),
            batches: Some(batches),
            rows: Vec::new().into_iter(),
        })
    }
}

impl<R: Record> Iterator for ParquetReader<R> {
    type Item = Result<R>;

    fn next(&mut self) -> Option<Result<R>> {
        loop {
            if let Some(row) = self.rows.next() {
                return Some(Ok(row));
            }
            let rows = self
                .batches
                .as_mut()?
                .next()?
                .map_err(Error::arrow(&self.path))
                .and_then(|batch| {
                    R::from_batch(&batch).map_err(|error| in_file(error, &self.path))
                });
            match rows {
                Ok(rows) => self.rows = rows.into_iter(),
                Err(error) => {
                    self.batches = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

/// Names the file in an error about a column.
pub(crate) fn in_file(error: Error, path: &Path) -> Error {
    match error {
        Error::Column {
            column, problem, ..
        } => Error::Column {
            path: path.to_path_buf(),
            column,
            problem,
        },
        other => other,
    }
}

/// All rows of one Parquet file.
///
/// # Errors
/// When it cannot be read.
pub fn read_all<R: Record>(path: &Path) -> Result<Vec<R>> {
    ParquetReader::open(path)?.collect()
}

/// Rows of several Parquet files, one after the other.
#[derive(Debug)]
pub struct Shards<R> {
    paths: std::vec::IntoIter<PathBuf>,
    current: Option<ParquetReader<R>>,
}

impl<R: Record> Iterator for Shards<R> {
    type Item = Result<R>;

    fn next(&mut self) -> Option<Result<R>> {
        loop {
            if let Some(row) = self.current.as_mut().and_then(Iterator::next) {
                return Some(row);
            }
            match ParquetReader::open(&self.paths.next()?) {
                Ok(reader) => self.current = Some(reader),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// The rows of all files `PREFIX-*.parquet` of a folder, in the order of their names.
///
/// # Errors
/// When the folder cannot be listed or has no such file; a file's own error comes when its turn does.
pub fn read_shards<R: Record>(folder: &Path, prefix: &str) -> Result<Shards<R>> {
    Ok(Shards {
        paths: shard_paths(folder, prefix)?.into_iter(),
        current: None,
    })
}

/// The files `PREFIX-*.parquet` of a folder, in the order of their names.
pub(crate) fn shard_paths(folder: &Path, prefix: &str) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let path = entry.map_err(Error::io("list", folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let rest = name
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_prefix('-'));
        if rest.is_some_and(|rest| rest.ends_with(".parquet")) {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(Error::NoShards {
            folder: folder.to_path_buf(),
            prefix: prefix.to_owned(),
        });
    }
    paths.sort();
    Ok(paths)
}
