//! Which candidates become pairs.

use std::collections::HashSet;

use crate::jobs::{Digest, Fate, Jobs};
use crate::known::Known;
use crate::place::Candidate;
use crate::report::Flow;
use crate::split::Half;
use crate::{Config, Unit};

/// The candidates that become pairs, in output order: all of train, then all of dev.
///
/// A (text, class) stands at most once in the whole, and no text stands in both halves.
pub(crate) fn choose(
    config: &Config,
    jobs: &Jobs,
    known: &Known,
    mut candidates: Vec<Candidate>,
) -> (Vec<Candidate>, Flow) {
    let mut flow = Flow::of(candidates.len());
    let half = |candidate: &Candidate| match jobs.fate(candidate.job) {
        Fate::Kept(half) => half,
        // Only kept jobs have candidates; anything else could only be measured on by mistake.
        _ => Half::Train,
    };
    candidates.sort_by_key(|candidate| {
        (
            half(candidate),
            candidate.job,
            candidate.sentence,
            !candidate.positive,
            candidate.attribute,
        )
    });
    let mut in_train: HashSet<Digest> = HashSet::new();
    let mut seen: HashSet<(Digest, u32)> = HashSet::with_capacity(candidates.len());
    candidates.retain(|candidate| {
        let side = half(candidate);
        let known_right = !candidate.positive
            && (contains(known.of_text(&candidate.digest), candidate.class)
                || contains(known.of_job(candidate.job), candidate.class));
        let reason = if config.unit == Unit::Sentence && candidate.chars < config.min_chars {
            Some("too_short")
        } else if config.unit == Unit::Sentence && candidate.chars > config.max_chars {
            Some("too_long")
        } else if known_right {
            Some("negative_is_a_known_positive")
        } else if side == Half::Dev && in_train.contains(&candidate.digest) {
            Some("dev_text_stands_in_train")
        } else if !seen.insert((candidate.digest, candidate.class)) {
            Some("repeated")
        } else {
            None
        };
        match reason {
            Some(reason) => flow.remove(reason),
            None => {
                flow.keep();
                if side == Half::Train {
                    in_train.insert(candidate.digest);
                }
            }
        }
        reason.is_none()
    });
    (candidates, flow)
}

pub(crate) fn contains(sorted: &[u32], class: u32) -> bool {
    sorted.binary_search(&class).is_ok()
}
