//! JSON lines: an object on each line.

use std::io::{BufRead, BufReader, Read};

use serde_json::Value;

use super::row::bad_value;
use super::text::BUFFER;
use super::{BadRow, Layout, MAX_ROW, RowResult, Rows};
use crate::{Error, Result};

/// The rows; empty lines are none.
pub(super) fn rows(layout: Layout, reader: Box<dyn Read + Send>) -> Rows {
    let mut reader = BufReader::with_capacity(BUFFER, reader);
    let (mut line, mut number, mut checked, mut in_line) = (Vec::new(), 0u64, false, false);
    Box::new(std::iter::from_fn(move || {
        loop {
            // The rest of a line that is too long is passed over when a further row is asked for.
            if std::mem::take(&mut in_line)
                && let Err(error) = reader.skip_until(b'\n')
            {
                return Some(Err(Error::io("read", &layout.path)(error)));
            }
            line.clear();
            number += 1;
            let limit = MAX_ROW as u64 + 1;
            match reader.by_ref().take(limit).read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) if line.len() > MAX_ROW => {
                    in_line = line.last() != Some(&b'\n');
                    let reason = "the line is longer than 64 MiB".to_owned();
                    return Some(Ok(Err(BadRow { number, reason })));
                }
                Ok(_) if line.iter().all(u8::is_ascii_whitespace) => {}
                Ok(_) => return Some(row(&layout, &line, number, &mut checked)),
                Err(error) => return Some(Err(Error::io("read", &layout.path)(error))),
            }
        }
    }))
}

fn row(layout: &Layout, line: &[u8], number: u64, checked: &mut bool) -> Result<RowResult> {
    let bad = |reason| Ok(Err(BadRow { number, reason }));
    let text = match std::str::from_utf8(line) {
        Ok(text) => text,
        Err(error) => {
            return bad(format!(
                "the line is not UTF-8 after its first {} bytes; save the file as UTF-8",
                error.valid_up_to()
            ));
        }
    };
    let object = match serde_json::from_str(text) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return bad("the line is no JSON object".to_owned()),
        Err(error) => {
            // The library counts lines within this one.
            let reason = error.to_string();
            let reason = reason
                .rsplit_once(" at line ")
                .map_or(reason.as_str(), |(reason, _)| reason);
            return bad(format!(
                "the line is no JSON: {reason} at byte {}",
                error.column()
            ));
        }
    };
    if !*checked {
        // Lines may differ in their keys; the first is held against what is needed, as a header would be.
        let names: Vec<String> = object.keys().cloned().collect();
        layout.places(&names)?;
        *checked = true;
    }
    let mut values = Vec::with_capacity(layout.fields.len());
    for field in layout.fields {
        let theirs = layout.columns.theirs(field.name);
        values.push(match object.get(theirs) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Array(items)) if field.list && items.iter().all(Value::is_string) => {
                let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                Some(items.join("|"))
            }
            Some(value @ (Value::Bool(_) | Value::Number(_))) => Some(value.to_string()),
            Some(other) => return bad(bad_value(theirs, &other.to_string(), "text or a number")),
        });
    }
    Ok(Ok(layout.row(values, number)))
}
