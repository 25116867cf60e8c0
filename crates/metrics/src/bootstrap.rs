use rand_chacha::rand_core::Rng;

use crate::groups::{stream, totals};
use crate::order::Sum;
use crate::{Error, Result};

/// The percentile bootstrap over whole groups (Efron 1979; by clusters, Davison and Hinkley 1997, section 3.8).
///
/// Samples of one group are alike, so groups are drawn and not samples: each resample draws as many groups as there
/// are, with replacement, and takes all samples of each. A sample that stands alone is a group of one.
///
/// Resample i draws from stream i of ChaCha8 keyed by the seed: the same seed gives the same interval on every machine,
/// and the order of the samples changes nothing, not in the last bit.
///
/// ```
/// use jobmatch_metrics::Bootstrap;
///
/// // Recall of five jobs; the first two are of one employer.
/// let samples = [("a", 0.5), ("a", 0.6), ("b", 0.9), ("c", 0.7), ("d", 0.4)];
/// let interval = Bootstrap::new(42).mean(&samples)?.expect("more than one group");
/// assert!(interval.lower < 0.62 && 0.62 < interval.upper);
/// # Ok::<(), jobmatch_metrics::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// How many resamples; at least 1.
    pub resamples: usize,
    /// The share of resamples inside the interval, between 0 and 1, both excluded.
    pub confidence: f64,
    /// The seed of all draws.
    pub seed: u64,
}

/// A value and the interval that the bootstrap gives it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Interval {
    /// The value over the samples as they are.
    pub estimate: f64,
    /// The lower end.
    pub lower: f64,
    /// The upper end.
    pub upper: f64,
    /// How many groups were drawn from. With few of them the interval is too narrow.
    pub groups: usize,
}

impl Bootstrap {
    /// [`Bootstrap::resamples`] unless said otherwise.
    pub const RESAMPLES: usize = 2000;
    /// [`Bootstrap::confidence`] unless said otherwise.
    pub const CONFIDENCE: f64 = 0.95;

    /// The usual numbers with this seed.
    pub fn new(seed: u64) -> Self {
        Self {
            resamples: Self::RESAMPLES,
            confidence: Self::CONFIDENCE,
            seed,
        }
    }

    /// The interval of the mean over all samples, each with its group.
    ///
    /// `None` with fewer than two groups: one group says nothing about how groups differ.
    ///
    /// # Errors
    /// [`Error::BadValue`] for a sample that is not finite; [`Error::BadSetting`].
    pub fn mean<G: Ord>(&self, samples: &[(G, f64)]) -> Result<Option<Interval>> {
        let totals = totals(samples.iter().map(|(group, value)| (group, *value)))?;
        self.of_statistic(totals.len(), |drawn| {
            let sum: Sum = drawn.iter().map(|&group| totals[group].sum).collect();
            let count: f64 = drawn.iter().map(|&group| totals[group].count).sum();
            sum.value() / count
        })
    }

    /// The interval of the mean of `a - b` over samples `(group, a, b)`: two systems measured on the same queries.
    /// When it excludes 0, they differ at this confidence.
    ///
    /// # Errors
    /// As [`Bootstrap::mean`].
    pub fn paired_difference<G: Ord>(&self, samples: &[(G, f64, f64)]) -> Result<Option<Interval>> {
        let differences: Vec<(&G, f64)> =
            samples.iter().map(|(group, a, b)| (group, a - b)).collect();
        self.mean(&differences)
    }

    /// The interval of any statistic of groups numbered from 0 to `groups` (excluded), such as the F1 of summed counts.
    /// `statistic` gets the groups that were drawn, some of them several times; first it gets each once.
    ///
    /// `None` with fewer than two groups.
    ///
    /// # Errors
    /// [`Error::BadSetting`] for no resamples or a confidence that is not between 0 and 1; [`Error::BadValue`] when
    /// the statistic is not finite.
    pub fn of_statistic(
        &self,
        groups: usize,
        mut statistic: impl FnMut(&[usize]) -> f64,
    ) -> Result<Option<Interval>> {
        self.check()?;
        if groups < 2 {
            return Ok(None);
        }
        let mut drawn: Vec<usize> = (0..groups).collect();
        let estimate = statistic(&drawn);
        let mut values = Vec::with_capacity(self.resamples);
        for resample in 0..self.resamples {
            let mut random = stream(self.seed, resample as u64);
            drawn.fill_with(|| below(groups, random.next_u64()));
            values.push(statistic(&drawn));
        }
        let all = std::iter::once(&estimate).chain(&values);
        if let Some((index, &value)) = all.enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(Error::BadValue {
                what: "statistic of resample",
                index,
                value,
                expected: "a finite number",
            });
        }
        values.sort_unstable_by(f64::total_cmp);
        let tail = (1.0 - self.confidence) / 2.0;
        Ok(Some(Interval {
            estimate,
            lower: quantile(&values, tail),
            upper: quantile(&values, 1.0 - tail),
            groups,
        }))
    }

    fn check(&self) -> Result<()> {
        if self.resamples == 0 {
            return Err(Error::BadSetting {
                setting: "resamples",
                value: self.resamples.to_string(),
                expected: "1 or more",
            });
        }
        if !(self.confidence > 0.0 && self.confidence < 1.0) {
            return Err(Error::BadSetting {
                setting: "confidence",
                value: self.confidence.to_string(),
                expected: "a number between 0 and 1, such as 0.95",
            });
        }
        Ok(())
    }
}

