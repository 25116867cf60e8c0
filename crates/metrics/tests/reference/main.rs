//! Numbers of pytrec_eval and scikit-learn, written by `fixtures/reference/metrics.py`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod choices;
mod whole_runs;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use jobmatch_metrics::{
    Calibrator, Candidate, Measure, Pool, Qrels, Quality, Ranking, Run, average_precision,
    best_micro_f1, brier, evaluate, expected_calibration_error, reliability, threshold_curve,
};
use serde::Deserialize;

const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
struct Reference {
    rankings: Rankings,
    decisions: Vec<Decisions>,
    probabilities: Vec<Probabilities>,
    platt: Vec<Platt>,
    isotonic: Vec<choices::Isotonic>,
    randomization: Vec<choices::Paired>,
    guarantee: Vec<choices::Guarantee>,
}

#[derive(Deserialize)]
struct Rankings {
    measures: Vec<String>,
    queries: Vec<Query>,
}

#[derive(Deserialize)]
struct Query {
    qrels: BTreeMap<String, i32>,
    run: BTreeMap<String, f64>,
    expected: Vec<f64>,
}

/// Tables of queries × documents; a score of `null` was not retrieved.
#[derive(Deserialize)]
struct Decisions {
    relevant: Vec<Vec<u8>>,
    scores: Vec<Vec<Option<f32>>>,
    /// Threshold, then micro precision, recall, F1, then macro precision, recall, F1.
    curve: Vec<[f64; 7]>,
    /// The same without threshold for the top 1, the top 2 and so on.
    top: Vec<[f64; 6]>,
    average_precision: f64,
}

#[derive(Deserialize)]
struct Probabilities {
    bins: usize,
    probabilities: Vec<f64>,
    relevant: Vec<u8>,
    brier: f64,
    observed: Vec<f64>,
    mean_probability: Vec<f64>,
    expected_calibration_error: f64,
}

#[derive(Deserialize)]
struct Platt {
    scores: Vec<f32>,
    relevant: Vec<u8>,
    slope: f64,
    intercept: f64,
}

fn open(file: &str) -> BufReader<File> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/reference");
    BufReader::new(File::open(folder.join(file)).unwrap())
}

fn reference() -> Reference {
    serde_json::from_reader(open("metrics.json")).unwrap()
}

#[track_caller]
fn check(what: &str, value: f64, expected: f64) {
    let difference = (value - expected).abs();
    assert!(
        difference <= TOLERANCE * expected.abs().max(1.0),
        "{what}: {value}, the reference says {expected}"
    );
}

#[test]
fn ranking_measures_equal_trec_eval() {
    let Rankings { measures, queries } = reference().rankings;
    let measures: Vec<Measure> = measures.iter().map(|name| name.parse().unwrap()).collect();
    let (mut qrels, mut run) = (Qrels::new(), Run::new());
    let mut expected = BTreeMap::new();
    for (number, query) in queries.iter().enumerate() {
        let id = format!("q{number}");
        for (document, grade) in &query.qrels {
            qrels.insert(&id, document, *grade).unwrap();
        }
        let scored = query
            .run
            .iter()
            .map(|(document, score)| (document.clone(), *score as f32));
        run.insert(&id, scored).unwrap();
        if query.qrels.values().any(|grade| *grade > 0) {
            expected.insert(id.clone(), &query.expected);
        }
        // From grades alone, also for queries without positives, where the reference says 0 throughout.
        let ranked = run.ranked(&id).iter();
        let ranked: Vec<i32> = ranked
            .map(|s| query.qrels.get(&s.document).copied().unwrap_or(0))
            .collect();
        let grades: Vec<i32> = query.qrels.values().copied().collect();
        let ranking = Ranking::new(&ranked, &grades).unwrap();
        for (measure, expected) in measures.iter().zip(&query.expected) {
            check(
                &format!("{measure} of {id} by grades"),
                measure.of(&ranking),
                *expected,
            );
        }
    }
    assert!(expected.len() > 250 && expected.len() < queries.len());
    let evaluation = evaluate(&run, &qrels, &measures).unwrap();
    let ids: Vec<&str> = evaluation
        .queries
        .iter()
        .map(|q| q.query.as_str())
        .collect();
    assert_eq!(ids, expected.keys().collect::<Vec<_>>());
    for query in &evaluation.queries {
        for ((measure, value), expected) in measures
            .iter()
            .zip(&query.values)
            .zip(expected[&query.query])
        {
            check(&format!("{measure} of {}", query.query), *value, *expected);
        }
    }
    for (place, measure) in measures.iter().enumerate() {
        let sum: f64 = expected.values().map(|values| values[place]).sum();
        check(
            &format!("mean {measure}"),
            evaluation.mean(*measure).unwrap(),
            sum / expected.len() as f64,
        );
    }
    // What was written and read back is measured the same.
    let name = Path::new("memory");
    let (mut qrels_file, mut run_file) = (Vec::new(), Vec::new());
    qrels.write_to(&mut qrels_file, name).unwrap();
    run.write_to(&mut run_file, name, "reference").unwrap();
    let qrels_back = Qrels::read_from(qrels_file.as_slice(), name).unwrap();
    let run_back = Run::read_from(run_file.as_slice(), name).unwrap();
    assert_eq!(
        evaluate(&run_back, &qrels_back, &measures).unwrap(),
        evaluation
    );
}

