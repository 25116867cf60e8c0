//! How a stage's output becomes a finished artifact, or is found to be one.

use jobmatch_artifact::{Artifact, Publish};

use crate::Telemetry;

/// What a program does last: what the run cost, the whole folder, and a line that says so.
///
/// # Errors
/// When the folder cannot be published.
pub fn publish(output: impl Publish, telemetry: &mut Telemetry) -> anyhow::Result<Artifact> {
    let row = telemetry.row();
    output.telemetry(&row)?;
    let artifact = output.publish()?;
    tracing::info!("{} -> {}", row.summary(), artifact.dir().display());
    Ok(artifact)
}

/// Says that the same output stands already.
pub fn already_done(artifact: &Artifact) {
    tracing::info!(
        "{} is done already, from the same inputs and settings",
        artifact.dir().display()
    );
}
