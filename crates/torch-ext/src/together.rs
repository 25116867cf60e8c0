//! Long work between collectives: one rank may take hours, and the others must neither give up nor wait for the dead.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::store::Store;
use crate::world::{Link, World};
use crate::{Error, Result};

/// The longest time between two signs of life.
const BEAT: Duration = Duration::from_secs(2);
/// A rank without a sign of life for so long is taken for dead, however patient the world is: signs come from a thread of
/// its own, whatever the rank does. It is shorter than the 30 s that torchrun gives the others to end.
const SILENCE: Duration = Duration::from_secs(20);
/// Between two looks at the others.
const LOOK: Duration = Duration::from_millis(50);
/// How long a rank that hosts the store and failed stays, so that the others can read why.
const LINGER: Duration = Duration::from_secs(5);
/// Added to the signs of life of a rank that has ended: more than it can ever give.
const ENDED: i64 = 1 << 40;

impl World {
    /// Runs `work` on every rank and returns when all have ended it: each may take as long as it needs, since a rank
    /// that works gives a sign of life every few seconds. That is how one rank evaluates or writes while the others,
    /// with nothing to do, wait.
    ///
    /// # Errors
    /// As [`World::all_reduce`]; `work`'s own error on the rank where it failed, and that rank with its message on all
    /// others; a rank that gives no sign of life for 20 s, or the world's timeout when that is shorter.
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
        // A rank that is late has the world's whole timeout to come; from here on silence means death.
        self.barrier()?;
        let time = link.times_together.get();
        link.times_together.set(time + 1);
        let beats = beats_of(time, self.rank());
        let pause = BEAT.min(self.timeout() / 5);
        let heart = Heart::start(link.store.another()?, beats.clone(), pause);
        let outcome = work();
        heart.stop();
        let value = match outcome {
            Ok(value) => value,
            Err(error) => {
                // The error itself matters more than whether the others could hear of it.
                if let Err(unheard) = self.fail(link, time, &error.to_string()) {
                    tracing::warn!("the other ranks cannot be told: {unheard}");
                }
                return Err(error);
            }
        };
        link.store.add(&beats, ENDED)?;
        link.store.add(&shared(time, "ended"), 1)?;
        let heard = self.wait_for_all(link, time, pause);
        let patience = match &heard {
            // All have ended, so they read at once, but for one that died just then.
            Ok(()) => self.silence(),
            // Who is alive has waited as long.
            Err(Error::Silent { .. }) => Duration::ZERO,
            Err(_) => LINGER,
        };
        self.leave(link, time, patience)?;
        heard?;
        // All have come here, so all have read what was said the time before.
        if let Some(before) = time.checked_sub(1) {
            link.store.delete(&beats_of(before, self.rank()))?;
            if self.is_first() {
                for what in ["ended", "failed", "read"] {
                    link.store.delete(&shared(before, what))?;
                }
            }
        }
        Ok(value)
    }

    fn silence(&self) -> Duration {
        SILENCE.min(self.timeout())
    }

    /// Tells the others what went wrong here.
    fn fail(&self, link: &Link, time: u64, message: &str) -> Result<()> {
        let word = format!("{}\n{message}", self.rank());
        link.store.set(&shared(time, "failed"), word.as_bytes())?;
        self.leave(link, time, LINGER)
    }

    /// Says that this rank has read what the others said. The first one, with whom the store may end, waits for that.
    fn leave(&self, link: &Link, time: u64, patience: Duration) -> Result<()> {
        let read = shared(time, "read");
        link.store.add(&read, 1)?;
        let begun = Instant::now();
        let patience = patience.min(self.timeout());
        while self.is_first() && link.store.add(&read, 0)? < i64::from(self.size()) {
            if begun.elapsed() >= patience {
                break;
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn wait_for_all(&self, link: &Link, time: u64, pause: Duration) -> Result<()> {
        let (ended, failed) = (shared(time, "ended"), shared(time, "failed"));
        let mut signs = vec![(-1, Instant::now()); self.size() as usize];
        let mut looked = Instant::now();
        loop {
            if link.store.has(&failed)? {
                let word = String::from_utf8_lossy(&link.store.get(&failed)?).into_owned();
                let (rank, message) = word.split_once('\n').unwrap_or(("0", &word));
                return Err(Error::OtherRank {
                    rank: rank.parse().unwrap_or(0),
                    message: message.to_owned(),
                });
            }
            if link.store.add(&ended, 0)? == i64::from(self.size()) {
                return Ok(());
            }
            if looked.elapsed() >= pause {
                looked = Instant::now();
                self.look_for_silent_ranks(link, time, &mut signs)?;
            }
            std::thread::sleep(LOOK);
        }
    }

    /// An error when a rank that has not ended gave no sign for too long. `signs` has each rank's last one.
    fn look_for_silent_ranks(
        &self,
        link: &Link,
        time: u64,
        signs: &mut [(i64, Instant)],
    ) -> Result<()> {
        for (rank, (last, heard)) in (0..).zip(signs) {
            let now = link.store.add(&beats_of(time, rank), 0)?;
            if now != *last {
                (*last, *heard) = (now, Instant::now());
            } else if now < ENDED && heard.elapsed() >= self.silence() {
                return Err(Error::Silent {
                    rank,
                    timeout: self.silence(),
                });
            }
        }
        Ok(())
    }
}

/// The counter of a rank's signs of life.
fn beats_of(time: u64, rank: u32) -> String {
    format!("together/{time}/beats/{rank}")
}

/// What all ranks write to.
fn shared(time: u64, what: &str) -> String {
    format!("together/{time}/{what}")
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
