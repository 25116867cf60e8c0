//! Training rows in a random order from files larger than memory.
//!
//! **The order** of an epoch depends on the files, the settings, the seed and the epoch, and on nothing else: not on
//! how many ranks there are, how large a batch is, or where a training was interrupted. The rows are cut into *blocks*
//! of consecutive rows, and the blocks are permuted. As many of them as fit make a *window*, and the rows of a window
//! are shuffled.
//!
//! **What this randomness is.** Rows that fit one window (262,144, and 128 MiB of values) are shuffled fully: every
//! order is as likely as any other, as far as the generator (ChaCha8) goes. Of more rows, each epoch draws anew which
//! blocks share a window, and in which order the windows come: a block may come anywhere in the epoch.
//!
//! **What it is not.** The rows of one block (4,096 neighbours in a file) come in the same window in every epoch. So
//! where there are more rows than one window holds, two of them meet in one batch more often than in a full shuffle:
//! as many times as there are windows. In files sorted by job that is so for the rows of a job. A window is a mixture
//! of its some 64 blocks, not of all rows, and the last one of an epoch, which gets what is left, of fewer. It is no
//! sampling with replacement: each row comes at most once in an epoch (exactly once where no
//! share of a source is asked for). Whoever needs more shuffles the rows when the files are
//! written, or gives smaller blocks or larger windows.

mod ahead;
mod config;
mod draw;
mod plan;
mod position;
mod source;

use std::path::Path;
use std::sync::Arc;

use jobmatch_records::Record;

pub use self::config::CursorConfig;
pub use self::position::{Position, share};

use self::ahead::Ahead;
use self::source::Source;
use crate::{Error, Result};

/// Gives the rows of a folder (`part-*.parquet`, as `dataset` writes them) epoch by epoch in a random order, as
/// described in the settings, [`CursorConfig`].
///
/// Every rank opens its own cursor with the same arguments, takes the same batches, and works on its [`share`] of
/// each. Reading is cheap beside training: each rank reads all rows.
///
/// In memory are the window that is being given, the next one, which a thread reads meanwhile, and some 60 bytes for
/// each block of the files.
///
/// ```no_run
/// use jobmatch_records::Pair;
/// use jobmatch_training::{Cursor, CursorConfig, Position, share};
///
/// let (batch_size, rank, world) = (256, 0, 2);
/// let mut cursor = Cursor::<Pair>::open("pairs/train".as_ref(), CursorConfig::default(), 42)?;
/// for epoch in 0..3 {
///     cursor.seek(Position { epoch, row: 0 })?;
///     for _ in 0..cursor.batches(batch_size, true) {
///         let batch = cursor.next_batch(batch_size)?;
///         let mine = &batch[share(batch.len(), rank, world)];
///         // ... a step on `mine`; a checkpoint keeps `cursor.position()` and `cursor.fingerprint()`
///     }
/// }
/// # Ok::<(), jobmatch_training::Error>(())
/// ```
pub struct Cursor<R> {
    source: Arc<Source<R>>,
    position: Position,
    /// The rows from `position` on that are in memory.
    window: std::vec::IntoIter<R>,
    /// Reads what comes after `window`. None before the first row is asked for, and after an error.
    ahead: Option<Ahead<R>>,
}