/// A number from 0 to `end` (excluded) out of 64 random bits: the high half of their product. The bias is under
/// `end` / 2^64. Written here so that no library's next version changes a published interval.
fn below(end: usize, bits: u64) -> usize {
    ((u128::from(bits) * end as u128) >> 64) as usize
}

/// Between the two nearest of the sorted values, in proportion (numpy's default).
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = sorted[place.floor() as usize];
    let above = sorted[place.ceil() as usize];
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_as_numpy_gives_them() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        assert_eq!(quantile(&sorted, 0.0), 1.0);
        assert_eq!(quantile(&sorted, 0.5), 3.0);
        assert_eq!(quantile(&sorted, 0.9), 4.0 + 4.0 * (0.9f64 * 3.0).fract());
        assert_eq!(quantile(&sorted, 1.0), 8.0);
    }

    #[test]
    fn whole_groups_are_drawn() {
        // Two groups, each of one value many times: a resample's mean is 0, 1 or the middle, nothing else.
        let samples: Vec<(bool, f64)> = (0..100).map(|i| (i % 2 == 0, f64::from(i % 2))).collect();
        let interval = Bootstrap::new(1).mean(&samples).unwrap().unwrap();
        assert_eq!(
            (interval.lower, interval.estimate, interval.upper),
            (0.0, 0.5, 1.0)
        );
        // The same values as single samples give a narrow interval.
        let alone: Vec<(usize, f64)> = samples.iter().enumerate().map(|(i, s)| (i, s.1)).collect();
        let interval = Bootstrap::new(1).mean(&alone).unwrap().unwrap();
        assert!(
            interval.lower > 0.35 && interval.upper < 0.65,
            "{interval:?}"
        );
    }

    #[test]
    fn the_interval_is_that_of_the_normal_approximation_when_samples_are_many() {
        let samples: Vec<(u32, f64)> = (0..400)
            .map(|i| (i, f64::from(i * 7919 % 400) / 400.0))
            .collect();
        let interval = Bootstrap::new(7).mean(&samples).unwrap().unwrap();
        let half = 1.96 * (1.0f64 / 12.0 / 400.0).sqrt();
        assert!(
            (interval.upper - interval.estimate - half).abs() < 0.1 * half,
            "{interval:?}"
        );
        assert!(
            (interval.estimate - interval.lower - half).abs() < 0.1 * half,
            "{interval:?}"
        );
    }

    #[test]
    fn a_constant_difference_has_no_width() {
        let samples: Vec<(u32, f64, f64)> = (0..9)
            .map(|i| (i, f64::from(i) + 0.5, f64::from(i)))
            .collect();
        let interval = Bootstrap::new(3)
            .paired_difference(&samples)
            .unwrap()
            .unwrap();
        assert_eq!(
            (interval.lower, interval.estimate, interval.upper),
            (0.5, 0.5, 0.5)
        );
    }

    #[test]
    fn the_draws_of_a_seed_stay_what_they_are() {
        let samples: Vec<(u32, f64)> = (0..10).map(|i| (i, f64::from(i * i))).collect();
        let interval = Bootstrap::new(42).mean(&samples).unwrap().unwrap();
        assert_eq!((interval.lower, interval.upper), (12.997500000000004, 46.5));
    }

    #[test]
    fn edges() {
        let bootstrap = Bootstrap::new(0);
        assert_eq!(bootstrap.mean::<u32>(&[]).unwrap(), None);
        assert_eq!(bootstrap.mean(&[(1, 0.5), (1, 0.7)]).unwrap(), None);
        assert!(bootstrap.mean(&[(1, 0.5), (2, f64::NAN)]).is_err());
        let none = Bootstrap {
            resamples: 0,
            ..bootstrap
        };
        assert!(none.mean(&[(1, 0.5)]).is_err());
        for confidence in [0.0, 1.0, f64::NAN] {
            let bad = Bootstrap {
                confidence,
                ..bootstrap
            };
            let error = bad.mean(&[(1, 0.5)]).unwrap_err().to_string();
            assert!(error.starts_with("confidence is"), "{error}");
        }
    }
}
