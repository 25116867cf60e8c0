use std::collections::BTreeMap;

use crate::order::{Sum, checked_score, descending};
use crate::risk::Evidence;
use crate::{Error, Pool, Result};

/// A threshold with a promise: at this confidence, the expected recall of a new group is at least this.
///
/// A *group* holds queries that are alike, such as the jobs of one employer; groups are exchangeable, those to come
/// with those that the threshold is chosen on. The recall of a query is the share of its positives with a score of
/// the threshold or more (positives that were never retrieved have none), that of a group the mean over its queries
/// with at least one positive; groups without such a query are left out, here and in the promise.
///
/// This is the risk-controlling prediction set of Bates, Angelopoulos, Lei, Malik and Jordan 2021 ("Distribution-free,
/// risk-controlling prediction sets") with 1 - recall as the loss of a group and the Hoeffding-Bentkus bound: a risk
/// of R or more is refuted by a mean loss of r over n groups when
/// min(exp(-n · h(min(r, R), R)), e · P(Binomial(n, R) ≤ ⌈n · r⌉)) is at most 1 - confidence, with
/// h(a, b) = a · ln(a / b) + (1 - a) · ln((1 - a) / (1 - b)). Going from low thresholds to high, the last one is taken
/// at which a risk of 1 - recall is refuted there and at every lower one. The loss never falls as the threshold rises,
/// so no correction for many thresholds is needed ("fixed-sequence testing" in Angelopoulos, Bates, Candès, Jordan and
/// Lei 2021, "Learn then test").
///
/// The promise is about the draw of the groups, as that of a confidence interval is: of many thresholds chosen so, at
/// most a share of 1 - confidence has a lower expected recall. It holds for any distribution and any number of groups.
/// The price: with n groups no recall above (1 - confidence)^(1/n) can be promised, so 0.9 at a confidence of 0.95
/// takes 29 groups or more, however good the scores; and more is reached than is promised: in a simulation with 80
/// groups and 0.8 at a confidence of 0.9, a recall of 0.88.
///
/// ```
/// use jobmatch_metrics::{PositiveScores, Promised, RecallGuarantee};
///
/// // 60 employers with one job each; every job has two positives, scored 0.9 and 0.4.
/// let scores = PositiveScores { retrieved: vec![0.9, 0.4], positives: 2 };
/// let queries: Vec<_> = (0..60).map(|employer| (employer, scores.clone())).collect();
/// let wanted = RecallGuarantee { recall: 0.9, confidence: 0.95 };
/// match wanted.threshold(&queries)? {
///     Promised::Threshold { threshold, bound, .. } => assert!(threshold == 0.4 && bound > 0.9),
///     Promised::OutOfReach { .. } => unreachable!(),
/// }
/// # Ok::<(), jobmatch_metrics::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecallGuarantee {
    /// The expected recall that is wanted, between 0 and 1, both excluded.
    pub recall: f64,
    /// The confidence, between 0 and 1, both excluded.
    pub confidence: f64,
}

/// The scores of one query's positives.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PositiveScores {
    /// The scores of those that were retrieved, in any order; not NaN.
    pub retrieved: Vec<f32>,
    /// How many positives there are, retrieved or not. A query without any is left out.
    pub positives: usize,
}

/// What can be promised.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Promised {
    /// Deciding yes at this score or more keeps the promise.
    Threshold {
        /// The highest threshold that does.
        threshold: f32,
        /// At the confidence asked for, the expected recall at the threshold is at least this.
        bound: f64,
        /// The recall that was observed, the mean over groups.
        recall: f64,
        /// How many groups have a query with a positive.
        groups: usize,
    },
    /// No threshold keeps the promise: retrieval misses too many positives, or the groups are too few.
    OutOfReach {
        /// At the confidence asked for, the expected recall is at least this when everything retrieved is decided
        /// yes; 0 without groups.
        bound: f64,
        /// The recall that was observed then, the mean over groups; 0 without groups.
        recall: f64,
        /// How many groups have a query with a positive.
        groups: usize,
    },
}

