//! Attributes that are wrong for a text.

use std::collections::HashMap;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::attributes::Attributes;
use crate::jobs::Digest;
use crate::known::Known;
use crate::place::Candidate;
use crate::random;
use crate::{Config, NegativeSampling};

/// Random draws before the attributes that are left are listed and drawn from.
const TRIES: usize = 64;

/// The negatives of each candidate: attributes, `config.negatives` of them or as many as there are.
/// A candidate that is a negative itself gets none.
///
/// An attribute is never drawn that is a known positive of the text in any job, or of any job whose
/// pairs the text makes; nor one that a label already calls wrong there; nor one twice for a text.
/// What is drawn depends on the seed, the text and the attribute of the positive, and on nothing
/// that is done before or beside it.
pub(crate) fn draw(
    config: &Config,
    seed: u64,
    attributes: &Attributes,
    known: &Known,
    candidates: &[Candidate],
) -> Vec<Vec<u32>> {
    let urn = Urn::new(config.negative_sampling, attributes, candidates);
    let drawn: Vec<Vec<(usize, Vec<u32>)>> = by_text(candidates)
        .into_par_iter()
        .map(|group| {
            let mut excluded = excluded(known, candidates, &group);
            group
                .into_iter()
                .filter(|&at| candidates[at].positive)
                .map(|at| {
                    let candidate = &candidates[at];
                    let id = attributes.id(candidate.attribute).as_bytes();
                    let mut rng = random::stream(seed, "negatives", &[&candidate.digest, id]);
                    (at, urn.draw(&mut rng, config.negatives, &mut excluded))
                })
                .collect()
        })
        .collect();
    let mut negatives = vec![Vec::new(); candidates.len()];
    for (at, list) in drawn.into_iter().flatten() {
        negatives[at] = list;
    }
    negatives
}

/// The candidates of each text, texts by their first candidate.
fn by_text(candidates: &[Candidate]) -> Vec<Vec<usize>> {
    let mut places: HashMap<&Digest, usize> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (at, candidate) in candidates.iter().enumerate() {
        let place = *places.entry(&candidate.digest).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[place].push(at);
    }
    groups
}

/// The classes that are not to be drawn for one text, sorted.
fn excluded(known: &Known, candidates: &[Candidate], group: &[usize]) -> Vec<u32> {
    let mut classes = Vec::new();
    for &at in group {
        let candidate = &candidates[at];
        classes.push(candidate.class);
        classes.extend(known.of_text(&candidate.digest));
        classes.extend(known.of_job(candidate.job));
        classes.extend(known.barred(candidate.job));
    }
    classes.sort_unstable();
    classes.dedup();
    classes
}

/// What negatives are drawn from.
struct Urn<'a> {
    attributes: &'a Attributes<'a>,
    /// The sum of the weights up to and with each attribute.
    sums: Vec<u64>,
}

impl<'a> Urn<'a> {
    fn new(
        sampling: NegativeSampling,
        attributes: &'a Attributes<'a>,
        candidates: &[Candidate],
    ) -> Urn<'a> {
        let mut weights = match sampling {
            NegativeSampling::Uniform => vec![1u64; attributes.len()],
            NegativeSampling::Frequency => vec![0; attributes.len()],
        };
        if sampling == NegativeSampling::Frequency {
            for candidate in candidates.iter().filter(|candidate| candidate.positive) {
                weights[candidate.attribute as usize] += 1;
            }
        }
        let mut sum = 0;
        let sums = weights
            .into_iter()
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        Urn { attributes, sums }
    }

    /// Up to `count` attributes of classes that are not in `excluded`, which then holds them.
    fn draw(&self, rng: &mut ChaCha8Rng, count: usize, excluded: &mut Vec<u32>) -> Vec<u32> {
        let mut drawn = Vec::with_capacity(count);
        while drawn.len() < count {
            let Some(attribute) = self.draw_one(rng, excluded) else {
                break;
            };
            let class = self.attributes.class(attribute);
            if let Err(place) = excluded.binary_search(&class) {
                excluded.insert(place, class);
            }
            drawn.push(attribute);
        }
        drawn
    }

    fn draw_one(&self, rng: &mut ChaCha8Rng, excluded: &[u32]) -> Option<u32> {
        let total = self.sums.last().copied().filter(|total| *total > 0)?;
        let allowed = |attribute: u32| {
            excluded
                .binary_search(&self.attributes.class(attribute))
                .is_err()
        };
        for _ in 0..TRIES {
            let ticket = rng.random_range(0..total);
            let attribute = self.sums.partition_point(|sum| *sum <= ticket) as u32;
            if allowed(attribute) {
                return Some(attribute);
            }
        }
        // Nearly everything is excluded: draw from what is left, with the same weights.
        let mut left = Vec::new();
        let mut sum = 0;
        for attribute in (0..self.attributes.len() as u32).filter(|attribute| allowed(*attribute)) {
            sum += self.weight(attribute);
            left.push((sum, attribute));
        }
        if sum == 0 {
            return None;
        }
        let ticket = rng.random_range(0..sum);
        let place = left.partition_point(|(sum, _)| *sum <= ticket);
        left.get(place).map(|(_, attribute)| *attribute)
    }

    fn weight(&self, attribute: u32) -> u64 {
        let at = attribute as usize;
        self.sums[at] - if at == 0 { 0 } else { self.sums[at - 1] }
    }
}
