//! Builds the stage programs and finds where cargo has put them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::{Running, shown};
use crate::repository;

/// The executables by name.
#[derive(Debug)]
pub struct Programs(BTreeMap<String, PathBuf>);

impl Programs {
    /// Where the program `name` lies.
    pub fn find(&self, name: &str) -> Result<&Path> {
        let found = self.0.get(name).map(PathBuf::as_path);
        found.with_context(|| format!("the workspace holds no program {name}"))
    }
}

/// Builds all programs; cargo shows its own progress.
pub fn build() -> Result<Programs> {
    let mut command = repository::cargo();
    // The whole workspace, as clippy and the tests take it: a choice of packages would resolve to other features of a
    // few dependencies, and libtorch's bindings could be compiled a second time.
    command.args(["build", "--release", "--workspace", "--bins"]);
    command.arg("--message-format=json-render-diagnostics");
    run(&mut command)
}

fn run(command: &mut Command) -> Result<Programs> {
    let text = shown(command);
    let running = Running::start(command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
    let mut programs = BTreeMap::new();
    if let Some(output) = running.take_output() {
        for line in BufReader::new(output).lines() {
            let line = line.with_context(|| format!("cannot read what `{text}` says"))?;
            programs.extend(executable(&line));
        }
    }
    let status = running.wait()?;
    if !status.success() {
        bail!("`{text}` ended with {status}");
    }
    Ok(Programs(programs))
}

/// Name and place of the program that one of cargo's messages announces.
fn executable(message: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(message).ok()?;
    let target = &message["target"];
    let is_program = target["kind"].as_array()?.iter().any(|kind| kind == "bin");
    let place = message["executable"].as_str()?;
    is_program.then_some((target["name"].as_str()?.to_owned(), place.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_programs_are_taken_from_cargos_messages() {
        let program = r#"{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"jobmatch-index"},"executable":"/t/jobmatch-index"}"#;
        let library = r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"a"},"executable":null}"#;
        let script = r#"{"reason":"compiler-artifact","target":{"kind":["custom-build"],"name":"build"},"executable":"/t/b"}"#;
        let end = r#"{"reason":"build-finished","success":true}"#;
        let found: Vec<_> = [program, library, script, end, "no json"]
            .into_iter()
            .filter_map(executable)
            .collect();
        assert_eq!(
            found,
            [(
                "jobmatch-index".to_owned(),
                PathBuf::from("/t/jobmatch-index")
            )]
        );
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = Programs(BTreeMap::new()).find("jobmatch-x").unwrap_err();
        assert!(
            error.to_string().contains("no program jobmatch-x"),
            "{error}"
        );
    }
}
