//! What is finished: each process appends a line per unit to a journal of its own, and reads those of all.
//!
//! A line is a promise that files stood there with this content. It is checked before it is believed, once per process.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files::{append_row, is_inside, sync_path};
use crate::manifest::FileEntry;
use crate::{Error, Result, Shard};

/// A unit's files by their names under the work folder.
pub(crate) type Files = BTreeMap<String, FileEntry>;

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    unit: String,
    files: Files,
}

/// What this process knows of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Unchecked,
    Whole,
    Damaged,
}

/// What is to do to know whether a unit is finished.
#[derive(Debug)]
pub(crate) enum Look {
    Finished,
    Absent,
    /// Hold these files against the disk, and say so with [`Journals::set`] and the number.
    Check(usize, Files),
}

/// All journals in a work folder, of which one is this process's own.
#[derive(Debug)]
pub(crate) struct Journals {
    folder: PathBuf,
    own: File,
    own_path: PathBuf,
    /// How far each journal is read: the end of its last whole line.
    read: BTreeMap<PathBuf, u64>,
    /// A unit has several lines when a damaged file made it be done again.
    units: HashMap<String, Vec<(Files, State)>>,
}

impl Journals {
    /// Opens this process's journal and reads all. Only the holder of the rank's lock may.
    pub(crate) fn open(folder: &Path, shard: Shard) -> Result<Self> {
        let own_path = folder.join(format!("journal-{}.jsonl", shard.rank()));
        let own = open_whole_lines(&own_path)?;
        sync_path(folder)?;
        let mut journals = Self {
            folder: folder.to_path_buf(),
            own,
            own_path,
            read: BTreeMap::new(),
            units: HashMap::new(),
        };
        journals.refresh()?;
        Ok(journals)
    }

    /// What is known of a unit.
    pub(crate) fn look(&self, unit: &str) -> Look {
        let Some(lines) = self.units.get(unit) else {
            return Look::Absent;
        };
        if lines.iter().any(|(_, state)| *state == State::Whole) {
            return Look::Finished;
        }
        let unchecked = lines
            .iter()
            .position(|(_, state)| *state == State::Unchecked);
        match unchecked {
            Some(number) => Look::Check(number, lines[number].0.clone()),
            None => Look::Absent,
        }
    }

    /// Keeps what came of the check of a unit's line.
    pub(crate) fn set(&mut self, unit: &str, number: usize, checked: State) {
        let line = self.units.get_mut(unit).and_then(|l| l.get_mut(number));
        if let Some((_, state)) = line {
            *state = checked;
        }
    }

    /// Appends a unit to this process's journal and brings it to the disk: from then on it is finished.
    pub(crate) fn append(&mut self, unit: &str, files: Files) -> Result<()> {
        let end = self.read.get(&self.own_path).copied().unwrap_or(0);
        // What a write that failed left behind would spoil this line.
        let there = self.own.metadata().map(|data| data.len());
        if there.map_err(Error::io("read", &self.own_path))? != end {
            self.own
                .set_len(end)
                .map_err(Error::io("write", &self.own_path))?;
        }
        let line = Line {
            unit: unit.to_owned(),
            files,
        };
        let written = append_row(&self.own, &self.own_path, &line)?;
        self.read.insert(self.own_path.clone(), end + written);
        self.own
            .sync_all()
            .map_err(Error::io("bring to the disk", &self.own_path))?;
        let lines = self.units.entry(line.unit).or_default();
        lines.push((line.files, State::Whole));
        Ok(())
    }

    /// Reads what the journals have more by now.
    pub(crate) fn refresh(&mut self) -> Result<()> {
        let items = fs::read_dir(&self.folder).map_err(Error::io("list", &self.folder))?;
        for item in items {
            let path = item.map_err(Error::io("list", &self.folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("journal-") && name.ends_with(".jsonl") {
                self.read_on(path)?;
            }
        }
        Ok(())
    }

    /// Reads the whole lines after those that were read; one without an end is still being written, or torn.
    fn read_on(&mut self, path: PathBuf) -> Result<()> {
        let start = self.read.get(&path).copied().unwrap_or(0);
        let mut bytes = Vec::new();
        File::open(&path)
            .and_then(|mut file| {
                file.seek(SeekFrom::Start(start))?;
                file.read_to_end(&mut bytes)
            })
            .map_err(Error::io("read", &path))?;
        let whole = whole_lines(&bytes);
        for line in bytes[..whole].split(|byte| *byte == b'\n') {
            if !line.is_empty() {
                self.take(line, &path);
            }
        }
        self.read.insert(path, start + whole as u64);
        Ok(())
    }

    fn take(&mut self, line: &[u8], path: &Path) {
        match serde_json::from_slice::<Line>(line) {
            Ok(line) if line.files.keys().all(|name| is_inside(name)) => {
                let lines = self.units.entry(line.unit).or_default();
                lines.push((line.files, State::Unchecked));
            }
            _ => tracing::warn!(
                "{} holds a line that is no finished unit; what it stood for is done again",
                path.display()
            ),
        }
    }
}

/// Opens a file of lines to append to it, without the torn line that a crash may have left at its end.
pub(crate) fn open_whole_lines(path: &Path) -> Result<File> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(Error::io("create", path))?;
    let whole = whole_lines(&bytes);
    if whole < bytes.len() {
        file.set_len(whole as u64)
            .and_then(|()| file.sync_all())
            .map_err(Error::io("write", path))?;
    }
    Ok(file)
}

/// How many bytes belong to lines that have their end.
fn whole_lines(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |last| last + 1)
}
