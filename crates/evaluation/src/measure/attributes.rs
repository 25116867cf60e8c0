//! The attributes one by one.

use std::collections::HashMap;

use jobmatch_metrics::{Counts, Pool, average_precision};
use jobmatch_records::Definition;

use super::Ground;
use crate::Result;
use crate::numbers::AttributeRow;
use crate::passages::PassageIndex;

/// The kind of each row of the index; `None` when no definition gives one.
pub(crate) type Kinds<'a> = Option<Vec<Option<&'a str>>>;

/// Kinds from definitions; those of attributes that the index lacks say nothing.
pub(crate) fn kinds<'a>(
    definitions: Option<&'a [Definition]>,
    passages: &PassageIndex,
) -> Kinds<'a> {
    let given: HashMap<&str, &str> = definitions?
        .iter()
        .filter_map(|definition| {
            Some((
                definition.attribute_id.as_str(),
                definition.kind.as_deref()?,
            ))
        })
        .collect();
    let of_row = |id: &str| given.get(id).copied();
    let kinds: Vec<Option<&str>> = passages
        .attributes()
        .iter()
        .map(|attribute| of_row(&attribute.attribute_id))
        .collect();
    kinds.iter().any(Option::is_some).then_some(kinds)
}

/// What happened to one attribute over all jobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Decisions; without a threshold nothing is decided.
    pub counts: Counts,
    /// Positive pairs among the candidates.
    pub found: u64,
    /// Positive pairs among the first ten candidates.
    pub early: u64,
}

/// A tally of every row of the index.
pub(super) fn tallies(pool: &Pool, threshold: Option<f32>, ground: &Ground<'_>) -> Vec<Tally> {
    let rows = rows_of_documents(ground.passages);
    let mut tallies = vec![Tally::default(); rows.len()];
    for job in 0..ground.prepared.jobs.len() {
        for (row, _) in ground.prepared.positives(job) {
            tallies[row as usize].counts.positives += 1;
        }
        for (place, candidate) in pool.ranked(job).iter().enumerate() {
            let tally = &mut tallies[rows[candidate.document as usize]];
            let right = u64::from(candidate.grade > 0);
            tally.found += right;
            if place < 10 {
                tally.early += right;
            }
            if threshold.is_some_and(|threshold| candidate.score >= threshold) {
                tally.counts.decided += 1;
                tally.counts.true_positives += right;
            }
        }
    }
    tallies
}

/// The row of each document number, which is the place of the attribute in the byte order of ids.
fn rows_of_documents(passages: &PassageIndex) -> Vec<usize> {
    let mut rows = vec![0; passages.attributes().len()];
    for row in 0..rows.len() {
        rows[passages.order(row as u32) as usize] = row;
    }
    rows
}

/// Every attribute that is positive or decided for a job, in byte order of the ids.
pub(crate) fn attributes(
    pool: &Pool,
    threshold: f32,
    ground: &Ground<'_>,
) -> Result<Vec<AttributeRow>> {
    let passages = ground.passages;
    let rows = rows_of_documents(passages);
    let mut scored: Vec<Vec<(f32, bool)>> = vec![Vec::new(); rows.len()];
    for job in 0..ground.prepared.jobs.len() {
        for candidate in pool.ranked(job) {
            scored[rows[candidate.document as usize]].push((candidate.score, candidate.grade > 0));
        }
    }
    let tallies = tallies(pool, Some(threshold), ground);
    let training = ground.prepared.training.as_ref();
    let mut attributes = Vec::new();
    for row in rows {
        let counts = tallies[row].counts;
        if counts.positives == 0 && counts.decided == 0 {
            continue;
        }
        let attribute = &passages.attributes()[row];
        attributes.push(AttributeRow {
            attribute_id: attribute.attribute_id.clone(),
            name: attribute.name.clone(),
            kind: ground
                .kinds
                .as_ref()
                .and_then(|kinds| kinds[row].map(str::to_owned)),
            training_jobs: training.map(|training| training.frequency[row]),
            positives: counts.positives,
            decided: counts.decided,
            true_positives: counts.true_positives,
            false_positives: counts.decided - counts.true_positives,
            false_negatives: counts.positives - counts.true_positives,
            precision: (counts.decided > 0).then(|| counts.precision()),
            recall: (counts.positives > 0).then(|| counts.recall()),
            f1: counts.f1(),
            average_precision: average_precision(&scored[row], counts.positives as usize)?,
        });
    }
    Ok(attributes)
}
