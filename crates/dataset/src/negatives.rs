//! Attributes that are wrong for a text.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::NegativeSampling;
use crate::attributes::Attributes;
use crate::phases::choose::Weights;

/// Random draws before the attributes that are left are listed and drawn from.
const TRIES: usize = 64;

/// What negatives are drawn from.
pub(crate) struct Urn<'a> {
    attributes: &'a Attributes<'a>,
    /// The sum of the weights up to and with each attribute.
    sums: Vec<u64>,
}

impl<'a> Urn<'a> {
    pub(crate) fn new(
        sampling: NegativeSampling,
        attributes: &'a Attributes<'a>,
        pairs: &Weights,
    ) -> Urn<'a> {
        let mut weights = match sampling {
            NegativeSampling::Uniform => vec![1u64; attributes.len()],
            NegativeSampling::Frequency => vec![0; attributes.len()],
        };
        if sampling == NegativeSampling::Frequency {
            for (attribute, count) in pairs.train.positives.iter().chain(&pairs.dev.positives) {
                weights[*attribute as usize] += count;
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
    pub(crate) fn draw(
        &self,
        rng: &mut ChaCha8Rng,
        count: usize,
        excluded: &mut Vec<u32>,
    ) -> Vec<u32> {
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
