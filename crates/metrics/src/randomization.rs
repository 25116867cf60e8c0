use rand_chacha::rand_core::Rng;

use crate::groups::{stream, totals};
use crate::order::Sum;
use crate::{Error, Result};

/// The paired randomization test over whole groups (Fisher 1935; for retrieval Smucker, Allan and Carterette 2007).
///
/// Were two systems alike, it would be chance which of a query's two values is whose. So the test exchanges the two
/// values by chance, again and again, and counts how often the mean difference comes out as large as it did. Samples
/// of one group are alike, so the two values are exchanged in a whole group at once; a sample that stands alone is a
/// group of one.
///
/// Permutation i draws from stream i of ChaCha8 keyed by the seed: the same seed gives the same p-value on every
/// machine, and the order of the samples changes nothing.
///
/// ```
/// use jobmatch_metrics::Randomization;
///
/// // (job's group, recall of system A, recall of system B)
/// let samples = [("a", 0.5, 0.4), ("a", 0.7, 0.4), ("b", 0.9, 0.6), ("c", 0.7, 0.6), ("d", 0.8, 0.7)];
/// let found = Randomization::new(42).paired_difference(&samples)?.expect("two groups or more");
/// // Four groups have 16 exchanges; only the one that was observed and its mirror image differ that much.
/// assert_eq!((found.p_value, found.exact), (2.0 / 16.0, true));
/// # Ok::<(), jobmatch_metrics::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Randomization {
    /// How many permutations; at least 1.
    pub permutations: usize,
    /// The seed of all draws.
    pub seed: u64,
}

/// A difference, and how often chance alone gives one as large.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Significance {
    /// The mean of `a - b` over the samples as they are.
    pub difference: f64,
    /// The two-sided p-value, above 0 and up to 1.
    pub p_value: f64,
    /// How many groups were exchanged. With G of them no p-value is below 2 / 2^G.
    pub groups: usize,
    /// Whether every exchange was looked at, so that the p-value has no chance in it.
    pub exact: bool,
}

/// Sums closer than this share of the largest possible are one: rounding must not decide whether a permutation that
/// gives the observed difference again is as large.
const SAME: f64 = 1e-12;

impl Randomization {
    /// [`Randomization::permutations`] unless said otherwise.
    pub const PERMUTATIONS: usize = 10_000;

    /// The usual number with this seed.
    pub fn new(seed: u64) -> Self {
        Self {
            permutations: Self::PERMUTATIONS,
            seed,
        }
    }

    /// Tests the mean of `a - b` over samples `(group, a, b)`: two systems measured on the same queries.
    ///
    /// With G groups and 2^G not above [`Randomization::permutations`], every exchange is looked at, and the p-value is
    /// the share of them whose absolute difference is at least the observed one; for groups of one it equals scipy's
    /// `permutation_test(permutation_type="samples")`. Otherwise it is (1 + such permutations) / (1 + permutations):
    /// what was observed is itself one of the exchanges, so a p-value of 0 cannot be, and leaving it out would reject a
    /// true null hypothesis too often (Phipson and Smyth 2010, "Permutation p-values should never be zero").
    ///
    /// `None` with fewer than two groups: one group says nothing about how groups differ.
    ///
    /// # Errors
    /// [`Error::BadValue`] for a difference that is not finite; [`Error::BadSetting`] for no permutations.
    pub fn paired_difference<G: Ord>(
        &self,
        samples: &[(G, f64, f64)],
    ) -> Result<Option<Significance>> {
        let totals = totals(samples.iter().map(|(group, a, b)| (group, a - b)))?;
        let largest: f64 = totals.iter().map(|total| total.sum.abs()).sum();
        let found = self.test(totals.len(), SAME * largest, |exchanged| {
            let signed = totals.iter().zip(exchanged);
            let signed = signed.map(|(total, &exchanged)| match exchanged {
                true => -total.sum,
                false => total.sum,
            });
            signed.collect::<Sum>().value()
        })?;
        let count: f64 = totals.iter().map(|total| total.count).sum();
        Ok(found.map(|found| Significance {
            difference: found.difference / count,
            ..found
        }))
    }

    /// The same for any difference of two systems over groups numbered from 0 to `groups` (excluded), such as that of the
    /// F1 of summed counts. `difference` gets for each group whether its two sides are exchanged; first it gets none so.
    ///
    /// `None` with fewer than two groups.
    ///
    /// # Errors
    /// [`Error::BadValue`] when the difference is not finite; [`Error::BadSetting`] for no permutations.
    pub fn of_statistic(
        &self,
        groups: usize,
        difference: impl FnMut(&[bool]) -> f64,
    ) -> Result<Option<Significance>> {
        self.test(groups, SAME, difference)
    }

    /// Differences that are smaller by up to `same` count as equal.
    fn test(
        &self,
        groups: usize,
        same: f64,
        mut difference: impl FnMut(&[bool]) -> f64,
    ) -> Result<Option<Significance>> {
        if self.permutations == 0 {
            return Err(Error::BadSetting {
                setting: "permutations",
                value: self.permutations.to_string(),
                expected: "1 or more",
            });
        }
        if groups < 2 {
            return Ok(None);
        }
        let mut exchanged = vec![false; groups];
        let observed = difference(&exchanged);
        let all = u32::try_from(groups)
            .ok()
            .and_then(|groups| 1usize.checked_shl(groups));
        let all = all.filter(|&all| all <= self.permutations);
        let mut extreme = 0;
        for number in 0..all.unwrap_or(self.permutations) {
            match all {
                Some(_) => {
                    (0..groups).for_each(|group| exchanged[group] = number >> group & 1 == 1)
                }
                None => draw(&mut exchanged, self.seed, number as u64),
            }
            let value = difference(&exchanged);
            if !value.is_finite() {
                return Err(Error::BadValue {
                    what: "difference of permutation",
                    index: number,
                    value,
                    expected: "a finite number",
                });
            }
            extreme += usize::from(value.abs() >= observed.abs() - same);
        }
        let p_value = match all {
            Some(all) => extreme as f64 / all as f64,
            None => (1.0 + extreme as f64) / (1.0 + self.permutations as f64),
        };
        Ok(Some(Significance {
            difference: observed,
            p_value,
            groups,
            exact: all.is_some(),
        }))
    }
}

