//! What is measured of an evaluation as a whole, whatever the system.

use std::collections::BTreeSet;

use jobmatch_dataset::group_or_job;
use jobmatch_records::Split;

use crate::config::{RetrievalSettings, Unit};
use crate::inputs::Prepared;
use crate::numbers::{Ceiling, Evaluated, Proof};
use crate::queries::Queries;
use crate::retrieve::Candidate;

/// The share of positives among the candidates.
pub(crate) fn ceiling(
    candidates: &[Vec<Candidate>],
    prepared: &Prepared<'_>,
    settings: &RetrievalSettings,
) -> Ceiling {
    let (mut total, mut found, mut seen) = (0usize, 0usize, 0usize);
    let mut shares = Vec::new();
    for (job, list) in candidates.iter().enumerate() {
        let positives = prepared.positives(job).count();
        let hits = list
            .iter()
            .filter(|found| prepared.grade(job, found.row) > 0);
        let of_job = hits.clone().count();
        seen += hits.filter(|found| found.cross.is_some()).count();
        found += of_job;
        total += positives;
        if positives > 0 {
            shares.push(of_job as f64 / positives as f64);
        }
    }
    let total = total.max(1) as f64;
    Ceiling {
        candidates: settings.candidates,
        recall: found as f64 / total,
        macro_recall: shares.iter().sum::<f64>() / shares.len().max(1) as f64,
        reranked_recall: seen as f64 / total,
    }
}

/// How often a proof overlaps the labelled evidence; `None` at job unit, where the proof is a window, and without
/// evidence.
pub(crate) fn proof(
    candidates: &[Vec<Candidate>],
    prepared: &Prepared<'_>,
    unit: Unit,
) -> Option<Proof> {
    if unit != Unit::Sentence {
        return None;
    }
    let (mut pairs, mut right) = (0, 0);
    for (job, list) in candidates.iter().enumerate() {
        for found in list {
            let Some(judgement) = prepared.judgements[job].get(&found.row) else {
                continue;
            };
            if judgement.grade > 0 && !judgement.evidence.is_empty() {
                pairs += 1;
                let overlaps =
                    |&(start, end): &(u64, u64)| found.proof.start < end && start < found.proof.end;
                right += usize::from(judgement.evidence.iter().any(overlaps));
            }
        }
    }
    (pairs > 0).then(|| Proof {
        pairs,
        right,
        share: right as f64 / pairs as f64,
    })
}

/// The counts of what was evaluated.
pub(crate) fn evaluated(
    split: Split,
    prepared: &Prepared<'_>,
    queries: &Queries,
    candidates: &[Vec<Candidate>],
    attributes: usize,
    reranked_pairs: usize,
    seed: u64,
) -> Evaluated {
    let positives: Vec<usize> = (0..prepared.jobs.len())
        .map(|job| prepared.positives(job).count())
        .collect();
    let groups: BTreeSet<&str> = prepared.jobs.iter().map(|job| group_or_job(job)).collect();
    Evaluated {
        split,
        jobs: prepared.jobs.len(),
        jobs_in_split: prepared.jobs_in_split,
        jobs_set_aside: prepared.set_aside,
        jobs_left_out: prepared.left_out,
        seed,
        groups: groups.len(),
        jobs_without_sentences: queries.of_job.iter().filter(|list| list.is_empty()).count(),
        jobs_without_positives: positives.iter().filter(|count| **count == 0).count(),
        attributes,
        positives: positives.iter().sum(),
        queries: queries.of_job.iter().map(Vec::len).sum(),
        distinct_texts: queries.texts.len(),
        candidates: candidates.iter().map(Vec::len).sum(),
        reranked_pairs,
        training_jobs: prepared
            .training
            .as_ref()
            .map_or(0, |training| training.jobs),
    }
}