fn check_quality(what: &str, quality: &Quality, expected: &[f64]) {
    let values = [
        quality.micro.precision(),
        quality.micro.recall(),
        quality.micro.f1(),
        quality.macro_precision,
        quality.macro_recall,
        quality.macro_f1,
    ];
    for (value, expected) in values.into_iter().zip(expected) {
        check(what, value, *expected);
    }
}

#[test]
fn decisions_equal_scikit_learn() {
    for case in reference().decisions {
        let mut candidates = Vec::new();
        for (query, (scores, relevant)) in (0..).zip(case.scores.iter().zip(&case.relevant)) {
            for (document, (score, grade)) in (0..).zip(scores.iter().zip(relevant)) {
                if let Some(score) = *score {
                    candidates.push(Candidate {
                        query,
                        document,
                        score,
                        grade: i32::from(*grade),
                    });
                }
            }
        }
        let grades = |row: &Vec<u8>| row.iter().map(|&grade| i32::from(grade)).collect();
        let positives: Vec<Vec<i32>> = case.relevant.iter().map(grades).collect();
        let pool = Pool::new(candidates, &positives).unwrap();
        let points = pool.threshold_curve();
        assert_eq!(points.len(), case.curve.len());
        for (point, expected) in points.iter().zip(&case.curve) {
            assert_eq!(f64::from(point.threshold), expected[0]);
            let what = format!("at {}", point.threshold);
            check_quality(&what, &point.quality, &expected[1..]);
            check_quality(
                &what,
                &pool.at_threshold(point.threshold).unwrap(),
                &expected[1..],
            );
        }
        let top = pool.top_curve(case.top.len());
        for (n, (quality, expected)) in (1..).zip(top.iter().zip(&case.top)) {
            check_quality(&format!("top {n}"), quality, expected);
            check_quality(&format!("top {n} alone"), &pool.at_top(n), expected);
        }
        let best =
            case.curve.iter().fold(
                &case.curve[0],
                |best, row| if row[3] > best[3] { row } else { best },
            );
        let found = best_micro_f1(&points).unwrap();
        check("best F1", found.quality.micro.f1(), best[3]);
        let scored: Vec<(f32, bool)> = pool.scored().collect();
        let value = average_precision(&scored, pool.positives())
            .unwrap()
            .unwrap();
        check("average precision", value, case.average_precision);
        for (point, pooled) in points
            .iter()
            .zip(threshold_curve(&scored, pool.positives()).unwrap())
        {
            assert_eq!(
                (point.threshold, point.quality.micro),
                (pooled.threshold, pooled.counts)
            );
        }
    }
}

#[test]
fn probabilities_equal_scikit_learn() {
    for case in reference().probabilities {
        let relevant = case.relevant.iter().map(|&relevant| relevant == 1);
        let predictions: Vec<(f64, bool)> =
            case.probabilities.iter().copied().zip(relevant).collect();
        check("Brier", brier(&predictions).unwrap().unwrap(), case.brier);
        let error = expected_calibration_error(&predictions, case.bins)
            .unwrap()
            .unwrap();
        check(
            "expected calibration error",
            error,
            case.expected_calibration_error,
        );
        let bins = reliability(&predictions, case.bins).unwrap();
        assert_eq!(bins.len(), case.observed.len());
        for (bin, (observed, mean)) in bins
            .iter()
            .zip(case.observed.iter().zip(&case.mean_probability))
        {
            check("observed", bin.observed, *observed);
            check("mean probability", bin.mean_probability, *mean);
        }
    }
}

#[test]
fn platt_scaling_equals_scikit_learn() {
    for case in reference().platt {
        let relevant = case.relevant.iter().map(|&relevant| relevant == 1);
        let scored: Vec<(f32, bool)> = case.scores.iter().copied().zip(relevant).collect();
        let calibrator = Calibrator::fit_platt(&scored).unwrap();
        let Calibrator::Platt { slope, intercept } = calibrator else {
            panic!("not Platt scaling: {calibrator:?}");
        };
        check("slope", slope, case.slope);
        check("intercept", intercept, case.intercept);
        for &(score, _) in &scored {
            let expected = 1.0 / (1.0 + (-(case.slope * f64::from(score) + case.intercept)).exp());
            check("probability", calibrator.probability(score), expected);
        }
    }
}
