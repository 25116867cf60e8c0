use crate::hash::{Distinct, of_number};
use crate::order::{checked_score, descending, descending_key};
use crate::tally::Tally;
use crate::{Counts, CurvePoint, Error, Ranking, Result};

/// One retrieved document of one query, by numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The query's number, from 0.
    pub query: u32,
    /// The document's number. Number documents in byte order of their ids, and ties are broken as in a [`Run`].
    ///
    /// [`Run`]: crate::Run
    pub document: u32,
    /// The higher, the better; not NaN.
    pub score: f32,
    /// The grade; above 0 is relevant.
    pub grade: i32,
}

/// The scored candidates of many queries beside all their positives: what an evaluation without ids is made from.
///
/// Ranks follow score descending, then document number descending. The order in which candidates arrive changes no
/// result, not in its last bit.
///
/// ```
/// use jobmatch_metrics::{Candidate, Measure, Pool};
///
/// let candidates = vec![
///     Candidate { query: 0, document: 0, score: 0.9, grade: 1 },
///     Candidate { query: 0, document: 1, score: 0.4, grade: 0 },
///     Candidate { query: 1, document: 0, score: 0.7, grade: 1 },
/// ];
/// // The second query has a positive of grade 2 that was not retrieved.
/// let pool = Pool::new(candidates, &[vec![1], vec![1, 2]])?;
/// let quality = pool.at_threshold(0.5)?;
/// assert_eq!(quality.micro.recall(), 2.0 / 3.0);
/// assert_eq!(quality.macro_recall, (1.0 + 0.5) / 2.0);
/// assert_eq!(Measure::Precision(1).mean(pool.rankings()), Some(1.0));
/// # Ok::<(), jobmatch_metrics::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pool {
    /// By query, then in rank order.
    candidates: Vec<Candidate>,
    /// Where each query's candidates start; one more entry than there are queries.
    starts: Vec<usize>,
    rankings: Vec<Ranking>,
}

/// How good a decision is over a [`Pool`]: over all pairs at once, and on average over queries.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Quality {
    /// All pairs of all queries at once, those of queries without positives included.
    pub micro: Counts,
    /// Mean precision over the queries with at least one positive; a query with nothing decided counts 0.
    pub macro_precision: f64,
    /// Mean recall over the same queries.
    pub macro_recall: f64,
    /// Mean over the same queries of each query's own F1 (not the F1 of the two means).
    pub macro_f1: f64,
    /// How many queries the means are over; without any they are 0.
    pub queries: u64,
}

/// What is decided at one threshold over a [`Pool`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ThresholdQuality {
    /// Everything with a score of this or more is decided yes.
    pub threshold: f32,
    /// How good that is.
    pub quality: Quality,
}

impl Pool {
    /// From candidates in any order, and for each query the grades of all its positives in any order, retrieved or
    /// not. Grades of 0 or less among those are ignored.
    ///
    /// # Errors
    /// [`Error::UnknownQuery`], [`Error::DuplicateCandidate`], [`Error::BadValue`] for a NaN score,
    /// [`Error::UnlistedPositive`] when a query's candidates show a positive grade more often than its list has it.
    pub fn new(mut candidates: Vec<Candidate>, positive_grades: &[Vec<i32>]) -> Result<Self> {
        let queries = positive_grades.len();
        // First how many candidates each query has, one place further on; then where they start.
        let mut starts = vec![0; queries + 1];
        let mut grouped = true;
        let mut before = 0;
        for (index, candidate) in candidates.iter_mut().enumerate() {
            candidate.score = checked_score(index, candidate.score)?;
            let query = candidate.query;
            let Some(count) = starts[1..].get_mut(query as usize) else {
                return Err(Error::UnknownQuery {
                    index,
                    query,
                    queries,
                });
            };
            *count += 1;
            grouped &= before <= query;
            before = query;
        }
        for query in 0..queries {
            starts[query + 1] += starts[query];
        }
        if !grouped {
            candidates = by_query(&candidates, starts.clone());
        }
        let mut rankings = Vec::with_capacity(queries);
        let mut distinct = Distinct::default();
        for (query, positives) in (0u32..).zip(positive_grades) {
            let own = &mut candidates[starts[query as usize]..starts[query as usize + 1]];
            if !distinct.all(own.iter().map(|candidate| of_number(candidate.document)))
                && let Some(document) = first_duplicate(own)
            {
                return Err(Error::DuplicateCandidate { query, document });
            }
            own.sort_unstable_by_key(rank_key);
            let grades = own.iter().map(|candidate| candidate.grade);
            rankings.push(Ranking::of(grades, positives.clone(), || {
                format!("query {query}")
            })?);
        }
        Ok(Self {
            candidates,
            starts,
            rankings,
        })
    }

    /// The ranking of every query, in query order: for ranking measures and their means.
    pub fn rankings(&self) -> &[Ranking] {
        &self.rankings
    }

