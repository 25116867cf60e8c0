//! The thread that reads the next window while one is trained on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use jobmatch_records::Record;

use super::Position;
use super::source::Source;
use crate::{Error, Result};

/// The rows of a window.
pub(super) struct Window<R> {
    /// The number in the epoch of its first row.
    pub first_row: u64,
    pub rows: Vec<R>,
}

/// A thread that reads one window after the other, from one epoch into the next. It holds one that nobody asked for
/// yet, and reads no further before that is taken. Dropping this ends it.
pub(super) struct Ahead<R> {
    /// None only while this is dropped.
    windows: Option<Receiver<Result<Window<R>>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl<R: Record + Send + 'static> Ahead<R> {
    /// Begins with the window that holds the row at `position`.
    pub fn start(source: Arc<Source<R>>, position: Position) -> Result<Self> {
        // Without room in the channel the thread keeps its window until it is taken.
        let (sender, windows) = sync_channel(0);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = Builder::new()
            .name("jobmatch-cursor".to_owned())
            .spawn(move || read_on(&source, position, &sender, &stopped))
            .map_err(Error::Thread)?;
        Ok(Self {
            windows: Some(windows),
            stop,
            thread: Some(thread),
        })
    }

    /// The next window, as soon as it is read. After an error there is none.
    pub fn next(&self) -> Result<Window<R>> {
        let next = self
            .windows
            .as_ref()
            .and_then(|windows| windows.recv().ok());
        next.ok_or(Error::ReadingEnded)?
    }
}

impl<R> Drop for Ahead<R> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // A thread that waits for its window to be taken learns from it that nobody will.
        self.windows = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that reads training rows ended by a panic");
        }
    }
}

fn read_on<R: Record>(
    source: &Source<R>,
    from: Position,
    windows: &SyncSender<Result<Window<R>>>,
    stop: &AtomicBool,
) {
    let mut plan = source.plan(from.epoch);
    let mut next = plan.window_of(from.row);
    for epoch in from.epoch..=u64::MAX {
        if epoch != from.epoch {
            plan = source.plan(epoch);
            next = 0;
        }
        for window in next..plan.windows() {
            let read = match source.read(&plan, epoch, window, stop) {
                Ok(Some(rows)) => Ok(Window {
                    first_row: plan.first_row(window),
                    rows,
                }),
                Ok(None) => return,
                Err(error) => Err(error),
            };
            let failed = read.is_err();
            if windows.send(read).is_err() || failed {
                return;
            }
        }
    }
}
