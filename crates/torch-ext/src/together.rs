//! Long work between collectives: one rank may take hours, and the others must neither give up nor wait for the dead.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::store::Store;
use crate::world::{Link, World};
use crate::{Error, Result};

/// The longest time between two signs of life.
const BEAT: Duration = Duration::from_secs(5);
/// Between two looks at the others.
const LOOK: Duration = Duration::from_millis(50);
/// How long a rank that hosts the store and failed stays, so that the others can read why.
const LINGER: Duration = Duration::from_secs(10);
const DONE: &[u8] = b"done";

impl World {
    /// Runs `work` on every rank and returns when all have ended it: each may take as long as it needs, since a rank
    /// that works gives a sign of life every few seconds. That is how one rank evaluates or writes while the others,
    /// with nothing to do, wait.
    ///
    /// # Errors
    /// `work`'s own error on the rank where it failed, and that rank with its message on all others; a rank that gives
    /// no sign of life for the world's timeout.
    pub fn together<T, E>(
        &self,
        work: impl FnOnce() -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E>
    where
        E: From<Error> + std::fmt::Display,
    {
        let Some(link) = &self.link else {
            return work();
        };
        let time = link.times_together.get();
        link.times_together.set(time + 1);
        let key = |rank: u32, what: &str| format!("together/{time}/{rank}/{what}");
        let heart = Heart::start(
            link.store.another()?,
            key(self.rank(), "beat"),
            BEAT.min(self.timeout() / 5),
        );
        let outcome = work();
        heart.stop();
        let word = match &outcome {
            Ok(_) => DONE.to_vec(),
            Err(error) => error.to_string().into_bytes(),
        };
        link.store.set(&key(self.rank(), "end"), &word)?;
        let heard = if outcome.is_ok() {
            self.wait_for_all(link, time)
        } else {
            Ok(())
        };
        self.leave(link, time, outcome.is_ok() && heard.is_ok())?;
        heard?;
        let value = outcome?;
        // All have come here, so all have read what was said the time before.
        if let Some(before) = time.checked_sub(1) {
            for what in ["beat", "end"] {
                let key = format!("together/{before}/{}/{what}", self.rank());
                link.store.delete(&key)?;
            }
            if self.is_first() {
                link.store.delete(&format!("together/{before}/read"))?;
            }
        }
        Ok(value)
    }

    /// Says that this rank has read what the others said. The first one, with whom the store may end, waits for that.
    fn leave(&self, link: &Link, time: u64, well: bool) -> Result<()> {
        let key = format!("together/{time}/read");
        link.store.add(&key, 1)?;
        let patience = if well {
            self.timeout()
        } else {
            LINGER.min(self.timeout())
        };
        let begun = Instant::now();
        while self.is_first() && link.store.add(&key, 0)? < i64::from(self.size()) {
            if begun.elapsed() >= patience {
                break;
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn wait_for_all(&self, link: &Link, time: u64) -> Result<()> {
        let mut failed = None;
        for rank in (0..self.size()).filter(|rank| *rank != self.rank()) {
            let key = |what: &str| format!("together/{time}/{rank}/{what}");
            let (mut beats, mut heard) = (-1, Instant::now());
            while !link.store.has(&key("end"))? {
                let now = link.store.add(&key("beat"), 0)?;
                if now != beats {
                    (beats, heard) = (now, Instant::now());
                } else if heard.elapsed() >= self.timeout() {
                    return Err(Error::Silent {
                        rank,
                        timeout: self.timeout(),
                    });
                }
                std::thread::sleep(LOOK);
            }
            let word = link.store.get(&key("end"))?;
            if word != DONE && failed.is_none() {
                failed = Some(Error::OtherRank {
                    rank,
                    message: String::from_utf8_lossy(&word).into_owned(),
                });
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// Signs of life from a thread of its own, until it is stopped or dropped.
struct Heart {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Heart {
    fn start(store: Store, key: String, pause: Duration) -> Self {
        let (stop, stopped) = channel();
        let thread = std::thread::spawn(move || {
            // An error here is one of the store, which the working thread meets too.
            while store.add(&key, 1).is_ok()
                && stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout)
            {}
        });
        Self {
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // It cannot panic, and if it did there would be nothing to do about it.
            let _ = thread.join();
        }
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.end();
    }
}
