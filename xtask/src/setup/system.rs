//! The system's build tools: CMake, a C++ compiler, make, OpenMP, BLAS and LAPACK.
//!
//! FAISS is compiled from source and linked with BLAS and LAPACK, and libtorch's bindings are C++. Whether all of it
//! works is found out by linking a three-line program, once per compiler; what is missing is installed where that is
//! ours to do, and otherwise named in one command.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail};

use crate::cache::Cache;
use crate::process;

/// The oldest CMake that FAISS accepts.
const CMAKE: (u32, u32) = (3, 24);

/// Each part on its own: what it is called, and a program that links only where it is there.
const PROBES: [(&str, &[&str], &str); 4] = [
    (
        "a C++17 compiler",
        &["-std=c++17"],
        "int main() { return 0; }",
    ),
    (
        "OpenMP",
        &["-fopenmp", "-lgomp"],
        "#include <omp.h>\nint main() { return omp_get_max_threads() < 1; }",
    ),
    (
        "BLAS",
        &["-lblas"],
        "extern \"C\" void sgemm_();\nint main(int n, char**) { if (n > 9) sgemm_(); }",
    ),
    (
        "LAPACK",
        &["-llapack", "-lblas"],
        "extern \"C\" void sgesvd_();\nint main(int n, char**) { if (n > 9) sgesvd_(); }",
    ),
];

/// Checks the tools, and installs what is missing if we may.
pub fn check(cache: &Cache) -> Result<()> {
    let memory = cache.root().join("system-checked");
    let remembered = |tools: &str| fs::read_to_string(&memory).is_ok_and(|text| text == tools);
    if remembered(&fingerprint()) {
        return Ok(());
    }
    let mut missing = missing(cache)?;
    if !missing.is_empty() {
        eprintln!("missing on this system: {}", missing.join(", "));
        install(&missing)?;
        missing = self::missing(cache)?;
    }
    if !missing.is_empty() {
        bail!(
            "still missing after the installation: {}{}",
            missing.join(", "),
            advice(&missing)
        );
    }
    println!("build tools: all there");
    fs::write(&memory, fingerprint()).with_context(|| format!("cannot write {}", memory.display()))
}

/// What the check depends on: the tools found on the path, and when each was last changed.
fn fingerprint() -> String {
    ["cmake", "make", compiler().as_str()]
        .iter()
        .map(|tool| match on_path(tool) {
            None => format!("{tool}: none\n"),
            Some(path) => {
                let changed = fs::metadata(&path).and_then(|found| found.modified());
                let changed = changed
                    .ok()
                    .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
                let changed = changed.map_or(0, |since| since.as_secs());
                format!("{tool}: {} {changed}\n", path.display())
            }
        })
        .collect()
}

/// The C++ compiler that build scripts will take.
fn compiler() -> String {
    env::var("CXX")
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "c++".into())
}

/// The parts that are not there, as a person calls them.
fn missing(cache: &Cache) -> Result<Vec<String>> {
    let mut missing = Vec::new();
    match output(Command::new("cmake").arg("--version")) {
        None => missing.push(format!("CMake {}.{} or newer", CMAKE.0, CMAKE.1)),
        Some(text) => {
            if cmake_version(&text).is_none_or(|version| version < CMAKE) {
                let found = text.lines().next().unwrap_or_default();
                missing.push(format!(
                    "CMake {}.{} or newer (found: {found})",
                    CMAKE.0, CMAKE.1
                ));
            }
        }
    }
    if on_path("make").is_none() {
        missing.push("make".into());
    }
    let folder = cache.root().join(format!(".probe-{}", std::process::id()));
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for (name, flags, source) in PROBES {
        if !links(&folder, flags, source)? {
            missing.push(name.into());
        }
    }
    fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    Ok(missing)
}

/// Whether a program of the text `source` compiles and links.
fn links(folder: &Path, flags: &[&str], source: &str) -> Result<bool> {
    let file = folder.join("probe.cpp");
    fs::write(&file, source).with_context(|| format!("cannot write {}", file.display()))?;
    let linked = output(
        Command::new(compiler())
            .arg(&file)
            .args(flags)
            .arg("-o")
            .arg(folder.join("probe")),
    );
    Ok(linked.is_some())
}

/// What `command` prints; `None` when it cannot start or fails.
fn output(command: &mut Command) -> Option<String> {
    let Output { status, stdout, .. } = command.stdin(Stdio::null()).output().ok()?;
    status
        .success()
        .then(|| String::from_utf8_lossy(&stdout).into_owned())
}

