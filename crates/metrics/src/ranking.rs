use crate::{Error, Result};

/// One query's ranked documents beside all its positives: what every ranking measure is computed from.
///
/// It keeps the ranks of the hits and nothing else, so a hundred thousand of them are small, and no ids are needed.
/// A *hit* is a retrieved document with a grade above 0; a *positive* is a document with a grade above 0, retrieved or
/// not. Ranks count from 1, a cut-off `k` is included in what it cuts off, and a ranking shorter than `k` is as if
/// filled up with documents that are not relevant.
///
/// For a query without positives every measure is 0. Means leave such queries out.
///
/// ```
/// use jobmatch_metrics::Ranking;
///
/// // Grades in rank order; the query has three positives, one of which was never retrieved.
/// let ranking = Ranking::new(&[0, 2, 0, 1], &[1, 1, 2])?;
/// assert_eq!(ranking.recall_at(4), 2.0 / 3.0);
/// assert_eq!(ranking.reciprocal_rank(), 1.0 / 2.0);
/// # Ok::<(), jobmatch_metrics::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranking {
    retrieved: usize,
    hits: Vec<Hit>,
    /// All positive grades, highest first: the gains of the ideal ranking.
    ideal: Vec<i32>,
}

/// A retrieved document that is relevant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Its rank, from 1.
    pub rank: usize,
    /// Its grade, above 0.
    pub grade: i32,
}

impl Ranking {
    /// From the grades of the retrieved documents in rank order (0 or less: not relevant) and the grades of all
    /// positives in any order. Grades of 0 or less among the latter are ignored, so all judgements may be passed.
    ///
    /// # Errors
    /// [`Error::UnlistedPositive`] when the ranking shows a positive grade more often than the list has it.
    pub fn new(ranked: &[i32], positive_grades: &[i32]) -> Result<Self> {
        let ranked = ranked.iter().copied();
        Self::of(ranked, positive_grades.to_vec(), || "the query".to_owned())
    }

    pub(crate) fn of(
        ranked: impl ExactSizeIterator<Item = i32>,
        mut ideal: Vec<i32>,
        query: impl FnOnce() -> String,
    ) -> Result<Self> {
        ideal.retain(|&grade| grade > 0);
        ideal.sort_unstable_by(|a, b| b.cmp(a));
        let retrieved = ranked.len();
        let ranks = (1..).zip(ranked);
        let hits: Vec<Hit> = ranks
            .filter(|&(_, grade)| grade > 0)
            .map(|(rank, grade)| Hit { rank, grade })
            .collect();
        if let Some(grade) = first_unlisted(&hits, &ideal) {
            return Err(Error::UnlistedPositive {
                query: query(),
                grade,
            });
        }
        Ok(Self {
            retrieved,
            hits,
            ideal,
        })
    }

    /// How many documents were retrieved.
    pub fn retrieved(&self) -> usize {
        self.retrieved
    }

    /// How many positives the query has, retrieved or not.
    pub fn positives(&self) -> usize {
        self.ideal.len()
    }

    /// The hits, in rank order.
    pub fn hits(&self) -> &[Hit] {
        &self.hits
    }

    /// How many hits stand at ranks 1 to `k`.
    pub fn hits_at(&self, k: usize) -> usize {
        self.hits.partition_point(|hit| hit.rank <= k)
    }

    /// Precision@k: hits in the top k / k, also when fewer than k were retrieved (`trec_eval`'s `P_k`). 0 for k = 0.
    pub fn precision_at(&self, k: usize) -> f64 {
        share(self.hits_at(k), k)
    }

    /// Recall@k: hits in the top k / positives (`trec_eval`'s `recall_k`).
    pub fn recall_at(&self, k: usize) -> f64 {
        share(self.hits_at(k), self.positives())
    }

    /// R-precision@k: hits in the top k / min(k, positives), so that 1 can be reached whatever the number of
    /// positives. `trec_eval` has no such measure: its `Rprec` cuts at the number of positives instead. 0 for k = 0.
    pub fn r_precision_at(&self, k: usize) -> f64 {
        share(self.hits_at(k), k.min(self.positives()))
    }

    /// Hit rate@k: 1 when a hit stands in the top k, else 0 (`trec_eval`'s `success_k`).
    pub fn hit_rate_at(&self, k: usize) -> f64 {
        if self.hits_at(k) > 0 { 1.0 } else { 0.0 }
    }

    /// Reciprocal rank: 1 / rank of the first hit, 0 without one (`trec_eval`'s `recip_rank`). Its mean is MRR.
    pub fn reciprocal_rank(&self) -> f64 {
        self.hits.first().map_or(0.0, |hit| 1.0 / hit.rank as f64)
    }

    /// Average precision: the sum over hits of precision@(rank of the hit) / positives (`trec_eval`'s `map` of one
    /// query). Its mean is MAP.
    pub fn average_precision(&self) -> f64 {
        if self.ideal.is_empty() {
            return 0.0;
        }
        let found = (1..).zip(&self.hits);
        let sum: f64 = found
            .map(|(found, hit)| f64::from(found) / hit.rank as f64)
            .sum();
        sum / self.ideal.len() as f64
    }

