//! Parquet tables of other people's making: text, numbers and truth values become text.

use std::fs::File;
use std::sync::Arc;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field as ArrowField, Schema};
use arrow::error::ArrowError;

use super::{Field, Layout, Row, Rows};
use crate::{Error, Result};

/// Rows that are in memory at once.
const BATCH: usize = 1024;

/// The rows.
pub(super) fn rows(layout: Layout, file: File) -> Result<Rows> {
    let broken = Error::parquet(&layout.path);
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(&broken)?;
    let names: Vec<String> = builder
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let places = layout.places(&names)?;
    check_types(&layout, builder.schema(), &places)?;
    let mask = ProjectionMask::roots(builder.parquet_schema(), places.iter().flatten().copied());
    let mut batches = builder
        .with_projection(mask)
        .with_batch_size(BATCH)
        .build()
        .map_err(&broken)?;
    let mut number = 0;
    let mut rows = Vec::new().into_iter();
    Ok(Box::new(std::iter::from_fn(move || {
        loop {
            if let Some(row) = rows.next() {
                return Some(Ok(Ok(row)));
            }
            let read = batches
                .next()?
                .and_then(|batch| batch_rows(&layout, &batch, number));
            match read {
                Ok(read) => {
                    number += read.len() as u64;
                    rows = read.into_iter();
                }
                Err(error) => return Some(Err(Error::arrow(&layout.path)(error))),
            }
        }
    })))
}

fn check_types(layout: &Layout, schema: &Schema, places: &[Option<usize>]) -> Result<()> {
    for (field, place) in layout.fields.iter().zip(places) {
        let Some(place) = place else { continue };
        let kind = schema.field(*place).data_type();
        let fits = match kind {
            DataType::List(item) | DataType::LargeList(item) => {
                field.list && is_plain(item.data_type())
            }
            other => is_plain(other),
        };
        if !fits {
            return Err(Error::Column {
                path: layout.path.clone(),
                column: layout.columns.theirs(field.name).to_owned(),
                problem: format!("has the type {kind}; text, a number or a truth value is needed"),
            });
        }
    }
    Ok(())
}

fn is_plain(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, value) => is_plain(value),
        DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Boolean
        | DataType::Null => true,
        other => other.is_integer() || other.is_floating(),
    }
}

/// A column whose values are text.
enum Texts {
    One(StringArray),
    Several(ListArray),
}

impl Texts {
    fn of(field: &Field, column: &ArrayRef) -> std::result::Result<Self, ArrowError> {
        let several = matches!(
            column.data_type(),
            DataType::List(_) | DataType::LargeList(_)
        );
        if field.list && several {
            let item = Arc::new(ArrowField::new_list_field(DataType::Utf8, true));
            let lists = cast(column, &DataType::List(item))?;
            Ok(Self::Several(lists.as_list().clone()))
        } else {
            Ok(Self::One(
                cast(column, &DataType::Utf8)?.as_string().clone(),
            ))
        }
    }

    fn value(&self, row: usize) -> Option<String> {
        match self {
            Self::One(texts) => texts.is_valid(row).then(|| texts.value(row).to_owned()),
            Self::Several(lists) => lists.is_valid(row).then(|| {
                let items = lists.value(row);
                let items: Vec<&str> = items.as_string::<i32>().iter().flatten().collect();
                items.join("|")
            }),
        }
    }
}

fn batch_rows(
    layout: &Layout,
    batch: &RecordBatch,
    before: u64,
) -> std::result::Result<Vec<Row>, ArrowError> {
    let columns = layout
        .fields
        .iter()
        .map(|field| {
            batch
                .column_by_name(layout.columns.theirs(field.name))
                .map(|column| Texts::of(field, column))
                .transpose()
        })
        .collect::<std::result::Result<Vec<Option<Texts>>, _>>()?;
    let row = |at: usize| {
        let values = columns
            .iter()
            .map(|column| column.as_ref()?.value(at))
            .collect();
        layout.row(values, before + at as u64 + 1)
    };
    Ok((0..batch.num_rows()).map(row).collect())
}