    /// A query's candidates in rank order; none for a number beyond the last query.
    pub fn ranked(&self, query: usize) -> &[Candidate] {
        match (
            self.starts.get(query),
            self.starts.get(query.saturating_add(1)),
        ) {
            (Some(&start), Some(&end)) => &self.candidates[start..end],
            _ => &[],
        }
    }

    /// Every candidate of every query as score and whether it is relevant, by query, then in rank order: the pooled
    /// set for [`threshold_curve`](crate::threshold_curve) and [`average_precision`](crate::average_precision).
    pub fn scored(&self) -> impl ExactSizeIterator<Item = (f32, bool)> {
        self.candidates
            .iter()
            .map(|candidate| (candidate.score, candidate.grade > 0))
    }

    /// How many positives there are, over all queries, retrieved or not.
    pub fn positives(&self) -> usize {
        self.rankings.iter().map(Ranking::positives).sum()
    }

    /// Each query's counts when everything with a score of `threshold` or more is decided yes, in query order.
    ///
    /// # Errors
    /// [`Error::BadValue`] when the threshold is NaN.
    pub fn counts_at_threshold(&self, threshold: f32) -> Result<Vec<Counts>> {
        if threshold.is_nan() {
            return Err(Error::BadValue {
                what: "threshold",
                index: 0,
                value: f64::NAN,
                expected: "a number",
            });
        }
        Ok(self.counts(|own| own.partition_point(|candidate| candidate.score >= threshold)))
    }

    /// Each query's counts when its first `n` candidates are decided yes (all, if it has fewer), in query order.
    pub fn counts_at_top(&self, n: usize) -> Vec<Counts> {
        self.counts(|own| own.len().min(n))
    }

    /// The quality when everything with a score of `threshold` or more is decided yes.
    ///
    /// # Errors
    /// As [`Pool::counts_at_threshold`].
    pub fn at_threshold(&self, threshold: f32) -> Result<Quality> {
        Ok(Tally::new(self.counts_at_threshold(threshold)?).quality())
    }

    /// The quality when the first `n` candidates of each query are decided yes.
    pub fn at_top(&self, n: usize) -> Quality {
        Tally::new(self.counts_at_top(n)).quality()
    }

    /// The quality at every distinct score of the whole pool, highest first, in one sorted pass. No candidates give
    /// no points.
    pub fn threshold_curve(&self) -> Vec<ThresholdQuality> {
        let mut by_score: Vec<&Candidate> = self.candidates.iter().collect();
        // Within a score by query, so that the sums are taken in one order whatever order the candidates came in.
        by_score.sort_unstable_by(|a, b| descending(a.score, b.score).then(a.query.cmp(&b.query)));
        let mut tally = Tally::new(self.counts_at_top(0));
        let tied = by_score.chunk_by(|a, b| a.score == b.score);
        tied.map(|tied| {
            for own in tied.chunk_by(|a, b| a.query == b.query) {
                let hits = own.iter().filter(|candidate| candidate.grade > 0).count();
                tally.decide(own[0].query as usize, own.len() as u64, hits as u64);
            }
            ThresholdQuality {
                threshold: tied[0].score,
                quality: tally.quality(),
            }
        })
        .collect()
    }

    /// The quality of the top 1, the top 2, and so on to the top `max_n`: entry `i` is that of N = `i + 1`.
    /// Beyond the longest ranking nothing changes any more.
    pub fn top_curve(&self, max_n: usize) -> Vec<Quality> {
        let mut tally = Tally::new(self.counts_at_top(0));
        let mut points = Vec::new();
        for place in 0..max_n {
            for (query, _) in self.rankings.iter().enumerate() {
                if let Some(candidate) = self.ranked(query).get(place) {
                    tally.decide(query, 1, u64::from(candidate.grade > 0));
                }
            }
            points.push(tally.quality());
        }
        points
    }

    fn counts(&self, decided: impl Fn(&[Candidate]) -> usize) -> Vec<Counts> {
        let of_query = |(query, ranking): (usize, &Ranking)| {
            let decided = decided(self.ranked(query));
            Counts {
                true_positives: ranking.hits_at(decided) as u64,
                decided: decided as u64,
                positives: ranking.positives() as u64,
            }
        };
        self.rankings.iter().enumerate().map(of_query).collect()
    }
}

/// The candidates of each query together, those of query q from `places[q]` on.
fn by_query(candidates: &[Candidate], mut places: Vec<usize>) -> Vec<Candidate> {
    let mut placed = candidates.to_vec();
    for candidate in candidates {
        let place = &mut places[candidate.query as usize];
        placed[*place] = *candidate;
        *place += 1;
    }
    placed
}

/// Rises along a query's ranks: one number in place of score descending, then document descending.
fn rank_key(candidate: &Candidate) -> u64 {
    u64::from(descending_key(candidate.score)) << 32 | u64::from(!candidate.document)
}

