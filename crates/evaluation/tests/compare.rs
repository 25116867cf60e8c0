//! Two evaluations against each other.
#![allow(clippy::unwrap_used, reason = "a test's panic is its failure")]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod support;

use jobmatch_evaluation::{
    CompareConfig, Error, EvaluatedRun, Evaluation, EvaluationConfig, How, PairScorer,
    ReportContext, compare,
};
use jobmatch_records::Split;
use support::{Scorer, Setting, config, cosine, dev_decision};
use tempfile::TempDir;

fn quick() -> CompareConfig {
    CompareConfig {
        resamples: 200,
        permutations: 500,
        ..CompareConfig::default()
    }
}

fn golden(
    setting: &Setting,
    scorer: Option<&dyn PairScorer>,
    config: &EvaluationConfig,
) -> Evaluation {
    let decision = dev_decision(setting, scorer);
    setting
        .run(Split::Golden, scorer, How::Apply(&decision), config)
        .unwrap()
}

/// Written and read again.
fn read(evaluation: &Evaluation) -> EvaluatedRun {
    let folder = TempDir::new().unwrap();
    evaluation
        .write(folder.path(), &ReportContext::default())
        .unwrap();
    EvaluatedRun::read(folder.path()).unwrap()
}

#[test]
fn an_evaluation_does_not_differ_from_itself() {
    let setting = Setting::new();
    let run = read(&golden(&setting, None, &config()));
    let same = compare(&run, &run, &quick()).unwrap();
    assert_eq!(same.systems, ["bi-encoder", "bi-encoder"]);
    assert_eq!((same.better, same.worse, same.same), (0, 0, same.jobs));
    assert!(same.changed.is_empty());
    assert_eq!(same.measures.len(), 6 + 3);
    for measure in &same.measures {
        assert_eq!(measure.difference, 0.0, "{}", measure.measure);
        assert_eq!(measure.p_value, Some(1.0), "{}", measure.measure);
        let interval = measure.interval.unwrap();
        assert_eq!((interval.lower, interval.upper), (0.0, 0.0));
    }
}

#[test]
fn what_differs_is_what_the_two_reports_say() {
    let setting = Setting::new();
    let good = Scorer::new("good", |text, passage| 4.0 * cosine(text, passage));
    let a = golden(&setting, None, &config());
    let b = golden(&setting, Some(&good), &config());
    let found = compare(&read(&a), &read(&b), &quick()).unwrap();
    let back = compare(&read(&b), &read(&a), &quick()).unwrap();
    for (place, name) in ["r_precision@5", "recall@10", "reciprocal_rank"]
        .iter()
        .enumerate()
    {
        let of =
            |evaluation: &Evaluation| evaluation.metrics.systems.last().unwrap().ranking[*name];
        let measure = &found.measures[place];
        assert_eq!(&measure.measure, name);
        assert!((measure.a - of(&a)).abs() < 1e-12 && (measure.b - of(&b)).abs() < 1e-12);
        assert!((measure.difference - (of(&b) - of(&a))).abs() < 1e-12);
        assert!((back.measures[place].difference + measure.difference).abs() < 1e-12);
    }
    let f1 = found
        .measures
        .iter()
        .find(|measure| measure.measure == "f1")
        .unwrap();
    let of = |evaluation: &Evaluation| {
        evaluation
            .metrics
            .systems
            .last()
            .unwrap()
            .decided
            .unwrap()
            .quality
            .f1
    };
    assert!((f1.a - of(&a)).abs() < 1e-12 && (f1.b - of(&b)).abs() < 1e-12);
    // What one finds more, the other loses.
    assert_eq!((found.better, found.worse), (back.worse, back.better));
    for job in &found.changed {
        let mirrored = back
            .changed
            .iter()
            .find(|other| other.job_id == job.job_id)
            .unwrap();
        assert_eq!(
            (&job.found, &job.wrong),
            (&mirrored.lost, &mirrored.dropped)
        );
    }
    let differences: Vec<f64> = found.changed.iter().map(|job| job.difference()).collect();
    assert!(differences.is_sorted());
}

#[test]
fn other_jobs_and_other_labels_are_refused() {
    let mut setting = Setting::new();
    let all = golden(&setting, None, &config());
    let some = EvaluationConfig {
        limit_jobs: Some(2),
        ..config()
    };
    let few = read(&golden(&setting, None, &some));
    let all = read(&all);
    let error = compare(&all, &few, &quick()).unwrap_err();
    assert!(
        matches!(
            error,
            Error::OtherJobs {
                b: 2,
                common: 2,
                ..
            }
        ),
        "{error}"
    );
    let common = CompareConfig {
        common: true,
        ..quick()
    };
    let found = compare(&all, &few, &common).unwrap();
    assert_eq!((found.jobs, found.only_in[1]), (2, 0));

    let at = setting
        .labels
        .iter()
        .position(|label| label.job_id.starts_with("golden"))
        .unwrap();
    let removed = setting.labels.remove(at);
    let relabelled = read(&golden(&setting, None, &config()));
    let error = compare(&all, &relabelled, &quick()).unwrap_err();
    assert!(error.to_string().contains(&removed.job_id), "{error}");

    let unknown = CompareConfig {
        measures: vec!["recall".to_owned()],
        ..quick()
    };
    let error = compare(&all, &all, &unknown).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("no measure `recall`"), "{source}");
}

#[test]
fn a_folder_of_an_earlier_version_says_so() {
    let setting = Setting::new();
    let folder = TempDir::new().unwrap();
    golden(&setting, None, &config())
        .write(folder.path(), &ReportContext::default())
        .unwrap();
    let path = folder.path().join("metrics.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let earlier = text.replacen("\"schema_version\": 2", "\"schema_version\": 1", 1);
    std::fs::write(&path, earlier).unwrap();
    let error = EvaluatedRun::read(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("metrics.json has schema version 1, this program reads 2: evaluate again"),
        "{error}"
    );
}
