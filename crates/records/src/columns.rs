//! Short forms for Arrow schemas and the columns of a batch.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{
    Array, BinaryArray, BooleanArray, Float32Array, RecordBatch, StringArray, UInt32Array,
    UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::{Error, Result};

/// A column that every row has.
pub(crate) fn column(name: &str, kind: DataType) -> Field {
    Field::new(name, kind, false)
}

/// A column that a row may lack.
pub(crate) fn nullable(name: &str, kind: DataType) -> Field {
    Field::new(name, kind, true)
}

pub(crate) fn schema(fields: Vec<Field>) -> SchemaRef {
    Arc::new(Schema::new(fields))
}

/// Columns of a batch by name and type. Errors name the column; the reader adds the file.
pub(crate) struct BatchColumns<'b>(pub &'b RecordBatch);

impl<'b> BatchColumns<'b> {
    pub fn texts(&self, name: &str) -> Result<&'b StringArray> {
        self.typed(name, false)
    }

    pub fn bytes(&self, name: &str) -> Result<&'b BinaryArray> {
        self.typed(name, false)
    }

    pub fn u64s(&self, name: &str) -> Result<&'b UInt64Array> {
        self.typed(name, false)
    }

    pub fn u32s(&self, name: &str) -> Result<&'b UInt32Array> {
        self.typed(name, false)
    }

    pub fn f32s(&self, name: &str) -> Result<&'b Float32Array> {
        self.typed(name, false)
    }

    pub fn booleans(&self, name: &str) -> Result<&'b BooleanArray> {
        self.typed(name, false)
    }

    pub fn maybe_texts(&self, name: &str) -> Result<&'b StringArray> {
        self.typed(name, true)
    }

    pub fn maybe_u64s(&self, name: &str) -> Result<&'b UInt64Array> {
        self.typed(name, true)
    }

    pub fn maybe_u32s(&self, name: &str) -> Result<&'b UInt32Array> {
        self.typed(name, true)
    }

    pub fn maybe_f32s(&self, name: &str) -> Result<&'b Float32Array> {
        self.typed(name, true)
    }

    fn typed<A: Array + 'static>(&self, name: &str, may_be_null: bool) -> Result<&'b A> {
        let wrong = |problem: String| Error::Column {
            path: PathBuf::new(),
            column: name.to_owned(),
            problem,
        };
        let array = self
            .0
            .column_by_name(name)
            .ok_or_else(|| wrong("is missing".to_owned()))?;
        if !may_be_null && array.null_count() > 0 {
            return Err(wrong("has rows without a value".to_owned()));
        }
        array.as_any().downcast_ref::<A>().ok_or_else(|| {
            wrong(format!(
                "has the type {}, which is not expected there",
                array.data_type()
            ))
        })
    }
}

/// The value of a row that may lack one.
macro_rules! maybe {
    ($array:expr, $row:expr) => {
        arrow::array::Array::is_valid($array, $row).then(|| $array.value($row))
    };
}
pub(crate) use maybe;
