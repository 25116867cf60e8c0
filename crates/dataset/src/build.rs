//! From inputs to the output folder, phase after phase.

use jobmatch_artifact::Work;

use crate::attributes::Attributes;
use crate::phases::{Context, Observer, choose, draw, finish, number, place, plan, scan, write};
use crate::{Config, Report, Result, Source};

/// Makes the pairs of the inputs in `work`; the first process gets the report and publishes, others get none.
///
/// The same inputs, configuration and seed give the same bytes, for any number of threads and processes, however often
/// it was interrupted. What was finished before is not done again.
///
/// # Errors
/// A setting that makes no sense, an id that stands twice, a label for an unknown job or attribute,
/// an empty passage, a group on both sides of the split, too many near copies, golden jobs that are near copies of
/// others, evidence outside its job's text, sentences of other jobs, no positive pair for training, and files that
/// cannot be read or written.
pub fn build(
    config: &Config,
    seed: u64,
    source: &dyn Source,
    work: &Work,
    observer: &dyn Observer,
) -> Result<Option<Report>> {
    config.validate()?;
    let attributes = Attributes::new(source.definitions(), &config.template)?;
    let context = Context {
        config,
        seed,
        source,
        attributes: &attributes,
        work,
        observer,
    };
    let counted = scan::scan(&context)?;
    tracing::debug!(jobs = counted.jobs, "scanned");
    let plan = plan::plan(&context, &counted)?;
    tracing::debug!(
        shards = plan.shards,
        partitions = plan.partitions,
        "planned"
    );
    place::place(&context, &plan)?;
    tracing::debug!("placed");
    let weights = choose::choose_all(&context, &plan)?;
    if work.shard().is_first() {
        finish::check_positives(&context, &plan, &weights)?;
    }
    tracing::debug!("chosen");
    draw::draw(&context, &plan, &weights)?;
    tracing::debug!("drawn");
    let numbers = number::number(&context, &plan, &weights)?;
    write::write(&context, &plan, &numbers)?;
    tracing::debug!("written");
    if !work.shard().is_first() {
        return Ok(None);
    }
    finish::finish(&context, &plan, &weights, &numbers).map(Some)
}
