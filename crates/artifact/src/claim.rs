//! The work folder of an output that is made unit by unit: who makes it, who may enter it, and when it goes.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use crate::files::{remove_folder, sync_path};
use crate::lock::{self, Pauses};
use crate::output::{beside, parent, standing, write_json};
use crate::{Artifact, Error, Identity, Result, Shard};

/// What the work folder is for; one without it is not begun.
const IDENTITY: &str = "identity.json";

/// What came of a claim on the work folder.
#[derive(Debug)]
pub(crate) enum Claim {
    /// There is nothing to do.
    Done(Artifact),
    /// The folder is there, for this identity; each process but the first holds it with this lock.
    Work(Option<File>),
}

/// The first rank's claim: makes the folder, or goes on with the one that is there.
pub(crate) fn host(
    output: &Path,
    identity: &Identity,
    shard: Shard,
    patience: Duration,
) -> Result<Claim> {
    // Another run may have published between the first look and the lock.
    if let Some(done) = standing(output, identity)? {
        return Ok(Claim::Done(done));
    }
    let folder = beside(output, "work");
    if matches!(read(&folder), Some(there) if identity.differences(&there).is_empty()) {
        return Ok(Claim::Work(None));
    }
    let _host = lock::host(output, shard, patience)?;
    clear(&folder)?;
    fs::create_dir(&folder).map_err(Error::io("create", &folder))?;
    let (new, path) = (folder.join("identity.json.new"), folder.join(IDENTITY));
    write_json(&new, identity)?;
    sync_path(&new)?;
    fs::rename(&new, &path).map_err(Error::io("create", &path))?;
    sync_path(&folder)?;
    sync_path(parent(output))?;
    Ok(Claim::Work(None))
}

/// Another rank's claim: waits until the first one has made the folder.
pub(crate) fn enter(
    output: &Path,
    identity: &Identity,
    shard: Shard,
    patience: Duration,
) -> Result<Claim> {
    let folder = beside(output, "work");
    let mut pauses = Pauses::new(patience);
    loop {
        let mut differences = Vec::new();
        // Under the lock, the first rank neither publishes nor clears: what is seen stays.
        if let Some(guest) = lock::guest(output)? {
            if let Some(done) = standing(output, identity)? {
                return Ok(Claim::Done(done));
            }
            if let Some(there) = read(&folder) {
                differences = identity.differences(&there);
                if differences.is_empty() {
                    return Ok(Claim::Work(Some(guest)));
                }
            }
        }
        if !pauses.pause() {
            return Err(Error::NotBegun {
                path: output.to_path_buf(),
                shard,
                patience,
                differences,
            });
        }
    }
}

/// The identity that the folder is for; none when it cannot be read or understood.
fn read(folder: &Path) -> Option<Identity> {
    let text = fs::read_to_string(folder.join(IDENTITY)).ok()?;
    serde_json::from_str(&text).ok()
}

/// Removes a work folder; its identity first, so that nobody goes on with the rest of one.
pub(crate) fn clear(folder: &Path) -> Result<()> {
    let path = folder.join(IDENTITY);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io("remove", &path)(error))
        }
        _ => remove_folder(folder),
    }
}

/// Removes what a run that died after publishing left. The output is done without it, so nothing here is an error.
pub(crate) fn clear_leftover(output: &Path, shard: Shard) {
    let folder = beside(output, "work");
    if !shard.is_first() || !folder.exists() {
        return;
    }
    let cleared = || {
        let _first = lock::of_rank(output, shard)?;
        let _host = lock::host(output, shard, Duration::ZERO)?;
        clear(&folder)
    };
    match cleared() {
        // Whoever holds it will clear it.
        Ok(()) | Err(Error::Locked { .. } | Error::InUse { .. }) => {}
        Err(error) => tracing::warn!(?error, "{error}"),
    }
}
