//! Samples and counts by group, which intervals resample.

use std::collections::BTreeMap;

use jobmatch_dataset::group_or_job;
use jobmatch_metrics::{Bootstrap, Counts, Measure, Pool};

use crate::EvaluationConfig;
use crate::inputs::Prepared;

/// The bootstrap of every interval here.
pub(crate) fn bootstrap(config: &EvaluationConfig) -> Bootstrap {
    Bootstrap {
        resamples: config.resamples,
        ..Bootstrap::new(config.seed)
    }
}

/// A measure of every job with a positive, with the job's group.
pub(super) fn by_job<'a>(
    pool: &Pool,
    measure: Measure,
    prepared: &Prepared<'a>,
) -> Vec<(&'a str, f64)> {
    let jobs = prepared.jobs.iter().zip(pool.rankings());
    jobs.filter(|(_, ranking)| ranking.positives() > 0)
        .map(|(job, ranking)| (group_or_job(job), measure.of(ranking)))
        .collect()
}

/// Counts summed over each group, in byte order of the groups.
pub(super) fn by_group(counts: &[Counts], prepared: &Prepared<'_>) -> Vec<Counts> {
    let mut groups: BTreeMap<&str, Vec<Counts>> = BTreeMap::new();
    for (job, counts) in prepared.jobs.iter().zip(counts) {
        groups.entry(group_or_job(job)).or_default().push(*counts);
    }
    groups
        .into_values()
        .map(|counts| sum(counts.into_iter()))
        .collect()
}

pub(crate) fn sum(counts: impl Iterator<Item = Counts>) -> Counts {
    counts.fold(Counts::default(), |sum, counts| Counts {
        true_positives: sum.true_positives + counts.true_positives,
        decided: sum.decided + counts.decided,
        positives: sum.positives + counts.positives,
    })
}
