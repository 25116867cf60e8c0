//! Whole runs beside pytrec_eval: thousands of queries, most of them odd.

use flate2::bufread::GzDecoder;
use jobmatch_metrics::{Measure, Qrels, Run, evaluate};
use serde::Deserialize;

use crate::{check, open};

#[derive(Deserialize)]
struct WholeRun {
    documents: Vec<String>,
    measures: Vec<String>,
    /// Over the queries with an expectation, those that the run lacks included.
    means: Vec<f64>,
    queries: Vec<Query>,
}

#[derive(Deserialize)]
struct Query {
    id: String,
    /// Numbers of documents with their grades; absent when nobody judged the query.
    qrels: Option<Vec<(usize, i32)>>,
    /// Numbers of documents with their scores; absent when the run lacks the query.
    run: Option<Vec<(usize, f64)>>,
    /// One value for each measure; absent for queries without positives.
    expected: Option<Vec<f64>>,
}

#[test]
fn whole_runs_equal_trec_eval() {
    let runs: Vec<WholeRun> =
        serde_json::from_reader(GzDecoder::new(open("metrics_runs.json.gz"))).unwrap();
    let (mut queries, mut missing, mut empty, mut unjudged) = (0, 0, 0, 0);
    for whole in &runs {
        let measures: Vec<Measure> = whole
            .measures
            .iter()
            .map(|name| name.parse().unwrap())
            .collect();
        let (mut qrels, mut run) = (Qrels::new(), Run::new());
        for query in &whole.queries {
            for &(document, grade) in query.qrels.iter().flatten() {
                qrels
                    .insert(&query.id, &whole.documents[document], grade)
                    .unwrap();
            }
            if let Some(rows) = &query.run {
                let scored = rows
                    .iter()
                    .map(|&(document, score)| (whole.documents[document].clone(), score as f32));
                run.insert(&query.id, scored).unwrap();
                empty += usize::from(rows.is_empty());
            } else {
                missing += 1;
            }
        }
        let evaluation = evaluate(&run, &qrels, &measures).unwrap();
        unjudged += evaluation.unjudged_queries;
        let mut expected: Vec<(&String, &Vec<f64>)> = whole
            .queries
            .iter()
            .filter_map(|query| Some((&query.id, query.expected.as_ref()?)))
            .collect();
        expected.sort_unstable_by_key(|(id, _)| *id);
        let ids: Vec<&String> = evaluation
            .queries
            .iter()
            .map(|query| &query.query)
            .collect();
        assert_eq!(ids, expected.iter().map(|(id, _)| *id).collect::<Vec<_>>());
        for (query, (_, expected)) in evaluation.queries.iter().zip(&expected) {
            for ((measure, value), expected) in measures.iter().zip(&query.values).zip(*expected) {
                check(&format!("{measure} of {}", query.query), *value, *expected);
            }
        }
        for (measure, expected) in measures.iter().zip(&whole.means) {
            check(
                &format!("mean {measure}"),
                evaluation.mean(*measure).unwrap(),
                *expected,
            );
        }
        queries += expected.len();
    }
    assert!(queries > 3000 && missing > 100 && empty > 100 && unjudged > 100);
}
