use crate::hash::{self, IdMap};
use crate::{Measure, Qrels, Ranking, Result, Run};

/// Ranking measures of a run, per query and on average.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Evaluation {
    /// The measures, in the order asked for; every list of values follows it.
    pub measures: Vec<Measure>,
    /// Every judged query with at least one positive, in byte order of the ids. One that the run lacks stands here
    /// with zeros.
    pub queries: Vec<QueryValues>,
    /// The mean of each measure over `queries`; `None` when there are none.
    pub means: Option<Vec<f64>>,
    /// Queries of the run that nobody judged, or that have no positive: they count in nothing above.
    pub unjudged_queries: usize,
}

/// The measures of one query.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct QueryValues {
    /// The query's id.
    pub query: String,
    /// One value for each measure.
    pub values: Vec<f64>,
}

impl Evaluation {
    /// The mean of one measure; `None` when it was not asked for or no query has a positive.
    pub fn mean(&self, measure: Measure) -> Option<f64> {
        let place = self.measures.iter().position(|&other| other == measure)?;
        self.means.as_ref()?.get(place).copied()
    }
}

/// Measures a run against judgements.
///
/// Averages go over the judged queries with at least one positive, so a query that the run lacks lowers them
/// (`trec_eval -c`; without that flag `trec_eval` averages over the queries of the run only).
///
/// # Errors
/// None that a [`Run`] and [`Qrels`] built through this crate can cause; [`rankings`] says more.
pub fn evaluate(run: &Run, qrels: &Qrels, measures: &[Measure]) -> Result<Evaluation> {
    let rankings = rankings(run, qrels)?;
    let values = |ranking: &Ranking| measures.iter().map(|measure| measure.of(ranking)).collect();
    let means: Option<Vec<f64>> = measures
        .iter()
        .map(|measure| measure.mean(rankings.iter().map(|(_, ranking)| ranking)))
        .collect();
    let counted = |query: &&str| qrels.judged(query).any(|(_, grade)| grade > 0);
    Ok(Evaluation {
        measures: measures.to_vec(),
        unjudged_queries: run.queries().filter(|query| !counted(query)).count(),
        means: means.filter(|_| !rankings.is_empty()),
        queries: rankings
            .iter()
            .map(|(query, ranking)| QueryValues {
                query: (*query).to_owned(),
                values: values(ranking),
            })
            .collect(),
    })
}

/// The ranking of every judged query with at least one positive, in byte order of the ids: for measures of one's own.
///
/// # Errors
/// None that a [`Run`] and [`Qrels`] built through this crate can cause: it passes on what [`Ranking::new`] checks.
pub fn rankings<'a>(run: &Run, qrels: &'a Qrels) -> Result<Vec<(&'a str, Ranking)>> {
    let mut rankings = Vec::new();
    for query in qrels.queries() {
        // Only positives are looked up: a judged document that is not relevant counts as an unjudged one does.
        let positives: IdMap<i32> = qrels
            .judged(query)
            .filter(|&(_, grade)| grade > 0)
            .collect();
        if positives.is_empty() {
            continue;
        }
        let filter = Filter::new(positives.keys().map(|document| hash::of(document) as u32));
        let grades = run.hashed(query).map(|(scored, hash)| {
            if filter.excludes(hash) {
                return 0;
            }
            let grade = positives.get(scored.document.as_str());
            grade.copied().unwrap_or(0)
        });
        let ideal = positives.values().copied().collect();
        let ranking = Ranking::of(grades, ideal, || format!("query `{query}`"))?;
        rankings.push((query, ranking));
    }
    Ok(rankings)
}

/// Says of most hashes that they are not among a few: most documents are no positives, and their ids need no look.
struct Filter {
    /// A bit for each remainder; its length is a power of two.
    words: Vec<u64>,
}

impl Filter {
    fn new(hashes: impl ExactSizeIterator<Item = u32>) -> Self {
        // A hundred bits or more for each hash let one stranger in a hundred or fewer through.
        let mut words = vec![0; (2 * hashes.len()).max(1).next_power_of_two()];
        for hash in hashes {
            let word = hash as usize / 64 % words.len();
            words[word] |= 1 << (hash % 64);
        }
        Self { words }
    }

    fn excludes(&self, hash: u32) -> bool {
        let word = self.words[(hash as usize / 64) & (self.words.len() - 1)];
        word >> (hash % 64) & 1 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn qrels(rows: &[(&str, &str, i32)]) -> Qrels {
        let mut qrels = Qrels::new();
        for (query, document, grade) in rows {
            qrels.insert(query, document, *grade).unwrap();
        }
        qrels
    }

    #[test]
    fn missing_queries_count_and_unjudged_ones_do_not() {
        let qrels = qrels(&[("a", "d1", 1), ("b", "d1", 1), ("c", "d1", 0)]);
        let mut run = Run::new();
        for query in ["a", "c", "x"] {
            let documents = [("d1".to_owned(), 2.0), ("d2".to_owned(), 1.0)];
            run.insert(query, documents).unwrap();
        }
        let evaluation =
            evaluate(&run, &qrels, &[Measure::Recall(1), Measure::ReciprocalRank]).unwrap();
        let queries: Vec<_> = evaluation
            .queries
            .iter()
            .map(|q| (q.query.as_str(), q.values.clone()))
            .collect();
        assert_eq!(queries, [("a", vec![1.0, 1.0]), ("b", vec![0.0, 0.0])]);
        assert_eq!(evaluation.mean(Measure::ReciprocalRank), Some(0.5));
        assert_eq!(evaluation.mean(Measure::Recall(2)), None);
        assert_eq!(evaluation.unjudged_queries, 2);
    }

    #[test]
    fn without_judgements_there_is_no_mean() {
        let evaluation = evaluate(&Run::new(), &Qrels::new(), &[Measure::Recall(1)]).unwrap();
        assert_eq!((evaluation.means, evaluation.queries.len()), (None, 0));
    }
}
