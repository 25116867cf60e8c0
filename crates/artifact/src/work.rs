//! An output made unit by unit, by one process or several, that goes on where it stopped.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::claim::{Claim, clear, clear_leftover, enter, host};
use crate::files::{append_row, entry, problem, sync_path};
use crate::journal::{Files, Journals, Look, State, open_whole_lines};
use crate::lock::{self, Pauses};
use crate::manifest::TELEMETRY;
use crate::output::{
    beside, check_name, output_path, parent, path_in, put_in_place, standing, write_json,
    write_json_lines,
};
use crate::{Artifact, Error, Identity, Result, Shard};

/// The folder of the output-to-be in the work folder.
pub(crate) const OUTPUT: &str = "output";
/// The folder of what is never published.
const SCRATCH: &str = "scratch";

/// What there is to do for an output that is made unit by unit.
#[derive(Debug)]
pub enum Resume {
    /// It stands already, whole, made from the same inputs and settings.
    Done(Artifact),
    /// It has to be made, or to be made to its end.
    Work(Work),
}

/// A work folder beside the output-to-be, which several processes may share and which stays until the output is
/// published.
///
/// The work is cut into units with names of the caller's choice. A unit's files are written under
/// [`scratch`](Self::scratch) or [`path`](Self::path) and committed by [`finish`](Self::finish). A process that
/// starts again asks [`is_finished`](Self::is_finished) and does only the rest. Files of a unit that is not finished
/// may stand there half written: whoever does it again has to replace them.
#[derive(Debug)]
pub struct Work {
    output: PathBuf,
    folder: PathBuf,
    identity: Identity,
    shard: Shard,
    patience: Duration,
    journals: Mutex<Journals>,
    /// Held until the work ends; the operating system frees them when the process dies.
    _locks: (File, Option<File>),
}

/// Begins an output at `output`, or goes on with one that was begun with the same identity. The first rank makes the
/// work folder, and clears one of another identity; the others wait for it as long as `patience`, which also bounds
/// every later [`Work::wait`].
///
/// # Errors
/// When an output of another identity stands there (with what differs), or a damaged one, or something that is no
/// output; when a process of the same rank works on it; when the first rank does not begin it in time, or others still
/// work on what it has to clear; when the path ends in no name, or the work folder cannot be made.
pub fn resume(
    output: &Path,
    identity: Identity,
    shard: Shard,
    patience: Duration,
) -> Result<Resume> {
    check_name(output)?;
    if let Some(done) = standing(output, &identity)? {
        clear_leftover(output, shard);
        return Ok(Resume::Done(done));
    }
    let parent = parent(output);
    fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
    let lock = lock::of_rank(output, shard)?;
    let claim = if shard.is_first() {
        host(output, &identity, shard, patience)?
    } else {
        enter(output, &identity, shard, patience)?
    };
    let guest = match claim {
        Claim::Done(done) => {
            drop(lock);
            clear_leftover(output, shard);
            return Ok(Resume::Done(done));
        }
        Claim::Work(guest) => guest,
    };
    let folder = beside(output, "work");
    let published = folder.join(OUTPUT);
    fs::create_dir_all(&published).map_err(Error::io("create", &published))?;
    Ok(Resume::Work(Work {
        output: output.to_path_buf(),
        journals: Mutex::new(Journals::open(&folder, shard)?),
        folder,
        identity,
        shard,
        patience,
        _locks: (lock, guest),
    }))
}

impl Work {
    /// Which of the processes this is.
    pub fn shard(&self) -> Shard {
        self.shard
    }

    /// The path of an intermediate file, `/` between its parts; the folders it needs are made. It is never published.
    ///
    /// # Errors
    /// When the name leads out of the work folder, or a folder cannot be made.
    pub fn scratch(&self, name: &str) -> Result<PathBuf> {
        path_in(&self.folder.join(SCRATCH), name)
    }

    /// The path of a file of the output, `/` between its parts; the folders it needs are made.
    ///
    /// # Errors
    /// When the name leads out of the output, or a folder cannot be made.
    pub fn path(&self, name: &str) -> Result<PathBuf> {
        output_path(&self.folder.join(OUTPUT), name)
    }

    /// Whether some process finished the unit, and its files still stand there as they were. They are read once; one
    /// that differs is named in a warning, and the unit has to be done again.
    ///
    /// # Errors
    /// When a journal or a file cannot be read.
    pub fn is_finished(&self, unit: &str) -> Result<bool> {
        if self.is_known(unit)? {
            return Ok(true);
        }
        self.journals().refresh()?;
        self.is_known(unit)
    }

    /// Asks what was read of the journals so far. Files are read without the lock: many threads ask at once.
    fn is_known(&self, unit: &str) -> Result<bool> {
        loop {
            let look = self.journals().look(unit);
            let (number, files) = match look {
                Look::Finished => return Ok(true),
                Look::Absent => return Ok(false),
                Look::Check(number, files) => (number, files),
            };
            let mut state = State::Whole;
            for (name, expected) in &files {
                let path = self.folder.join(name);
                if let Some(problem) = problem(&path, expected)? {
                    tracing::warn!(
                        "{} is not as it was finished: {problem}; `{unit}` is done again",
                        path.display()
                    );
                    state = State::Damaged;
                    break;
                }
            }
            self.journals().set(unit, number, state);
        }
    }

