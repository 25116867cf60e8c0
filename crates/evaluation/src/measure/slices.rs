//! Groups of attributes: how each kind fares, and how rare ones do.

use std::collections::BTreeSet;

use jobmatch_metrics::{Counts, Pool};

use super::Ground;
use super::attributes::{Tally, tallies};
use crate::numbers::{Slice, SliceBy, SliceQuality};

/// Ranges of training jobs, both ends included, with their names.
const FREQUENCIES: [(u32, u32, &str); 5] = [
    (0, 0, "0"),
    (1, 4, "1-4"),
    (5, 19, "5-19"),
    (20, 99, "20-99"),
    (100, u32::MAX, "100+"),
];

/// All attributes, then by kind, then by training jobs. Groups without an attribute are left out.
pub(super) fn slices(pool: &Pool, threshold: Option<f32>, ground: &Ground<'_>) -> Vec<Slice> {
    let tallies = tallies(pool, threshold, ground);
    let slice = |by, value: &str, belongs: &dyn Fn(usize) -> bool| {
        let of_slice = tallies
            .iter()
            .enumerate()
            .filter(|(row, _)| belongs(*row))
            .map(|(_, tally)| tally);
        summed(by, value, of_slice, threshold.is_some(), ground.kept)
    };
    let mut slices = vec![slice(SliceBy::All, "all", &|_| true)];
    if let Some(kinds) = ground.kinds {
        for kind in kinds.iter().collect::<BTreeSet<_>>() {
            let belongs = |row: usize| kinds[row] == *kind;
            slices.push(slice(SliceBy::Kind, kind.unwrap_or_default(), &belongs));
        }
    }
    if let Some(training) = &ground.prepared.training {
        for (first, last, name) in FREQUENCIES {
            let belongs = |row: usize| (first..=last).contains(&training.frequency[row]);
            slices.push(slice(SliceBy::TrainingJobs, name, &belongs));
        }
    }
    slices.retain(|slice| slice.attributes > 0);
    slices
}

fn summed<'a>(
    by: SliceBy,
    value: &str,
    tallies: impl Iterator<Item = &'a Tally>,
    decided: bool,
    kept: usize,
) -> Slice {
    let (mut attributes, mut with_positives) = (0, 0);
    let mut sum = Tally::default();
    for tally in tallies {
        attributes += 1;
        with_positives += usize::from(tally.counts.positives > 0);
        sum.counts.positives += tally.counts.positives;
        sum.counts.decided += tally.counts.decided;
        sum.counts.true_positives += tally.counts.true_positives;
        sum.found += tally.found;
        sum.early += tally.early;
    }
    let share =
        |count: u64| (sum.counts.positives > 0).then(|| count as f64 / sum.counts.positives as f64);
    Slice {
        by,
        value: value.to_owned(),
        attributes,
        attributes_with_positives: with_positives,
        positives: sum.counts.positives,
        recall_at_10: share(sum.early).filter(|_| kept >= 10),
        recall: share(sum.found),
        decided: decided.then(|| quality(&sum.counts)),
    }
}

fn quality(counts: &Counts) -> SliceQuality {
    SliceQuality {
        precision: counts.precision(),
        recall: counts.recall(),
        f1: counts.f1(),
        true_positives: counts.true_positives,
        decided: counts.decided,
    }
}