    /// nDCG@k with linear gain: DCG@k / ideal DCG@k, where DCG@k = Σ over ranks i = 1..=k of grade_i / log2(i + 1),
    /// grades below 0 count 0, and the ideal ranking holds all positives, highest grade first. This is `trec_eval`'s
    /// `ndcg_cut_k` (after Järvelin and Kekäläinen 2002, discounted from rank 1 on), not the variant with gain
    /// 2^grade - 1.
    pub fn ndcg_at(&self, k: usize) -> f64 {
        let top = &self.hits[..self.hits_at(k)];
        let dcg: f64 = top.iter().map(|hit| discounted(hit.grade, hit.rank)).sum();
        if dcg == 0.0 {
            return 0.0;
        }
        let ideal: f64 = (1..=k)
            .zip(&self.ideal)
            .map(|(rank, &grade)| discounted(grade, rank))
            .sum();
        dcg / ideal
    }
}

fn share(part: usize, whole: usize) -> f64 {
    crate::order::ratio(part as u64, whole as u64)
}

fn discounted(grade: i32, rank: usize) -> f64 {
    f64::from(grade) / (rank as f64 + 1.0).log2()
}

/// The highest grade that the hits hold more often than the ideal (highest first) does.
fn first_unlisted(hits: &[Hit], ideal: &[i32]) -> Option<i32> {
    let mut grades: Vec<i32> = hits.iter().map(|hit| hit.grade).collect();
    grades.sort_unstable_by(|a, b| b.cmp(a));
    let mut listed = ideal.iter().copied().peekable();
    grades.into_iter().find(|&grade| {
        while listed.next_if(|&other| other > grade).is_some() {}
        listed.next_if_eq(&grade).is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ranks 1 to 5: grades 0, 2, 0, 1, -1; four positives in all, with grades 3, 2, 1, 1.
    fn ranking() -> Ranking {
        Ranking::new(&[0, 2, 0, 1, -1], &[1, 3, 0, 1, 2, -2]).unwrap()
    }

    fn check(value: f64, expected: f64) {
        assert!(
            (value - expected).abs() < 1e-12,
            "{value} is not {expected}"
        );
    }

    #[test]
    fn computed_by_hand() {
        let r = ranking();
        assert_eq!(
            (r.retrieved(), r.positives(), r.hits_at(3), r.hits_at(99)),
            (5, 4, 1, 2)
        );
        check(r.precision_at(2), 1.0 / 2.0);
        check(r.precision_at(10), 2.0 / 10.0);
        check(r.recall_at(2), 1.0 / 4.0);
        check(r.recall_at(10), 2.0 / 4.0);
        check(r.r_precision_at(2), 1.0 / 2.0);
        check(r.r_precision_at(10), 2.0 / 4.0);
        check(r.hit_rate_at(1), 0.0);
        check(r.hit_rate_at(2), 1.0);
        check(r.reciprocal_rank(), 1.0 / 2.0);
        check(r.average_precision(), (1.0 / 2.0 + 2.0 / 4.0) / 4.0);
        let log3 = 3f64.log2();
        check(r.ndcg_at(2), (2.0 / log3) / (3.0 + 2.0 / log3));
        let ideal = 3.0 + 2.0 / log3 + 1.0 / 2.0 + 1.0 / 5f64.log2();
        check(
            r.ndcg_at(usize::MAX),
            (2.0 / log3 + 1.0 / 5f64.log2()) / ideal,
        );
    }

    #[test]
    fn nothing_at_zero_and_nothing_without_positives() {
        let r = ranking();
        let empty = Ranking::new(&[0, 0], &[0]).unwrap();
        let none = Ranking::new(&[], &[1]).unwrap();
        for (r, k) in [(&r, 0), (&empty, 5), (&none, 5), (&Ranking::default(), 1)] {
            let at_k = [
                r.precision_at(k),
                r.recall_at(k),
                r.r_precision_at(k),
                r.hit_rate_at(k),
                r.ndcg_at(k),
            ];
            assert_eq!(at_k, [0.0; 5]);
        }
        assert_eq!(
            [empty.average_precision(), none.average_precision()],
            [0.0; 2]
        );
        assert_eq!([empty.reciprocal_rank(), none.reciprocal_rank()], [0.0; 2]);
    }

    #[test]
    fn every_hit_must_be_a_listed_positive() {
        for (ranked, positives) in [(&[1, 1][..], &[1][..]), (&[2], &[1, 3]), (&[1], &[])] {
            let error = Ranking::new(ranked, positives).unwrap_err();
            assert!(matches!(error, Error::UnlistedPositive { .. }), "{error}");
        }
        assert!(Ranking::new(&[1, 2, 0, 2], &[3, 2, 2, 1]).is_ok());
    }
}
