//! Texts whose sentence ends people marked, in JSON lines.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use jobmatch_segment::train::Marked;
use serde::Deserialize;

/// A line of a file.
#[derive(Debug, Deserialize)]
struct Row {
    text: String,
    /// Characters (Unicode scalar values) before each end.
    ends: Vec<usize>,
}

/// A file's texts.
#[derive(Debug)]
pub struct MarkedFile {
    /// The file.
    pub path: PathBuf,
    /// Its texts, in its order.
    pub texts: Vec<Marked>,
}

/// Reads all `*.jsonl` files of a folder, in the order of their names: a row is `{"text", "ends"}`, with the number of
/// characters before each sentence's end, rising.
///
/// # Errors
/// A folder without such files; a line that is no such row, or whose ends do not rise or lie outside the text: the
/// message names file and line.
pub fn read(folder: &Path) -> anyhow::Result<Vec<MarkedFile>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry
            .with_context(|| format!("cannot read {}", folder.display()))?
            .path();
        if path.extension().is_some_and(|ending| ending == "jsonl") {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        bail!(
            "{} holds no *.jsonl; give the folder with the marked texts",
            folder.display()
        );
    }
    paths
        .into_iter()
        .map(|path| {
            let content = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let texts = content
                .lines()
                .enumerate()
                .filter(|(_, line)| !line.trim().is_empty())
                .map(|(at, line)| {
                    marked(line).with_context(|| format!("{}, line {}", path.display(), at + 1))
                })
                .collect::<anyhow::Result<_>>()?;
            Ok(MarkedFile { path, texts })
        })
        .collect()
}

fn marked(line: &str) -> anyhow::Result<Marked> {
    let Row { text, ends } = serde_json::from_str(line).context("expected {\"text\", \"ends\"}")?;
    ensure!(
        ends.is_sorted_by(|a, b| a < b),
        "the numbers in `ends` must rise"
    );
    // The byte at which each character begins, and the end of the last one.
    let mut bytes: Vec<usize> = text.char_indices().map(|(byte, _)| byte).collect();
    bytes.push(text.len());
    let ends = ends
        .into_iter()
        .map(|end| {
            bytes.get(end).copied().with_context(|| {
                format!(
                    "`ends` holds {end}, and the text has {} characters",
                    bytes.len() - 1
                )
            })
        })
        .collect::<anyhow::Result<_>>()?;
    Ok(Marked { text, ends })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_counted_in_characters_and_kept_in_bytes() {
        let found = marked(r#"{"id": "a", "text": "Été. Si.", "ends": [4, 8]}"#).unwrap();
        assert_eq!(found.ends, [6, 10]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, part) in [
            (r#"{"text": "Go."}"#, "missing field `ends`"),
            (r#"{"text": "Go.", "ends": [3, 3]}"#, "must rise"),
            (
                r#"{"text": "Go.", "ends": [4]}"#,
                "`ends` holds 4, and the text has 3 characters",
            ),
        ] {
            let message = format!("{:#}", marked(line).unwrap_err());
            assert!(message.contains(part), "{message}");
        }
    }
}
