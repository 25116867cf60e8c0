//! A warning that this process will be ended soon.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, Result};

/// Whether the system asked this process to end. Slurm and Kubernetes send SIGTERM and give some time: enough for a
/// checkpoint.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    asked: Arc<AtomicBool>,
}

impl Stop {
    /// A stop that nobody asks for, but by [`ask`](Self::ask).
    pub fn never() -> Self {
        Self::default()
    }

    /// Asked for by SIGTERM, which from here on does not end the process by itself.
    ///
    /// # Errors
    /// When the system refuses to register it.
    pub fn on_sigterm() -> Result<Self> {
        let stop = Self::never();
        let registered =
            signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(&stop.asked));
        registered.map_err(Error::Signal)?;
        Ok(stop)
    }

    /// Asks for it.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked for.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}
