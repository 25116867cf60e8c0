//! Runs one stage as a child process, with one line on the terminal and everything else in its log.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};

use super::measures;
use super::stages::Stage;
use crate::process::{POLL, Running, shown};
use crate::status::{Status, seconds};

/// Lines of a failed stage's log that are shown.
const SHOWN: usize = 20;

/// Runs `stage`, the `of.0`th of `of.1`; whether there was anything to do.
pub fn run(stage: &Stage, program: &Path, logs: &Path, of: (usize, usize)) -> Result<bool> {
    let start = Instant::now();
    let count = format!("[{}/{}]", of.0, of.1);
    let head = format!("{count:<7} {:<24}", stage.name);
    let path = logs.join(format!("{}.log", stage.name));
    let context = || format!("cannot write {}", path.display());
    let mut log = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .with_context(context)?;
    let mut command = stage.command(program);
    writeln!(log, "$ {}", shown(&command)).with_context(context)?;
    let before = stamp(stage);
    let running = Running::start(
        command
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(log.try_clone().with_context(context)?)
            .stderr(log),
    )?;
    let mut status = Status::new(Duration::from_secs(30));
    let ended = loop {
        if let Some(ended) = running.poll()? {
            break ended;
        }
        status.update(|| {
            let last = last_lines(&path, 1).unwrap_or_default();
            format!("{head} {:>9}  {last}", seconds(start.elapsed()))
        });
        sleep(POLL);
    };
    status.clear();
    if !ended.success() {
        bail!(
            "{} failed ({ended}); the end of its log, {}:\n{}",
            stage.name,
            path.display(),
            last_lines(&path, SHOWN).with_context(context)?
        );
    }
    let after = stamp(stage);
    if after.is_none() {
        bail!(
            "{} ended well but left no artifact in {}",
            stage.name,
            stage.output.display()
        );
    }
    let worked = before != after;
    let time = if worked {
        seconds(start.elapsed())
    } else {
        "stands".into()
    };
    println!("{head} {time:>9}  {}", measures::counts(stage));
    Ok(worked)
}

/// Changes when the stage's artifact is made; `None` while there is none.
fn stamp(stage: &Stage) -> Option<(SystemTime, u64)> {
    let manifest = fs::metadata(stage.output.join("manifest.json")).ok()?;
    Some((manifest.modified().ok()?, manifest.len()))
}

/// The last `count` lines of a log that has something on them.
fn last_lines(path: &Path, count: usize) -> Result<String> {
    // Far more than the lines need, and far less than a long training writes.
    const TAIL: u64 = 64 * 1024;
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    Ok(lines[lines.len().saturating_sub(count)..].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_log_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "").unwrap();
        assert_eq!(last_lines(&path, 1).unwrap(), "");
        let long = "x".repeat(70_000);
        fs::write(&path, format!("{long}\none\n\ntwo\n \n")).unwrap();
        assert_eq!(last_lines(&path, 1).unwrap(), "two");
        assert_eq!(last_lines(&path, 2).unwrap(), "one\ntwo");
    }
}