impl RecallGuarantee {
    /// The highest threshold that keeps the promise, from queries that it was not fitted to, each with its group. The
    /// order of the queries changes nothing, not in the last bit.
    ///
    /// # Errors
    /// [`Error::BadSetting`] for a recall or a confidence that is not between 0 and 1; [`Error::BadValue`] for a NaN
    /// score; [`Error::TooManyRelevant`] when a query has more retrieved positives than positives.
    pub fn threshold<G: Ord>(&self, queries: &[(G, PositiveScores)]) -> Result<Promised> {
        self.check()?;
        let (groups, steps) = losses(queries)?;
        let evidence = Evidence {
            groups,
            confidence: self.confidence,
        };
        let risk = 1.0 - self.recall;
        // Losses rise along the steps and the p-value with them: the steps that keep the promise come first.
        let kept = steps.partition_point(|step| evidence.refutes(step.losses, risk));
        let recall = |losses: f64| 1.0 - losses / groups as f64;
        if groups == 0 {
            return Ok(Promised::OutOfReach {
                bound: 0.0,
                recall: 0.0,
                groups,
            });
        }
        Ok(match kept.checked_sub(1) {
            Some(last) => Promised::Threshold {
                threshold: steps[last].threshold,
                // What is refuted lies above the bound; halving intervals may miss that by a rounding.
                bound: (1.0 - evidence.upper_bound(steps[last].losses)).max(self.recall),
                recall: recall(steps[last].losses),
                groups,
            },
            None => {
                let losses = steps.first().map_or(groups as f64, |step| step.losses);
                Promised::OutOfReach {
                    bound: 1.0 - evidence.upper_bound(losses),
                    recall: recall(losses),
                    groups,
                }
            }
        })
    }

    /// The same from a pool and the group of each of its queries, in query order.
    ///
    /// # Errors
    /// As [`RecallGuarantee::threshold`]; [`Error::GroupsOfQueries`] unless each query has its group.
    pub fn threshold_of_pool<G: Ord>(&self, pool: &Pool, groups: &[G]) -> Result<Promised> {
        let rankings = pool.rankings();
        if rankings.len() != groups.len() {
            return Err(Error::GroupsOfQueries {
                groups: groups.len(),
                queries: rankings.len(),
            });
        }
        let queries = groups.iter().zip(rankings).enumerate();
        let queries: Vec<(&G, PositiveScores)> = queries
            .map(|(query, (group, ranking))| {
                let relevant = pool
                    .ranked(query)
                    .iter()
                    .filter(|candidate| candidate.grade > 0);
                let retrieved = relevant.map(|candidate| candidate.score).collect();
                (
                    group,
                    PositiveScores {
                        retrieved,
                        positives: ranking.positives(),
                    },
                )
            })
            .collect();
        self.threshold(&queries)
    }

    fn check(&self) -> Result<()> {
        for (setting, value) in [("recall", self.recall), ("confidence", self.confidence)] {
            if !(value > 0.0 && value < 1.0) {
                return Err(Error::BadSetting {
                    setting,
                    value: value.to_string(),
                    expected: "a number between 0 and 1, such as 0.9",
                });
            }
        }
        Ok(())
    }
}

/// The losses of all groups together at one threshold.
struct Step {
    threshold: f32,
    losses: f64,
}

