//! House rules that the compiler does not see.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::repository;

/// The longest source file, in lines; a longer one has two subjects.
const LINES: usize = 500;

/// Sources that may be longer, each with the reason.
const LONG: [(&str, &str); 1] = [(
    "crates/evaluation/tests/evaluation.rs",
    "scenarios over one set of toy models, which all of them share",
)];

/// The only crates that may hold unsafe code.
const UNSAFE: [&str; 2] = ["crates/torch-ext/", "crates/torch-ext-sys/"];

/// Checks the whole repository; the error lists every breach.
pub fn run() -> Result<()> {
    let root = repository::root();
    let mut files = Vec::new();
    for top in ["crates", "benches", "xtask", "docs", "fixtures", ".ci"] {
        collect(&root.join(top), &mut files)?;
    }
    files.extend(["README.md", "Cargo.toml"].map(|name| root.join(name)));
    let mut breaches = Vec::new();
    for path in files.iter().filter(|path| path.exists()) {
        let name = path.strip_prefix(&root).unwrap_or(path).to_string_lossy();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
        breaches.extend(breaches_of(&name, &text));
    }
    if !breaches.is_empty() {
        bail!(
            "{} breaches of the house rules:\n  {}",
            breaches.len(),
            breaches.join("\n  ")
        );
    }
    Ok(())
}

/// The text files below `folder` that people write, in a fixed order.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .with_context(|| format!("cannot read {}", folder.display()))?;
    paths.sort();
    for path in paths {
        let kind = path.extension().and_then(|kind| kind.to_str());
        if path.is_dir() {
            collect(&path, files)?;
        } else if matches!(
            kind,
            Some("rs" | "md" | "toml" | "py" | "sh" | "cpp" | "h" | "html")
        ) || path.ends_with(".ci/run")
        {
            files.push(path);
        }
    }
    Ok(())
}

/// What is wrong with the file `name`, given from the repository's root.
fn breaches_of(name: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let code = name.ends_with(".rs");
    let lines = text.lines().count();
    if code && lines > LINES && !LONG.iter().any(|(long, _)| *long == name) {
        found.push(format!(
            "{name}: {lines} lines; split what has more than {LINES}"
        ));
    }
    if name.ends_with("Cargo.toml")
        && name != "Cargo.toml"
        // A workspace of its own has its own lints: a fuzz target, which needs another compiler.
        && !text.contains("\n[workspace]")
        && !text.contains("[lints]\nworkspace = true")
        // The workspace's lints forbid unsafe code, and a crate cannot take the others alone.
        && !UNSAFE.iter().any(|folder| name.starts_with(folder))
    {
        found.push(format!("{name}: takes no lints from the workspace"));
    }
    for (number, line) in (1..).zip(text.lines()) {
        let mut report = |what: &str| found.push(format!("{name}:{number}: {what}"));
        for home in homes() {
            if line.contains(&home) {
                report("names a folder of one machine");
            }
        }
        let line = line.split("//").next().unwrap_or_default();
        // The words are put together so that this file keeps its own rules.
        if code && line.contains(concat!("todo", "!(")) {
            report("unfinished");
        }
        let free = UNSAFE.iter().any(|folder| name.starts_with(folder));
        if code && !free && opens_unsafe(line) {
            report("unsafe code outside torch-ext");
        }
    }
    found
}

/// The beginnings of absolute paths that exist on one machine only.
fn homes() -> [String; 3] {
    ["home", "root", "Users"].map(|folder| format!("/{folder}/"))
}

/// Whether the line opens a block or an item with the keyword.
fn opens_unsafe(line: &str) -> bool {
    let keyword = concat!("un", "safe");
    let Some((before, after)) = line.split_once(keyword) else {
        return false;
    };
    let starts_a_word = !before.ends_with(|c: char| c.is_alphanumeric() || "_\"(".contains(c));
    let next = after.trim_start();
    starts_a_word
        && ["{", "fn ", "impl", "extern", "trait "]
            .iter()
            .any(|word| next.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, text: &str, expected: &[&str]) {
        let found = breaches_of(name, text);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (breach, words) in found.iter().zip(expected) {
            assert!(breach.contains(words), "{breach}");
        }
    }

    #[test]
    fn each_rule_sees_its_breach_and_nothing_else() {
        let keyword = concat!("un", "safe");
        let block = format!("let x = {keyword} {{ y }};");
        check("crates/a/src/lib.rs", &block, &["unsafe code"]);
        check("crates/torch-ext/src/lib.rs", &block, &[]);
        check("crates/a/src/lib.rs", &format!("// {block}"), &[]);
        check("crates/a/src/lib.rs", &format!("{keyword}_code = 1"), &[]);
        check(
            "crates/a/src/lib.rs",
            concat!("fn a() { todo", "!() }"),
            &["a/src/lib.rs:1: unfinished"],
        );
        let home = format!("see {}me/x", homes()[0]);
        check("docs/a.md", &home, &["docs/a.md:1: names a folder"]);
        check("crates/a/src/lib.rs", &"\n".repeat(LINES), &[]);
        check(
            "crates/a/src/lib.rs",
            &"\n".repeat(LINES + 1),
            &["501 lines"],
        );
        check("crates/a/Cargo.toml", "[package]", &["no lints"]);
        check("crates/a/Cargo.toml", "[lints]\nworkspace = true\n", &[]);
        check("crates/a/fuzz/Cargo.toml", "[package]\n[workspace]\n", &[]);
        check("Cargo.toml", "[workspace]", &[]);
    }
}
