//! Samples by group, and the random numbers of what is drawn again and again.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::order::Sum;
use crate::{Error, Result};

/// What the samples of one group add up to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Total {
    pub(crate) sum: f64,
    pub(crate) count: f64,
}

/// The total of each group, in the groups' order. The order of the samples changes nothing, not in the last bit.
pub(crate) fn totals<G: Ord>(samples: impl Iterator<Item = (G, f64)>) -> Result<Vec<Total>> {
    let mut groups: BTreeMap<G, Vec<f64>> = BTreeMap::new();
    for (index, (group, value)) in samples.enumerate() {
        if !value.is_finite() {
            return Err(Error::BadValue {
                what: "sample",
                index,
                value,
                expected: "a finite number",
            });
        }
        groups.entry(group).or_default().push(value);
    }
    let total = |mut values: Vec<f64>| {
        values.sort_unstable_by(f64::total_cmp);
        Total {
            count: values.len() as f64,
            sum: values.into_iter().collect::<Sum>().value(),
        }
    };
    Ok(groups.into_values().map(total).collect())
}

/// The random numbers of draw `number`: stream `number` of ChaCha8 keyed by the seed.
pub(crate) fn stream(seed: u64, number: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(number);
    random
}
