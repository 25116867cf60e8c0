//! A small part of a half that looks like the whole.

use crate::attributes::Attributes;
use crate::place::Candidate;
use crate::random;

/// Which of `candidates` (one half, in output order) go into the sample, with their negatives.
///
/// `rows` holds the rows that each brings, itself and its negatives; the sample takes `limit` rows
/// at most. It is stratified by the attribute of the candidate: each attribute gets its share of
/// the sample, rounded up for some and down for others by chance. Inside an attribute chance
/// decides. Only candidates of jobs that are `eligible` enter.
pub(crate) fn choose(
    seed: u64,
    attributes: &Attributes,
    candidates: &[Candidate],
    rows: &[usize],
    limit: usize,
    eligible: impl Fn(u32) -> bool,
) -> Vec<bool> {
    let mut strata: Vec<(u32, u64, usize)> = candidates
        .iter()
        .enumerate()
        .filter(|(_, candidate)| eligible(candidate.job))
        .map(|(at, candidate)| {
            let id = attributes.id(candidate.attribute).as_bytes();
            let chance = random::number(seed, "sample", &[&candidate.digest, id]);
            (candidate.attribute, chance, at)
        })
        .collect();
    strata.sort_unstable();

    // The n candidates of a stratum stand at (0 + u) / n, (1 + u) / n, ...: a limit that takes a
    // share of the whole takes that share of each stratum.
    let mut places: Vec<(f64, u64, usize)> = Vec::with_capacity(strata.len());
    for stratum in strata.chunk_by(|a, b| a.0 == b.0) {
        let id = attributes.id(stratum[0].0).as_bytes();
        let offset = random::fraction(seed, "sample stratum", &[id]);
        for (rank, &(_, chance, at)) in stratum.iter().enumerate() {
            places.push(((rank as f64 + offset) / stratum.len() as f64, chance, at));
        }
    }
    places.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));

    let mut chosen = vec![false; candidates.len()];
    let mut taken = 0;
    for (_, _, at) in places {
        if taken + rows[at] <= limit {
            taken += rows[at];
            chosen[at] = true;
        }
    }
    chosen
}