impl<R> std::fmt::Debug for Cursor<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cursor")
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl<R: Record + Send + 'static> Cursor<R> {
    /// Opens a folder, at the first row of epoch 0. It reads the footers of the files, and for `positives_only` the
    /// column `label`, for `shares` the column `source`; the rows follow when they are asked for.
    ///
    /// # Errors
    /// A setting that makes no sense; a folder without files; a file that is not whole, or lacks a column; with
    /// `positives_only` a label that is not between 0 and 1; no row at all.
    pub fn open(folder: &Path, config: CursorConfig, seed: u64) -> Result<Self> {
        Ok(Self {
            source: Arc::new(Source::open(folder, config, seed)?),
            position: Position::default(),
            window: Vec::new().into_iter(),
            ahead: None,
        })
    }

    /// Rows of an epoch: all of the files, those that pass the filter, or the shares that are drawn.
    pub fn rows(&self) -> u64 {
        self.source.rows()
    }

    /// Batches of an epoch. The last one may be short, and is left out of the number with `drop_last`. No batch has no
    /// rows: of batches of 0 rows there are 0.
    pub fn batches(&self, batch_size: usize, drop_last: bool) -> u64 {
        let size = batch_size as u64;
        match size {
            0 => 0,
            _ if drop_last => self.rows() / size,
            _ => self.rows().div_ceil(size),
        }
    }

    /// Where the next batch begins.
    pub fn position(&self) -> Position {
        self.position
    }

    /// `blake3:` and a hash of all that the order depends on but the epoch: the files' names, the rows and bytes of
    /// their row groups, which blocks have how many positives where that is asked for, the settings and the seed. A
    /// position means the same rows only in a cursor of the same fingerprint.
    pub fn fingerprint(&self) -> String {
        self.source.fingerprint()
    }

    /// Goes to a position: the end of an epoch is one. The window that holds it is read when rows are asked for, and
    /// nothing before it. From the last window of an epoch to the beginning of the next nothing is read again.
    ///
    /// # Errors
    /// [`Error::PastEnd`] when the epoch has fewer rows.
    pub fn seek(&mut self, position: Position) -> Result<()> {
        let rows = self.rows();
        if position.row > rows {
            return Err(Error::PastEnd {
                row: position.row,
                rows,
            });
        }
        if position == self.position {
            return Ok(());
        }
        // Where all that the epoch still has is in memory, the thread goes on with the next epoch.
        let last_window = self.position.row + self.window.len() as u64 == rows;
        let follows =
            position.row == 0 && Some(position.epoch) == self.position.epoch.checked_add(1);
        if last_window && follows {
            self.window = Vec::new().into_iter();
        } else {
            self.forget();
        }
        self.position = position;
        Ok(())
    }

    /// The next `size` rows of the epoch, or as many as it still has: none at its end, from which [`Cursor::seek`]
    /// leads to the next one. It waits only for a window that is not read yet.
    ///
    /// # Errors
    /// When a file cannot be read, or was changed since it was opened; when a label is not between 0 and 1. The
    /// position is as before, and the next call tries again.
    pub fn next_batch(&mut self, size: usize) -> Result<Vec<R>> {
        let left = self.rows() - self.position.row;
        let size = usize::try_from(left).map_or(size, |left| left.min(size));
        let mut batch = Vec::new();
        while batch.len() < size {
            if self.window.len() == 0
                && let Err(error) = self.next_window(batch.len() as u64)
            {
                // The rows of the batch are lost with it: the next call must read their window again.
                self.forget();
                return Err(error);
            }
            let rest = size - batch.len();
            batch.extend(self.window.by_ref().take(rest));
        }
        self.position.row += size as u64;
        Ok(batch)
    }

    /// Brings the window into memory that holds the row `after` rows behind the position.
    fn next_window(&mut self, after: u64) -> Result<()> {
        // Its memory goes before the thread begins another window.
        self.window = Vec::new().into_iter();
        let wanted = Position {
            row: self.position.row + after,
            ..self.position
        };
        let ahead = match self.ahead.take() {
            Some(ahead) => ahead,
            None => Ahead::start(Arc::clone(&self.source), wanted)?,
        };
        let window = ahead.next()?;
        self.ahead = Some(ahead);
        self.window = window.rows.into_iter();
        // A thread that was just started begins with a whole window.
        let before = usize::try_from(wanted.row - window.first_row).unwrap_or(usize::MAX);
        self.window.by_ref().take(before).for_each(drop);
        Ok(())
    }

    /// Leaves what is in memory, and ends the thread.
    fn forget(&mut self) {
        self.ahead = None;
        self.window = Vec::new().into_iter();
    }
}