    /// Commits a unit: brings its files to the disk and then says in the journal that it is finished. They must not
    /// change from here on.
    ///
    /// # Errors
    /// When a file lies outside the work folder or cannot be brought to the disk; the unit is then not finished.
    pub fn finish(&self, unit: &str, files: &[PathBuf]) -> Result<()> {
        let mut entries = Files::new();
        for path in files {
            let elsewhere = || Error::Elsewhere {
                path: path.clone(),
                folder: self.folder.clone(),
            };
            let inside = path.strip_prefix(&self.folder).map_err(|_| elsewhere())?;
            let parts: Option<Vec<&str>> = inside.iter().map(|part| part.to_str()).collect();
            let name = parts.ok_or_else(elsewhere)?.join("/");
            sync_path(path)?;
            entries.insert(name, entry(path)?);
        }
        // A file's name is on the disk when each folder on the way to it is.
        let mut folders: Vec<&Path> = files
            .iter()
            .flat_map(|path| path.ancestors().skip(1))
            .filter(|folder| folder.starts_with(&self.folder))
            .collect();
        folders.sort();
        folders.dedup();
        for folder in folders.iter().rev() {
            sync_path(folder)?;
        }
        self.journals().append(unit, entries)
    }

    /// Returns when some process finished the unit and its files stand there.
    ///
    /// # Errors
    /// When none did within the patience, or a journal or a file cannot be read.
    pub fn wait(&self, unit: &str) -> Result<()> {
        let mut pauses = Pauses::new(self.patience);
        while !self.is_finished(unit)? {
            if !pauses.pause() {
                return Err(Error::NotFinished {
                    unit: unit.to_owned(),
                    shard: self.shard,
                    patience: self.patience,
                });
            }
        }
        Ok(())
    }

    /// Writes a value as indented JSON into the output.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_json<T: Serialize>(&self, name: &str, value: &T) -> Result<()> {
        write_json(&self.path(name)?, value)
    }

    /// Writes values as JSON lines into the output.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write_json_lines<T: Serialize>(&self, name: &str, values: &[T]) -> Result<()> {
        write_json_lines(&self.path(name)?, values)
    }

    /// Appends a row to `telemetry.jsonl`, which no digest covers. The rows of other ranks follow those of the first
    /// when the output is published.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn telemetry<T: Serialize>(&self, row: &T) -> Result<()> {
        let path = self.telemetry_path(self.shard.rank());
        append_row(&open_whole_lines(&path)?, &path, row).map(drop)
    }

    fn telemetry_path(&self, rank: u32) -> PathBuf {
        if rank == 0 {
            self.folder.join(OUTPUT).join(TELEMETRY)
        } else {
            self.folder.join(format!("telemetry-{rank}.jsonl"))
        }
    }

    /// Writes the manifest, brings everything to the disk, puts the output in its place by one rename, and removes
    /// the work folder. Waits until the other processes have dropped their `Work`.
    ///
    /// # Errors
    /// When this is not the first rank, others do not end in time, or something cannot be written; the output is then
    /// absent as before, and another [`resume`] goes on.
    pub fn publish(self) -> Result<Artifact> {
        if !self.shard.is_first() {
            return Err(Error::NotFirst {
                path: self.output,
                shard: self.shard,
            });
        }
        let _host = lock::host(&self.output, self.shard, self.patience)?;
        self.gather_telemetry()?;
        let artifact = put_in_place(&self.folder.join(OUTPUT), &self.output, &self.identity)?;
        // The output is whole, whatever becomes of the rest.
        if let Err(error) = clear(&self.folder) {
            tracing::warn!(?error, "{error}");
        }
        Ok(artifact)
    }

    /// Removes the work folder: for a run that its inputs end, so that no other could go on. A rank that is not the
    /// first leaves it alone.
    pub fn discard(self) {
        if self.shard.is_first()
            && let Ok(_host) = lock::host(&self.output, self.shard, Duration::ZERO)
            && let Err(error) = clear(&self.folder)
        {
            tracing::warn!(?error, "{error}");
        }
    }

    fn gather_telemetry(&self) -> Result<()> {
        let all = self.telemetry_path(0);
        for rank in 1..self.shard.world_size() {
            let path = self.telemetry_path(rank);
            if path.exists() {
                let mut rows = File::open(&path).map_err(Error::io("read", &path))?;
                std::io::copy(&mut rows, &mut open_whole_lines(&all)?)
                    .map_err(Error::io("write", &all))?;
            }
        }
        Ok(())
    }

    /// A thread that panicked left the journals as they were before its change.
    fn journals(&self) -> MutexGuard<'_, Journals> {
        self.journals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
