//! A training's output when several ranks make it: the first one writes, the others only compute.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use jobmatch_artifact::{Artifact, Identity, Resume, Shard, Work, resume};
use jobmatch_stage::{self as stage, Telemetry};
use jobmatch_torch_ext::World;
use jobmatch_training::Place;
use serde::Serialize;

use crate::fingerprints::carry;

/// Where the checkpoints lie in the work folder.
const CHECKPOINTS: &str = "checkpoints";

/// The output of a training on this rank: a work folder on the first, nothing on the others.
#[derive(Debug)]
pub struct Output {
    work: Option<Work>,
}

/// Begins the output, or goes on with it. `None` when it stands already, on all ranks.
///
/// # Errors
/// On all ranks when the first cannot begin: another output stands there, or another run is making it.
pub fn begin(world: &World, output: &Path, identity: Identity) -> anyhow::Result<Option<Output>> {
    let begun = world.together(|| -> anyhow::Result<_> {
        if !world.is_first() {
            return Ok(None);
        }
        // The other ranks neither see nor need the folder, so its maker is alone.
        Ok(Some(resume(
            output,
            identity,
            Shard::alone(),
            Duration::ZERO,
        )?))
    })?;
    let done = matches!(begun, Some(Resume::Done(_)));
    if world.broadcast_bytes(&[u8::from(done)])? == [1] {
        if let Some(Resume::Done(artifact)) = &begun {
            stage::already_done(artifact);
        }
        return Ok(None);
    }
    Ok(Some(Output {
        work: match begun {
            Some(Resume::Work(work)) => Some(work),
            _ => None,
        },
    }))
}

impl Output {
    /// Where log and checkpoints lie; nowhere on all ranks but the first.
    ///
    /// # Errors
    /// When a folder cannot be made.
    pub fn place(&self) -> anyhow::Result<Option<Place>> {
        let place = |work: &Work| -> anyhow::Result<Place> {
            Ok(Place {
                log: work.path("log.jsonl")?,
                checkpoints: work.scratch(CHECKPOINTS)?,
            })
        };
        self.work.as_ref().map(place).transpose()
    }

    /// Appends a row to the telemetry, on the first rank.
    pub fn telemetry<T: Serialize>(&self, row: &T) {
        if let Some(work) = &self.work
            && let Err(error) = work.telemetry(row)
        {
            tracing::warn!(?error, "{error}");
        }
    }

    /// Ends a run that failed: its checkpoints stay for the next one. Without a checkpoint nothing stays.
    pub fn give_up(self) {
        let Some(work) = self.work else {
            return;
        };
        let checkpoints = work.scratch(CHECKPOINTS);
        let has_some = checkpoints.is_ok_and(|folder| {
            let entries = std::fs::read_dir(folder);
            entries.is_ok_and(|mut entries| entries.any(|entry| entry.is_ok()))
        });
        if !has_some {
            work.discard();
        }
    }

    /// Writes the model, the fingerprints of what it learned from (`dataset`, and what the model `base` knew) and the report on the
    /// first rank, and publishes, while the others wait.
    ///
    /// # Errors
    /// On all ranks when the first cannot write.
    pub fn publish<R: Serialize>(
        self,
        world: &World,
        telemetry: &mut Telemetry,
        (dataset, base): (&Artifact, &str),
        report: &R,
        save: impl FnOnce(&Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<Option<Artifact>> {
        world.together(|| -> anyhow::Result<_> {
            let Some(work) = self.work else {
                return Ok(None);
            };
            save(&work.path("model")?).context("cannot save the model")?;
            carry(dataset, base, &work)?;
            work.write_json("report.json", report)?;
            Ok(Some(stage::publish(work, telemetry)?))
        })
    }
}
