//! An output in the making.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::files::{append_row, remove_folder};
use crate::manifest::TELEMETRY;
use crate::output::{
    beside, check_name, output_path, parent, put_in_place, standing, write_json, write_json_lines,
};
use crate::{Artifact, Error, Identity, Result, Shard, lock};

/// What there is to do for an output.
#[derive(Debug)]
pub enum Begin {
    /// It stands already, whole, made from the same inputs and settings.
    Done(Artifact),
    /// It has to be made.
    Work(Draft),
}

/// A work folder beside the output-to-be. Dropped without [`publish`](Self::publish), it leaves the output as it was.
#[derive(Debug)]
pub struct Draft {
    output: PathBuf,
    work: PathBuf,
    identity: Identity,
    /// Held until the draft ends; the operating system frees it when the process dies.
    _lock: File,
}

/// Begins an output at `output` with the given identity. A valid one that stands there is checked as
/// [`Artifact::open`] does; what a run that died left in the work folder is removed.
///
/// # Errors
/// When an output of another identity stands there (with what differs), or a damaged one, or something that is no
/// output; when another run is making it; when the path ends in no name, or the work folder cannot be made.
pub fn begin(output: &Path, identity: Identity) -> Result<Begin> {
    check_name(output)?;
    if let Some(done) = standing(output, &identity)? {
        return Ok(Begin::Done(done));
    }
    let parent = parent(output);
    fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
    let lock = lock::of_rank(output, Shard::alone())?;
    // Another run may have published between the first look and the lock.
    if let Some(done) = standing(output, &identity)? {
        return Ok(Begin::Done(done));
    }
    let work = beside(output, "work");
    remove_folder(&work)?;
    fs::create_dir(&work).map_err(Error::io("create", &work))?;
    Ok(Begin::Work(Draft {
        output: output.to_path_buf(),
        work,
        identity,
        _lock: lock,
    }))
}

impl Draft {
    /// The work folder.
    pub fn dir(&self) -> &Path {
        &self.work
    }

    /// The path of a file to be, `/` between its parts; the folders it needs are made.
    ///
    /// # Errors
    /// When the name leads out of the work folder, or a folder cannot be made.
    pub fn path(&self, name: &str) -> Result<PathBuf> {
        output_path(&self.work, name)
    }

    /// Writes a value as indented JSON.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_json<T: Serialize>(&self, name: &str, value: &T) -> Result<()> {
        write_json(&self.path(name)?, value)
    }

    /// Writes values as JSON lines.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write_json_lines<T: Serialize>(&self, name: &str, values: &[T]) -> Result<()> {
        write_json_lines(&self.path(name)?, values)
    }

    /// Appends a row to `telemetry.jsonl`, which no digest covers.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn telemetry<T: Serialize>(&self, row: &T) -> Result<()> {
        let path = self.work.join(TELEMETRY);
        let file = OpenOptions::new().create(true).append(true).open(&path);
        append_row(&file.map_err(Error::io("create", &path))?, &path, row).map(drop)
    }

    /// Writes the manifest, brings everything to the disk and puts the folder in its place by one rename.
    ///
    /// # Errors
    /// When something cannot be written; the output is then absent as before.
    pub fn publish(self) -> Result<Artifact> {
        put_in_place(&self.work, &self.output, &self.identity)
    }
}

impl Drop for Draft {
    /// Clears the work folder of a run that gave up; one that was published is no longer there.
    fn drop(&mut self) {
        if let Err(error) = remove_folder(&self.work) {
            tracing::warn!(?error, "{error}");
        }
    }
}
