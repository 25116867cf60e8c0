//! One row as named text values, and what is said when a value is wrong.

use std::str::FromStr;
use std::sync::Arc;

use super::Columns;

/// Characters of a bad value that a message shows.
const SHOWN: usize = 60;

/// One of our columns.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Our name.
    pub name: &'static str,
    /// Whether a file without this column is refused.
    pub required: bool,
    /// Whether it holds several values: `|` between them in text, a list in JSON and Parquet.
    pub list: bool,
}

pub const fn required(name: &'static str) -> Field {
    Field {
        name,
        required: true,
        list: false,
    }
}

pub const fn optional(name: &'static str) -> Field {
    Field {
        name,
        required: false,
        list: false,
    }
}

/// An optional column of several values.
pub const fn list(name: &'static str) -> Field {
    Field {
        name,
        required: false,
        list: true,
    }
}

/// A row as text values, one per field; `None` where the file has none.
#[derive(Debug)]
pub struct Row {
    fields: &'static [Field],
    columns: Arc<Columns>,
    values: Vec<Option<String>>,
    /// The line (of text) or row (of Parquet), from 1.
    pub number: u64,
}

impl Row {
    pub(super) fn new(
        fields: &'static [Field],
        columns: Arc<Columns>,
        values: Vec<Option<String>>,
        number: u64,
    ) -> Self {
        Self {
            fields,
            columns,
            values,
            number,
        }
    }

    /// The file's name of our column: what messages call it.
    pub fn theirs<'r>(&'r self, name: &'r str) -> &'r str {
        self.columns.theirs(name)
    }

    /// The value of `name`, possibly empty; `None` when the file has no such value. It is taken out of the row.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let at = self.fields.iter().position(|field| field.name == name)?;
        self.values[at].take()
    }

    /// The value of `name`, possibly empty, which must be there.
    pub fn present(&mut self, name: &str) -> Result<String, String> {
        self.text(name).ok_or_else(|| {
            format!(
                "column `{}` is absent; every row needs a {name}",
                self.theirs(name)
            )
        })
    }

    /// As [`text`](Self::text), but an empty value is none.
    pub fn filled(&mut self, name: &str) -> Option<String> {
        self.text(name).filter(|value| !value.trim().is_empty())
    }

    /// The value of `name`, which must not be empty.
    pub fn needed(&mut self, name: &str) -> Result<String, String> {
        self.filled(name).ok_or_else(|| {
            format!(
                "column `{}` is empty; every row needs one",
                self.theirs(name)
            )
        })
    }

    /// The value of `name` as a `T`, if there is one; `expected` says what it should have been.
    pub fn parsed<T: FromStr>(&mut self, name: &str, expected: &str) -> Result<Option<T>, String> {
        self.converted(name, expected, |value| value.parse().ok())
    }

    /// The value of `name` as a number of bytes, if there is one. `12.0` is 12: a table with gaps in a column of whole
    /// numbers is often saved like that.
    pub fn bytes(&mut self, name: &str) -> Result<Option<u64>, String> {
        self.converted(name, "a whole number of bytes", |value| {
            let whole = value.split_once('.').map_or(value, |(whole, zeros)| {
                if zeros.bytes().all(|zero| zero == b'0') {
                    whole
                } else {
                    value
                }
            });
            whole.parse().ok()
        })
    }

    /// The value of `name` by `convert`, if there is one; `None` from it means that the value is wrong.
    pub fn converted<T>(
        &mut self,
        name: &str,
        expected: &str,
        convert: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some(value) = self.filled(name) else {
            return Ok(None);
        };
        match convert(value.trim()) {
            Some(converted) => Ok(Some(converted)),
            None => Err(bad_value(self.theirs(name), &value, expected)),
        }
    }
}

/// ``column `start` is `x`; expected a whole number``, with a long value cut.
pub(super) fn bad_value(column: &str, value: &str, expected: &str) -> String {
    let (shown, more) = match value.char_indices().nth(SHOWN) {
        Some((end, _)) => (&value[..end], "..."),
        None => (value, ""),
    };
    format!("column `{column}` is `{shown}{more}`; expected {expected}")
}