/// How many groups have a query with a positive, and the sum of their losses at the score of each retrieved positive,
/// lowest first: between two of them nothing changes.
fn losses<G: Ord>(queries: &[(G, PositiveScores)]) -> Result<(usize, Vec<Step>)> {
    let mut groups: BTreeMap<&G, Vec<&PositiveScores>> = BTreeMap::new();
    let mut index = 0;
    for (group, scores) in queries {
        let (found, total) = (scores.retrieved.len(), scores.positives);
        if found > total {
            return Err(Error::TooManyRelevant { found, total });
        }
        for &score in &scores.retrieved {
            checked_score(index, score)?;
            index += 1;
        }
        if total > 0 {
            groups.entry(group).or_default().push(scores);
        }
    }
    // A positive's share of its group's recall.
    let mut shares: Vec<(f32, f64)> = Vec::with_capacity(index);
    for scores in groups.values() {
        for query in scores {
            let share = 1.0 / (query.positives as f64 * scores.len() as f64);
            shares.extend(query.retrieved.iter().map(|&score| (score + 0.0, share)));
        }
    }
    shares.sort_unstable_by(|a, b| descending(a.0, b.0).then(a.1.total_cmp(&b.1)));
    let mut gained = Sum::default();
    let tied = shares.chunk_by(|a, b| a.0 == b.0);
    let mut steps: Vec<Step> = tied
        .map(|tied| {
            tied.iter().for_each(|&(_, share)| gained.add(share));
            Step {
                threshold: tied[0].0,
                losses: (groups.len() as f64 - gained.value()).max(0.0),
            }
        })
        .collect();
    steps.reverse();
    Ok((groups.len(), steps))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(retrieved: &[f32], positives: usize) -> PositiveScores {
        PositiveScores {
            retrieved: retrieved.to_vec(),
            positives,
        }
    }

    const WANTED: RecallGuarantee = RecallGuarantee {
        recall: 0.8,
        confidence: 0.9,
    };

    #[test]
    fn without_a_loss_the_bound_is_a_root() {
        let perfect: Vec<_> = (0..50).map(|group| (group, scores(&[0.7], 1))).collect();
        let bound = 0.1f64.powf(1.0 / 50.0);
        match WANTED.threshold(&perfect).unwrap() {
            Promised::Threshold {
                threshold,
                bound: found,
                recall,
                groups,
            } => {
                assert_eq!((threshold, recall, groups), (0.7, 1.0, 50));
                assert!((found - bound).abs() < 1e-12, "{found} is not {bound}");
            }
            other => panic!("{other:?}"),
        }
        // 0.8 takes 11 groups at this confidence: 0.8^10 is above 0.1.
        assert!(matches!(
            WANTED.threshold(&perfect[..11]).unwrap(),
            Promised::Threshold { .. }
        ));
        assert!(matches!(
            WANTED.threshold(&perfect[..10]).unwrap(),
            Promised::OutOfReach { .. }
        ));
    }

    #[test]
    fn what_was_never_retrieved_is_missed() {
        let queries: Vec<_> = (0..200)
            .map(|group| (group, scores(&[0.9, 0.5], 3)))
            .collect();
        match WANTED.threshold(&queries).unwrap() {
            Promised::OutOfReach {
                bound,
                recall,
                groups,
            } => {
                assert!((recall - 2.0 / 3.0).abs() < 1e-12 && groups == 200);
                assert!(bound > 0.55 && bound < recall, "{bound}");
            }
            other => panic!("{other:?}"),
        }
        let less = RecallGuarantee {
            recall: 0.3,
            ..WANTED
        };
        assert!(matches!(
            less.threshold(&queries).unwrap(),
            Promised::Threshold { threshold: 0.5, .. }
        ));
        let least = RecallGuarantee {
            recall: 0.2,
            ..WANTED
        };
        assert!(matches!(
            least.threshold(&queries).unwrap(),
            Promised::Threshold { threshold: 0.9, .. }
        ));
    }

    #[test]
    fn queries_count_within_their_group_and_those_without_positives_do_not() {
        // One large group that misses everything is one group of 100.
        let mut queries: Vec<_> = (0..99).map(|group| (group, scores(&[0.6], 1))).collect();
        queries.extend((0..500).map(|_| (99, scores(&[], 2))));
        queries.extend((100..400).map(|group| (group, scores(&[], 0))));
        match WANTED.threshold(&queries).unwrap() {
            Promised::Threshold {
                threshold,
                recall,
                groups,
                ..
            } => {
                assert_eq!((threshold, groups), (0.6, 100));
                assert!((recall - 0.99).abs() < 1e-12);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn edges() {
        let nothing = Promised::OutOfReach {
            bound: 0.0,
            recall: 0.0,
            groups: 0,
        };
        assert_eq!(WANTED.threshold::<u32>(&[]).unwrap(), nothing);
        assert_eq!(WANTED.threshold(&[(1, scores(&[], 0))]).unwrap(), nothing);
        match WANTED.threshold(&[(1, scores(&[], 2))]).unwrap() {
            Promised::OutOfReach {
                bound,
                recall,
                groups,
            } => assert_eq!((bound, recall, groups), (0.0, 0.0, 1)),
            other => panic!("{other:?}"),
        }
        let error = WANTED
            .threshold(&[(1, scores(&[0.1, f32::NAN], 2))])
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "score at position 1 is NaN, expected a number"
        );
        assert!(matches!(
            WANTED.threshold(&[(1, scores(&[0.1], 0))]),
            Err(Error::TooManyRelevant { .. })
        ));
        for value in [0.0, 1.0, f64::NAN] {
            let error = RecallGuarantee {
                recall: value,
                ..WANTED
            }
            .threshold::<u32>(&[])
            .unwrap_err();
            assert!(error.to_string().starts_with("recall is"), "{error}");
            let error = RecallGuarantee {
                confidence: value,
                ..WANTED
            }
            .threshold::<u32>(&[])
            .unwrap_err();
            assert!(error.to_string().starts_with("confidence is"), "{error}");
        }
        let pool = Pool::new(Vec::new(), &[vec![1], vec![2]]).unwrap();
        let error = WANTED.threshold_of_pool(&pool, &[1]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "1 groups for 2 queries: each query needs its group"
        );
    }
}
