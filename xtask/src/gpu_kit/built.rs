//! What the kit holds, as cargo builds it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::shown;
use crate::repository::cargo;

/// Programs that the script starts.
const PROGRAMS: [&str; 4] = [
    "jobmatch-dataset",
    "jobmatch-train-biencoder",
    "jobmatch-train-crossencoder",
    "gpu_check",
];

/// Tests that tell more on a GPU, by crate.
const TESTS: [(&str, &[&str]); 2] = [
    (
        "torch-ext",
        &[
            "jobmatch_torch_ext",
            "adamw",
            "collectives",
            "ddp",
            "together",
            "wrong_use",
        ],
    ),
    ("training", &["equivalence", "precision", "resume"]),
];

/// Names and places of what was built.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Built {
    pub programs: Vec<(String, PathBuf)>,
    pub tests: Vec<(String, PathBuf)>,
    /// The NCCL part of `torch-ext-sys`.
    pub nccl: Option<PathBuf>,
}

/// Builds all of it; with the headers of CUDA and NCCL the NCCL part too.
pub fn build(headers: Option<&Path>) -> Result<Built> {
    let mut command = cargo();
    // Of the whole workspace, so that nothing is compiled a second time with other features.
    command.args(["test", "--release", "--workspace", "--no-run"]);
    command.arg("--message-format=json-render-diagnostics");
    if let Some(headers) = headers {
        command.env("CUDA_HOME", headers.join("cuda"));
        command.env("NCCL_HOME", headers.join("nccl"));
    }
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {}", shown(&command)))?;
    if !output.status.success() {
        bail!("{} failed", shown(&command));
    }
    let built = read(&String::from_utf8_lossy(&output.stdout))?;
    let tests: usize = TESTS.iter().map(|(_, names)| names.len()).sum();
    if built.programs.len() != PROGRAMS.len() || built.tests.len() != tests {
        bail!("cargo did not build all that the kit holds: {built:?}");
    }
    if headers.is_some() && built.nccl.is_none() {
        bail!("the NCCL part was not built, though its headers are there");
    }
    Ok(built)
}

/// Picks out of cargo's messages, one JSON value a line, what the kit holds.
fn read(messages: &str) -> Result<Built> {
    let mut built = Built::default();
    for line in messages.lines().filter(|line| line.starts_with('{')) {
        let message: Value = serde_json::from_str(line).context("cannot read cargo's messages")?;
        if message["reason"] == "build-script-executed" {
            let variables = message["env"].as_array().into_iter().flatten();
            let library = variables
                .filter(|pair| pair[0] == "TORCH_EXT_NCCL")
                .find_map(|pair| pair[1].as_str());
            built.nccl = library.map(PathBuf::from).or(built.nccl);
            continue;
        }
        let Some(path) = message["executable"].as_str() else {
            continue;
        };
        let name = message["target"]["name"].as_str().unwrap_or_default();
        let package = message["manifest_path"].as_str().unwrap_or_default();
        let is_test = message["profile"]["test"] == true;
        let entry = |name: String| (name, PathBuf::from(path));
        if !is_test && PROGRAMS.contains(&name) {
            built.programs.push(entry(name.to_owned()));
        }
        for (folder, names) in TESTS {
            let here = package.ends_with(&format!("crates/{folder}/Cargo.toml"));
            if is_test && here && names.contains(&name) {
                built.tests.push(entry(format!("{folder}-{name}")));
            }
        }
    }
    Ok(built)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_tests_and_the_library_are_told_apart() {
        let messages = r#"
{"reason":"compiler-artifact","manifest_path":"/r/crates/torch-ext/Cargo.toml","target":{"name":"adamw"},"profile":{"test":true},"executable":"/t/adamw-1"}
{"reason":"compiler-artifact","manifest_path":"/r/crates/dataset/Cargo.toml","target":{"name":"cases"},"profile":{"test":true},"executable":"/t/cases-1"}
{"reason":"compiler-artifact","manifest_path":"/r/crates/training/Cargo.toml","target":{"name":"gpu_check"},"profile":{"test":false},"executable":"/t/gpu_check"}
{"reason":"compiler-artifact","manifest_path":"/r/crates/training/Cargo.toml","target":{"name":"training"},"profile":{"test":false},"executable":null}
{"reason":"build-script-executed","env":[["TORCH_EXT_NCCL","/t/nccl.so"]]}
{"reason":"build-script-executed","env":[]}
"#;
        let expected = Built {
            programs: vec![("gpu_check".to_owned(), PathBuf::from("/t/gpu_check"))],
            tests: vec![("torch-ext-adamw".to_owned(), PathBuf::from("/t/adamw-1"))],
            nccl: Some(PathBuf::from("/t/nccl.so")),
        };
        assert_eq!(read(messages).unwrap(), expected);
    }
}
