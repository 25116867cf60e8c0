//! Who may work on an output. A lock ends with its process; its file stays, since removing it could take it from under
//! a third process.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::output::beside;
use crate::{Error, Result, Shard};

/// The first and the longest pause between two looks at what another process does.
const PAUSES: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(500)];

/// Held by the one process of this rank that makes the output.
pub(crate) fn of_rank(output: &Path, shard: Shard) -> Result<File> {
    let suffix = if shard.is_first() {
        "lock".to_owned()
    } else {
        format!("lock-{}", shard.rank())
    };
    let path = beside(output, &suffix);
    let file = open(&path)?;
    let locked = file.try_lock();
    taken(locked, &path)?
        .then_some(file)
        .ok_or_else(|| Error::Locked {
            path: output.to_path_buf(),
            shard,
        })
}

/// Held by each process but the first while it uses the work folder. None while the first has it to itself.
pub(crate) fn guest(output: &Path) -> Result<Option<File>> {
    let path = beside(output, GUESTS);
    let file = open(&path)?;
    let locked = file.try_lock_shared();
    Ok(taken(locked, &path)?.then_some(file))
}

/// Held by the first process while the work folder appears or goes, so that no other one works in it. Waits for
/// those that still do. None when there never was another one.
pub(crate) fn host(output: &Path, shard: Shard, patience: Duration) -> Result<Option<File>> {
    let path = beside(output, GUESTS);
    if shard.world_size() == 1 && !path.exists() {
        return Ok(None);
    }
    let file = open(&path)?;
    let mut pauses = Pauses::new(patience);
    loop {
        let locked = file.try_lock();
        if taken(locked, &path)? {
            return Ok(Some(file));
        }
        if !pauses.pause() {
            return Err(Error::InUse {
                path: output.to_path_buf(),
                patience,
            });
        }
    }
}

const GUESTS: &str = "lock-ranks";

fn open(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(Error::io("create", path))
}

fn taken(locked: std::result::Result<(), TryLockError>, path: &Path) -> Result<bool> {
    match locked {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", path)(error)),
    }
}

/// Pauses that grow, until patience ends.
pub(crate) struct Pauses {
    start: Instant,
    patience: Duration,
    next: Duration,
}

impl Pauses {
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            start: Instant::now(),
            patience,
            next: PAUSES[0],
        }
    }

    /// Sleeps, and says that another look is due; false when patience has ended.
    pub(crate) fn pause(&mut self) -> bool {
        let left = self.patience.saturating_sub(self.start.elapsed());
        if left.is_zero() {
            return false;
        }
        std::thread::sleep(self.next.min(left));
        self.next = (self.next * 2).min(PAUSES[1]);
        true
    }
}
