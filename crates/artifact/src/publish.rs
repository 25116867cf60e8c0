//! What a program needs of an output in the making to end it.

use serde::Serialize;

use crate::{Artifact, Draft, Result, Work};

/// An output in the making, whichever way it is made.
pub trait Publish {
    /// Appends a row to `telemetry.jsonl`, which no digest covers.
    ///
    /// # Errors
    /// When it cannot be written.
    fn telemetry<T: Serialize>(&self, row: &T) -> Result<()>;

    /// Puts the output in its place, whole.
    ///
    /// # Errors
    /// When something cannot be written; the output is then absent as before.
    fn publish(self) -> Result<Artifact>;
}

impl Publish for Draft {
    fn telemetry<T: Serialize>(&self, row: &T) -> Result<()> {
        Draft::telemetry(self, row)
    }

    fn publish(self) -> Result<Artifact> {
        Draft::publish(self)
    }
}

impl Publish for Work {
    fn telemetry<T: Serialize>(&self, row: &T) -> Result<()> {
        Work::telemetry(self, row)
    }

    fn publish(self) -> Result<Artifact> {
        Work::publish(self)
    }
}
