use crate::order::Sum;
use crate::{Counts, Quality};

/// Counts of every query with their sums, kept up to date decision by decision.
pub(crate) struct Tally {
    of_query: Vec<Counts>,
    micro: Counts,
    queries: u64,
    precision: Sum,
    recall: Sum,
    f1: Sum,
}

impl Tally {
    pub(crate) fn new(of_query: Vec<Counts>) -> Self {
        let mut tally = Self {
            of_query: Vec::new(),
            micro: Counts::default(),
            queries: 0,
            precision: Sum::default(),
            recall: Sum::default(),
            f1: Sum::default(),
        };
        for counts in &of_query {
            tally.micro.true_positives += counts.true_positives;
            tally.micro.decided += counts.decided;
            tally.micro.positives += counts.positives;
            tally.queries += u64::from(counts.positives > 0);
            tally.add_to_means(counts, 1.0);
        }
        tally.of_query = of_query;
        tally
    }

    /// Decides yes on `decided` more candidates of a query, `hits` of them relevant.
    pub(crate) fn decide(&mut self, query: usize, decided: u64, hits: u64) {
        let before = self.of_query[query];
        let after = Counts {
            true_positives: before.true_positives + hits,
            decided: before.decided + decided,
            ..before
        };
        self.of_query[query] = after;
        self.micro.true_positives += hits;
        self.micro.decided += decided;
        // A query without positives adds zeros only: it has no hits.
        self.add_to_means(&before, -1.0);
        self.add_to_means(&after, 1.0);
    }

    fn add_to_means(&mut self, counts: &Counts, sign: f64) {
        self.precision.add(sign * counts.precision());
        self.recall.add(sign * counts.recall());
        self.f1.add(sign * counts.f1());
    }

    pub(crate) fn quality(&self) -> Quality {
        let mean = |sum: Sum| {
            if self.queries == 0 {
                0.0
            } else {
                sum.value() / self.queries as f64
            }
        };
        Quality {
            micro: self.micro,
            macro_precision: mean(self.precision),
            macro_recall: mean(self.recall),
            macro_f1: mean(self.f1),
            queries: self.queries,
        }
    }
}