/// The lowest document that stands twice.
fn first_duplicate(own: &[Candidate]) -> Option<u32> {
    let mut documents: Vec<u32> = own.iter().map(|candidate| candidate.document).collect();
    documents.sort_unstable();
    let twice = documents.windows(2).find(|pair| pair[0] == pair[1]);
    twice.map(|pair| pair[0])
}

/// The point with the best micro F1; among equals the one with the highest threshold. `None` without points.
pub fn best_micro_f1(points: &[ThresholdQuality]) -> Option<ThresholdQuality> {
    let curve: Vec<CurvePoint> = points
        .iter()
        .map(|point| CurvePoint {
            threshold: point.threshold,
            counts: point.quality.micro,
        })
        .collect();
    let best = crate::best_f1(&curve)?.threshold;
    points.iter().copied().find(|point| point.threshold == best)
}

/// The point with the best macro F1; among equals the one with the highest threshold, where differences under 1e-12
/// are none: the means are sums of rounded numbers. `None` without points.
pub fn best_macro_f1(points: &[ThresholdQuality]) -> Option<ThresholdQuality> {
    let best = points
        .iter()
        .map(|point| point.quality.macro_f1)
        .reduce(f64::max)?;
    let good = points
        .iter()
        .copied()
        .filter(|point| point.quality.macro_f1 > best - 1e-12);
    good.reduce(|high, point| {
        if point.threshold > high.threshold {
            point
        } else {
            high
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(query: u32, document: u32, score: f32, grade: i32) -> Candidate {
        Candidate {
            query,
            document,
            score,
            grade,
        }
    }

    /// Query 0: hit, miss, hit; query 1: miss, and a positive never retrieved; query 2: no positive at all.
    fn pool() -> Pool {
        let candidates = vec![
            candidate(1, 4, 0.9, 0),
            candidate(0, 1, 0.8, 2),
            candidate(0, 7, 0.5, 1),
            candidate(0, 9, 0.5, 0),
            candidate(2, 3, 0.7, 0),
        ];
        Pool::new(candidates, &[vec![2, 1], vec![1], vec![]]).unwrap()
    }

    fn counts(true_positives: u64, decided: u64) -> Counts {
        Counts {
            true_positives,
            decided,
            positives: 3,
        }
    }

    #[test]
    fn computed_by_hand() {
        let pool = pool();
        let order: Vec<u32> = pool.ranked(0).iter().map(|c| c.document).collect();
        assert_eq!(order, [1, 9, 7]);
        assert!(pool.ranked(3).is_empty());
        let points = pool.threshold_curve();
        let micro: Vec<_> = points
            .iter()
            .map(|p| (p.threshold, p.quality.micro))
            .collect();
        let expected = [
            (0.9, counts(0, 1)),
            (0.8, counts(1, 2)),
            (0.7, counts(1, 3)),
            (0.5, counts(2, 5)),
        ];
        assert_eq!(micro, expected);
        let last = points[3].quality;
        assert_eq!(last.queries, 2);
        assert!((last.macro_precision - (2.0 / 3.0) / 2.0).abs() < 1e-15);
        assert!((last.macro_recall - 0.5).abs() < 1e-15);
        assert!((last.macro_f1 - 0.8 / 2.0).abs() < 1e-15);
        assert_eq!(best_micro_f1(&points).unwrap().threshold, 0.5);
        assert_eq!(best_macro_f1(&points).unwrap().threshold, 0.5);
        let top: Vec<_> = pool.top_curve(4).iter().map(|q| q.micro).collect();
        assert_eq!(
            top,
            [counts(1, 3), counts(1, 4), counts(2, 5), counts(2, 5)]
        );
        assert_eq!(pool.at_top(0).micro, counts(0, 0));
    }

    #[test]
    fn edges() {
        let empty = Pool::new(vec![], &[]).unwrap();
        assert!(empty.threshold_curve().is_empty());
        assert_eq!(
            (empty.at_top(3).macro_f1, empty.at_top(3).queries),
            (0.0, 0)
        );
        assert_eq!(best_macro_f1(&[]), None);
        let check = |candidates: Vec<Candidate>, expected: &str| {
            let error = Pool::new(candidates, &[vec![1]]).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        };
        check(
            vec![candidate(1, 0, 0.5, 0)],
            "candidate 0 belongs to query 1",
        );
        check(
            vec![candidate(0, 0, f32::NAN, 0)],
            "score at position 0 is NaN",
        );
        check(
            vec![
                candidate(0, 5, 0.5, 0),
                candidate(0, 1, 0.4, 0),
                candidate(0, 5, 0.3, 0),
            ],
            "document 5 is a candidate of query 0 twice",
        );
        check(
            vec![candidate(0, 5, 0.5, 2)],
            "the ranking of query 0 shows grade 2",
        );
        assert!(pool().at_threshold(f32::NAN).is_err());
        assert_eq!(pool().at_threshold(f32::INFINITY).unwrap().micro.decided, 0);
    }
}