/// Major and minor version out of `cmake version 3.25.1`.
fn cmake_version(text: &str) -> Option<(u32, u32)> {
    let version = text
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let mut numbers = version.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn on_path(tool: &str) -> Option<PathBuf> {
    if tool.contains('/') {
        return Some(PathBuf::from(tool)).filter(|path| path.is_file());
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(tool))
        .find(|path| path.is_file())
}

/// Installs the missing parts as root, or by sudo when it asks for no password; otherwise says what to type.
fn install(missing: &[String]) -> Result<()> {
    if family() != Family::Debian || on_path("apt-get").is_none() {
        bail!("this system is not ours to change{}", advice(missing));
    }
    let prefix: &[&str] = if output(Command::new("id").arg("-u")).is_some_and(|id| id.trim() == "0")
    {
        &["env"]
    } else if output(Command::new("sudo").args(["-n", "true"])).is_some() {
        &["sudo", "-n", "env"]
    } else {
        bail!("we are not root{}", advice(missing));
    };
    let apt = |words: &[&str]| {
        let mut command = Command::new(prefix[0]);
        command
            .args(&prefix[1..])
            .args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
            .args(words)
            .stdin(Stdio::null());
        process::succeed(&mut command)
    };
    // A stale or partly unreachable index may still know the packages.
    if let Err(error) = apt(&["update", "-q"]) {
        eprintln!("{error:#}; trying to install all the same");
    }
    let mut words = vec!["install", "-y", "-q", "--no-install-recommends"];
    words.extend(DEBIAN);
    apt(&words).with_context(|| format!("cannot install the build tools{}", advice(missing)))
}

const DEBIAN: [&str; 4] = ["cmake", "g++", "make", "libopenblas-dev"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Debian,
    Fedora,
    Arch,
    Other,
}

fn family() -> Family {
    fs::read_to_string("/etc/os-release").map_or(Family::Other, |text| family_of(&text))
}

/// The family that an `os-release` file names.
fn family_of(text: &str) -> Family {
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("ID=").or(line.strip_prefix("ID_LIKE=")))
        .flat_map(|value| value.trim_matches('"').split(' '))
        .collect();
    let any = |wanted: &[&str]| names.iter().any(|name| wanted.contains(name));
    if any(&["debian", "ubuntu"]) {
        Family::Debian
    } else if any(&["fedora", "rhel"]) {
        Family::Fedora
    } else if any(&["arch"]) {
        Family::Arch
    } else {
        Family::Other
    }
}

/// The command that brings the parts, to be put behind a message.
fn advice(missing: &[String]) -> String {
    let command = match family() {
        // The system's own CMake is too old: the package index has a current one.
        _ if missing.len() == 1 && missing[0].contains("found:") => {
            "python3 -m pip install --user cmake".into()
        }
        Family::Debian => format!(
            "sudo apt-get update && sudo apt-get install -y {}",
            DEBIAN.join(" ")
        ),
        Family::Fedora => "sudo dnf install -y cmake gcc-c++ make blas-devel lapack-devel".into(),
        Family::Arch => "sudo pacman -S --needed cmake gcc make blas lapack".into(),
        Family::Other => {
            return format!("; install {} and run setup again", missing.join(", "));
        }
    };
    format!("; run this, then setup again: {command}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared_as_numbers() {
        let cases = [
            ("cmake version 3.25.1\n\nCMake suite", Some((3, 25))),
            ("cmake version 3.9.0-rc1", Some((3, 9))),
            ("cmake version 4.1", Some((4, 1))),
            ("cmake", None),
            ("", None),
        ];
        for (text, version) in cases {
            assert_eq!(cmake_version(text), version, "{text}");
        }
        assert!((3, 9) < CMAKE && (4, 0) > CMAKE);
    }

    #[test]
    fn systems_belong_to_families() {
        let cases = [
            ("PRETTY_NAME=\"Debian\"\nID=debian\n", Family::Debian),
            ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", Family::Debian),
            (
                "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n",
                Family::Fedora,
            ),
            ("ID=arch\n", Family::Arch),
            ("ID=nixos\n", Family::Other),
            ("", Family::Other),
        ];
        for (text, family) in cases {
            assert_eq!(family_of(text), family, "{text}");
        }
    }
}
