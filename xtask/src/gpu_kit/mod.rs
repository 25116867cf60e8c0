//! `cargo xtask gpu-kit`: one file with all that checks a machine which has a GPU and a Python with PyTorch, and no Rust.

mod built;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::process::succeed;
use crate::repository;
use crate::setup::{self, Want};
use crate::status::megabytes;

/// The largest kit, in bytes: it is meant to be carried.
const LARGEST: u64 = 60_000_000;
/// The kit's folder inside its file.
const NAME: &str = "jobmatch-gpu-kit";
/// What runs it there.
const SCRIPT: &str = include_str!("run.sh");
/// System libraries that the programs need and a GPU machine may lack: FAISS computes with OpenBLAS.
const LIBRARIES: [&str; 3] = ["libopenblas", "libgfortran", "libquadmath"];
/// Files of the repository that the script uses.
const FIXTURES: [&str; 2] = ["fixtures/data", "fixtures/models"];

/// What `cargo xtask gpu-kit` takes.
#[derive(Args)]
pub struct Options {
    /// The file to make [default: target/gpu-kit/jobmatch-gpu-kit.tar.gz]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Without NCCL: spares the download of its headers, 196 MB once
    #[arg(long)]
    without_nccl: bool,
}

/// Builds, gathers and packs.
pub fn run(options: &Options) -> Result<()> {
    setup::run(Want::Programs)?;
    let headers = match options.without_nccl {
        true => None,
        false => Some(setup::cuda_headers()?),
    };
    let built = built::build(headers.as_deref())?;
    let work = repository::root().join("target/gpu-kit");
    let kit = work.join(NAME);
    if kit.exists() {
        fs::remove_dir_all(&kit).with_context(|| format!("cannot clear {}", kit.display()))?;
    }
    for (folder, files) in [("bin", &built.programs), ("tests", &built.tests)] {
        for (name, path) in files {
            copy(path, &kit.join(folder).join(name), true)?;
        }
    }
    if let Some(library) = &built.nccl {
        // Where the programs look for it.
        for folder in ["bin", "tests"] {
            copy(
                library,
                &kit.join(folder).join("libtorch_ext_nccl.so"),
                true,
            )?;
        }
    }
    for (_, program) in &built.programs {
        for library in needed(program)? {
            let name = library.file_name().unwrap_or_default();
            copy(&library, &kit.join("lib").join(name), false)?;
        }
    }
    for folder in FIXTURES {
        succeed(
            Command::new("cp")
                .arg("-r")
                .arg(repository::root().join(folder))
                .arg(&kit),
        )?;
    }
    let script = kit.join("run.sh");
    fs::write(&script, SCRIPT).with_context(|| format!("cannot write {}", script.display()))?;

    let output = options
        .output
        .clone()
        .unwrap_or_else(|| work.join(format!("{NAME}.tar.gz")));
    succeed(
        Command::new("tar")
            .arg("-C")
            .arg(&work)
            .arg("-czf")
            .arg(&output)
            .arg(NAME),
    )?;
    let size = fs::metadata(&output)
        .with_context(|| format!("cannot read {}", output.display()))?
        .len();
    check_size(size)?;
    println!(
        "{}: {}; there: tar -xzf FILE && bash {NAME}/run.sh",
        output.display(),
        megabytes(size)
    );
    Ok(())
}

fn check_size(bytes: u64) -> Result<()> {
    if bytes > LARGEST {
        bail!(
            "the kit has {}, and {} is the most: leave something out",
            megabytes(bytes),
            megabytes(LARGEST)
        );
    }
    Ok(())
}

/// Copies a file, and strips what only a debugger needs.
fn copy(from: &Path, to: &Path, strip: bool) -> Result<()> {
    let parent = to.parent().unwrap_or(to);
    fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    fs::copy(from, to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    if strip {
        succeed(Command::new("strip").arg(to))?;
    }
    Ok(())
}

/// Those of [`LIBRARIES`] that the system gives `program`.
fn needed(program: &Path) -> Result<Vec<PathBuf>> {
    let listed = Command::new("ldd")
        .arg(program)
        .output()
        .context("cannot run ldd")?;
    Ok(wanted_libraries(&String::from_utf8_lossy(&listed.stdout)))
}

fn wanted_libraries(listed: &str) -> Vec<PathBuf> {
    listed
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.trim().split_once(" => ")?;
            let path = rest.split_whitespace().next()?;
            let wanted = LIBRARIES.iter().any(|library| name.starts_with(library));
            (wanted && path.starts_with('/')).then(|| PathBuf::from(path))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_gpu_machine_may_lack_is_taken() {
        let listed = "\tlinux-vdso.so.1 (0x1)\n\tlibopenblas.so.0 => /lib/libopenblas.so.0 (0x2)\n\
                      \tlibc.so.6 => /lib/libc.so.6 (0x3)\n\tlibgfortran.so.5 => not found\n";
        assert_eq!(
            wanted_libraries(listed),
            [PathBuf::from("/lib/libopenblas.so.0")]
        );
    }

    #[test]
    fn a_kit_that_is_too_large_is_refused() {
        assert!(check_size(LARGEST).is_ok());
        let error = check_size(61_000_000).unwrap_err().to_string();
        assert!(error.starts_with("the kit has 61 MB"), "{error}");
    }
}
