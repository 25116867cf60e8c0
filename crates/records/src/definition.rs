//! Attribute definitions as people bring them, and as an index names them.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::columns::{BatchColumns, column, schema};
use crate::parquet_file::Record;
use crate::read::{FromRow, Reader};
use crate::table::{Field, Row, list, optional, required};
use crate::{ReadOptions, Rejected, Result};

/// An attribute that a job may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Its id, unique in its file.
    pub attribute_id: String,
    /// Its name; never empty.
    pub name: String,
    /// What it means; may be empty.
    pub definition: String,
    /// What kind of attribute it is (`skill`, `activity`, ...), if the file says.
    pub kind: Option<String>,
    /// Other names.
    pub aliases: Vec<String>,
}

impl FromRow for Definition {
    const FIELDS: &'static [Field] = &[
        required("attribute_id"),
        required("name"),
        required("definition"),
        optional("kind"),
        list("aliases"),
    ];

    fn from_row(mut row: Row, _source: &str) -> std::result::Result<Self, String> {
        let aliases = row.filled("aliases").unwrap_or_default();
        Ok(Self {
            attribute_id: row.needed("attribute_id")?,
            name: row.needed("name")?,
            definition: row.text("definition").unwrap_or_default(),
            kind: row.filled("kind"),
            aliases: aliases
                .split('|')
                .map(|alias| alias.trim().to_owned())
                .filter(|alias| !alias.is_empty())
                .collect(),
        })
    }
}

/// Definitions of one file, read as they are asked for.
pub type DefinitionReader = Reader<Definition>;

/// All definitions of a file, in its order. A bad row is an error whatever the options say of bad rows: an index with a
/// hole would be wrong in silence.
///
/// # Errors
/// When the file cannot be read, holds no definition, or an id stands twice.
pub fn read_definitions(path: &Path, options: &ReadOptions) -> Result<Vec<Definition>> {
    let options = ReadOptions {
        columns: options.columns.clone(),
        ..ReadOptions::default()
    };
    let (definitions, _none): (_, Vec<Rejected>) = DefinitionReader::open(path, &options)?
        .collect_unique("attribute_id", |d| &d.attribute_id)?;
    Ok(definitions)
}

/// Which attribute a vector of an index belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexedAttribute {
    /// The vector's number in the index, from 0.
    pub faiss_id: u64,
    /// The attribute.
    pub attribute_id: String,
    /// Its name.
    pub name: String,
    /// The text that was embedded.
    pub passage: String,
}

impl Record for IndexedAttribute {
    const RISING: &'static [&'static str] = &["faiss_id"];

    fn schema() -> SchemaRef {
        schema(vec![
            column("faiss_id", DataType::UInt64),
            column("attribute_id", DataType::Utf8),
            column("name", DataType::Utf8),
            column("passage", DataType::Utf8),
        ])
    }

    fn to_columns(rows: &[Self]) -> Vec<arrow::array::ArrayRef> {
        vec![
            Arc::new(UInt64Array::from_iter_values(
                rows.iter().map(|r| r.faiss_id),
            )),
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|r| &r.attribute_id),
            )),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|r| &r.name))),
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|r| &r.passage),
            )),
        ]
    }

    fn from_batch(batch: &RecordBatch) -> Result<Vec<Self>> {
        let columns = BatchColumns(batch);
        let faiss_id = columns.u64s("faiss_id")?;
        let attribute_id = columns.texts("attribute_id")?;
        let name = columns.texts("name")?;
        let passage = columns.texts("passage")?;
        Ok((0..batch.num_rows())
            .map(|row| Self {
                faiss_id: faiss_id.value(row),
                attribute_id: attribute_id.value(row).to_owned(),
                name: name.value(row).to_owned(),
                passage: passage.value(row).to_owned(),
            })
            .collect())
    }
}