/// Draws for each group whether it is exchanged: 64 groups from each random number.
fn draw(exchanged: &mut [bool], seed: u64, permutation: u64) {
    let mut random = stream(seed, permutation);
    for groups in exchanged.chunks_mut(64) {
        let word = random.next_u64();
        for (bit, exchanged) in groups.iter_mut().enumerate() {
            *exchanged = word >> bit & 1 == 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_groups_are_exchanged() {
        // One group of many equal samples is one coin, not many.
        let samples: Vec<(bool, f64, f64)> = (0..40).map(|i| (i < 20, 1.0, 0.0)).collect();
        let found = Randomization::new(1)
            .paired_difference(&samples)
            .unwrap()
            .unwrap();
        assert_eq!(
            (found.difference, found.p_value, found.groups),
            (1.0, 0.5, 2)
        );
        let alone: Vec<(usize, f64, f64)> = (0..40).map(|i| (i, 1.0, 0.0)).collect();
        let found = Randomization::new(1)
            .paired_difference(&alone)
            .unwrap()
            .unwrap();
        assert_eq!((found.p_value, found.exact), (1.0 / 10_001.0, false));
    }

    #[test]
    fn drawn_exchanges_agree_with_all_of_them() {
        let samples: Vec<(u32, f64, f64)> = (0..12)
            .map(|i| (i, f64::from(i * 7 % 12) - 4.0, 0.0))
            .collect();
        let all = Randomization::new(3)
            .paired_difference(&samples)
            .unwrap()
            .unwrap();
        let drawn = Randomization {
            permutations: 4000,
            seed: 3,
        };
        let drawn = drawn.paired_difference(&samples).unwrap().unwrap();
        assert_eq!((all.exact, drawn.exact), (true, false));
        assert!((0.05..0.5).contains(&all.p_value), "{all:?}");
        assert!(
            (all.p_value - drawn.p_value).abs() < 0.03,
            "{all:?} {drawn:?}"
        );
    }

    #[test]
    fn equal_systems_have_a_p_value_of_one() {
        let few: Vec<(u32, f64, f64)> = (0..5)
            .map(|i| (i, 0.1 * f64::from(i), 0.1 * f64::from(i)))
            .collect();
        assert_eq!(
            Randomization::new(0)
                .paired_difference(&few)
                .unwrap()
                .unwrap()
                .p_value,
            1.0
        );
        let many: Vec<(u32, f64, f64)> = (0..99).map(|i| (i, 0.3, 0.3)).collect();
        assert_eq!(
            Randomization::new(0)
                .paired_difference(&many)
                .unwrap()
                .unwrap()
                .p_value,
            1.0
        );
    }

    #[test]
    fn the_draws_of_a_seed_stay_what_they_are() {
        let samples: Vec<(u32, f64, f64)> = (0..100)
            .map(|i| (i, f64::from(i * 37 % 100), 40.0))
            .collect();
        let found = Randomization::new(42)
            .paired_difference(&samples)
            .unwrap()
            .unwrap();
        assert_eq!(found.difference, 9.5);
        assert_eq!(found.p_value, 13.0 / 10_001.0);
    }

    #[test]
    fn edges() {
        let test = Randomization::new(0);
        assert_eq!(test.paired_difference::<u32>(&[]).unwrap(), None);
        assert_eq!(
            test.paired_difference(&[(1, 0.5, 0.1), (1, 0.7, 0.2)])
                .unwrap(),
            None
        );
        assert!(test.paired_difference(&[(1, f64::INFINITY, 0.0)]).is_err());
        let none = Randomization {
            permutations: 0,
            ..test
        };
        let error = none.paired_difference(&[(1, 0.5, 0.1)]).unwrap_err();
        assert_eq!(error.to_string(), "permutations is 0, expected 1 or more");
    }

    #[test]
    fn any_difference_can_be_tested() {
        // The mean, by way of the general form, is the mean.
        let samples: Vec<(u32, f64, f64)> = (0..40)
            .map(|i| (i / 2, f64::from(i * 7 % 11), f64::from(i * 5 % 13)))
            .collect();
        let test = Randomization::new(3);
        let found = test.paired_difference(&samples).unwrap().unwrap();
        let by_hand = test.of_statistic(20, |exchanged| {
            let signed = samples
                .iter()
                .map(|(group, a, b)| match exchanged[*group as usize] {
                    true => b - a,
                    false => a - b,
                });
            signed.sum::<f64>() / 40.0
        });
        let by_hand = by_hand.unwrap().unwrap();
        assert!((by_hand.difference - found.difference).abs() < 1e-12);
        assert_eq!(
            (by_hand.p_value, by_hand.groups, by_hand.exact),
            (found.p_value, 20, false)
        );
        assert!(test.of_statistic(1, |_| 0.5).unwrap().is_none());
        assert!(test.of_statistic(2, |_| f64::NAN).is_err());
    }
}
