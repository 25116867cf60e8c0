//! Texts to be embedded, and their embeddings.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, FixedSizeListArray, Float32Array, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use crate::read::{FromRow, Reader};
use crate::table::{Field, Row, required};
use crate::{Error, Result};

/// A text with an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Its id; what it is worth is up to whoever gave it.
    pub id: String,
    /// The text, possibly empty.
    pub text: String,
}

impl FromRow for Text {
    const FIELDS: &'static [Field] = &[required("id"), required("text")];

    fn from_row(mut row: Row, _source: &str) -> std::result::Result<Self, String> {
        Ok(Self {
            id: row.needed("id")?,
            text: row.present("text")?,
        })
    }
}

/// Texts of one file, read as they are asked for.
pub type TextReader = Reader<Text>;

/// Writes embeddings to one Parquet file: `id` and `vector`, a list of `dimension` float32. The same rows in the same calls
/// give the same bytes.
#[derive(Debug)]
pub struct EmbeddingWriter {
    path: PathBuf,
    writer: ArrowWriter<File>,
    dimension: usize,
}

impl EmbeddingWriter {
    /// Makes the file; what stood there is gone.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(path: &Path, dimension: usize) -> Result<Self> {
        // Vectors hold no value twice, and random bits do not compress.
        let vectors = ColumnPath::new(vec!["vector".into(), "list".into(), "element".into()]);
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_column_dictionary_enabled(vectors.clone(), false)
            .set_column_compression(vectors, Compression::UNCOMPRESSED)
            .set_created_by("jobmatch".to_owned())
            .build();
        let file = File::create(path).map_err(Error::io("create", path))?;
        let writer = ArrowWriter::try_new(file, schema(dimension), Some(properties))
            .map_err(Error::write(path))?;
        Ok(Self {
            path: path.to_path_buf(),
            writer,
            dimension,
        })
    }

    /// Appends rows; `values` holds `dimension` numbers for each id.
    ///
    /// # Errors
    /// When there are more or fewer, or they cannot be written.
    pub fn write(&mut self, ids: &[&str], values: &[f32]) -> Result<()> {
        let ids: ArrayRef = Arc::new(StringArray::from_iter_values(ids));
        let numbers = Arc::new(Float32Array::from(values.to_vec()));
        let vectors = FixedSizeListArray::try_new(element(), self.dimension as i32, numbers, None)
            .map_err(Error::Batch)?;
        let batch = RecordBatch::try_new(schema(self.dimension), vec![ids, Arc::new(vectors)])
            .map_err(Error::Batch)?;
        self.writer.write(&batch).map_err(Error::write(&self.path))
    }

    /// Ends the file. A file that is not finished cannot be read.
    ///
    /// # Errors
    /// When its end cannot be written.
    pub fn finish(self) -> Result<()> {
        self.writer.close().map_err(Error::write(&self.path))?;
        Ok(())
    }
}

/// The ids and vectors of one file, the vectors' numbers row after row.
///
/// # Errors
/// When the file cannot be read, or holds no embeddings.
pub fn read_embeddings(path: &Path) -> Result<(Vec<String>, Vec<f32>)> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .map_err(Error::parquet(path))?;
    let (mut ids, mut values) = (Vec::new(), Vec::new());
    for batch in reader {
        let batch = batch.map_err(Error::arrow(path))?;
        let texts = batch.column_by_name("id");
        let texts = texts.and_then(|column| column.as_any().downcast_ref::<StringArray>());
        let vectors = batch.column_by_name("vector");
        let vectors =
            vectors.and_then(|column| column.as_any().downcast_ref::<FixedSizeListArray>());
        let numbers = vectors.and_then(|v| v.values().as_any().downcast_ref::<Float32Array>());
        let (Some(texts), Some(numbers)) = (texts, numbers) else {
            return Err(Error::Column {
                path: path.to_path_buf(),
                column: "vector".to_owned(),
                problem: "or `id` is missing, or of another type: it holds no embeddings"
                    .to_owned(),
            });
        };
        ids.extend(texts.iter().map(|id| id.unwrap_or_default().to_owned()));
        values.extend_from_slice(numbers.values());
    }
    Ok((ids, values))
}

fn element() -> Arc<ArrowField> {
    Arc::new(ArrowField::new("element", DataType::Float32, false))
}

fn schema(dimension: usize) -> SchemaRef {
    let vector = DataType::FixedSizeList(element(), dimension as i32);
    Arc::new(Schema::new(vec![
        ArrowField::new("id", DataType::Utf8, false),
        ArrowField::new("vector", vector, false),
    ]))
}
