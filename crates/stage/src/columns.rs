//! `--column OURS=THEIRS`: what a column of ours is called in a file that others made.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

/// Parses a flag's `OURS=THEIRS`, for `#[arg(value_parser = |text: &str| stage::column(text, &["id", "text"]))]`. `ours` are the
/// columns that a program reads.
///
/// # Errors
/// Text without `=`, or that names none of `ours`.
pub fn column(text: &str, ours: &[&str]) -> Result<(String, String), String> {
    let example = ours.first().unwrap_or(&"text");
    let (name, theirs) = text
        .split_once('=')
        .ok_or_else(|| format!("expected OURS=THEIRS, such as {example}=body"))?;
    if ours.contains(&name) {
        Ok((name.to_owned(), theirs.to_owned()))
    } else {
        let ours = ours.join(", ");
        Err(format!("`{name}` is none of our columns: {ours}"))
    }
}

/// Writes what [`column`] gave as the table that a configuration file has, for `#[serde(serialize_with = "stage::as_table")]`.
///
/// # Errors
/// The serializer's own.
pub fn as_table<S: Serializer>(
    columns: &[(String, String)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let table: BTreeMap<_, _> = columns.iter().cloned().collect();
    table.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_ours_is_mapped_and_any_other_refused() {
        let parse = |text| column(text, &["id", "text"]);
        assert_eq!(parse("id=job=7"), Ok(("id".to_owned(), "job=7".to_owned())));
        assert_eq!(
            parse("name=title"),
            Err("`name` is none of our columns: id, text".to_owned())
        );
        assert!(parse("id").unwrap_err().contains("such as id=body"));
    }

    #[test]
    fn the_last_of_two_names_for_a_column_counts() {
        let columns = ["id=a", "text=b", "id=c"].map(|text| column(text, &["id", "text"]).unwrap());
        let table = as_table(&columns, serde_json::value::Serializer).unwrap();
        assert_eq!(table, serde_json::json!({"id": "c", "text": "b"}));
    }
}
