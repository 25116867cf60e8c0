//! The numbers of parts, against counts made by hand from the predictions.
#![allow(clippy::unwrap_used, reason = "a test's panic is its failure")]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod support;

use std::collections::{BTreeMap, BTreeSet};

use jobmatch_evaluation::{Evaluation, EvaluationConfig, How, Slice, SliceBy, system_name};
use jobmatch_metrics::{average_precision, brier, reliability};
use jobmatch_records::{Prediction, Split};
use support::*;

fn golden(setting: &Setting, config: &EvaluationConfig) -> Evaluation {
    let scorer = Scorer::new("overlap", overlap);
    let dev = setting
        .run(Split::Dev, Some(&scorer), How::Choose, config)
        .unwrap();
    let how = How::Apply(&dev.decision);
    setting
        .run(Split::Golden, Some(&scorer), how, config)
        .unwrap()
}

/// Job and attribute of every positive pair of golden.
fn positives(setting: &Setting) -> BTreeSet<(String, String)> {
    labelled(setting, "golden")
        .map(|label| (label.job_id.clone(), label.attribute_id.clone()))
        .collect()
}

/// How many training jobs have each attribute.
fn training(setting: &Setting) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut jobs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for label in labelled(setting, "train") {
        let of_attribute = jobs.entry(&label.attribute_id).or_default();
        of_attribute.insert(&label.job_id);
    }
    jobs
}

#[test]
fn every_attribute_is_counted_by_itself() {
    let setting = Setting::new();
    let evaluation = golden(&setting, &config());
    let positives = positives(&setting);
    let training = training(&setting);
    let is_positive =
        |row: &Prediction| positives.contains(&(row.job_id.clone(), row.attribute_id.clone()));
    let mut expected = BTreeSet::new();
    for definition in &setting.definitions {
        let id = definition.attribute_id.as_str();
        let rows = || {
            let predictions = evaluation.predictions.iter();
            predictions.filter(|row| row.attribute_id == id)
        };
        let of_attribute = positives.iter().filter(|(_, positive)| positive == id);
        let wanted = of_attribute.count() as u64;
        let decided = rows().filter(|row| row.decided).count() as u64;
        if wanted == 0 && decided == 0 {
            continue;
        }
        expected.insert(id);
        let right = rows().filter(|row| row.decided && is_positive(row)).count() as u64;
        let of_id = |row: &&jobmatch_evaluation::AttributeRow| row.attribute_id == id;
        let row = evaluation.metrics.attributes.iter().find(of_id).unwrap();
        assert_eq!(
            (row.positives, row.decided, row.true_positives),
            (wanted, decided, right),
            "{id}"
        );
        assert_eq!(
            (row.false_positives, row.false_negatives),
            (decided - right, wanted - right)
        );
        assert_eq!(row.precision.is_some(), decided > 0);
        assert_eq!(
            row.recall,
            (wanted > 0).then(|| right as f64 / wanted as f64)
        );
        assert_eq!(row.f1, (2 * right) as f64 / (decided + wanted) as f64);
        let scored: Vec<(f32, bool)> = rows().map(|row| (row.score, is_positive(row))).collect();
        let average = average_precision(&scored, wanted as usize).unwrap();
        assert_eq!(row.average_precision, average);
        assert_eq!((&row.name, &row.kind), (&definition.name, &definition.kind));
        let jobs = training.get(id).map_or(0, BTreeSet::len) as u32;
        assert_eq!(row.training_jobs, Some(jobs));
    }
    let ids: Vec<&str> = evaluation
        .metrics
        .attributes
        .iter()
        .map(|row| row.attribute_id.as_str())
        .collect();
    assert_eq!(ids, expected.into_iter().collect::<Vec<_>>());
}

#[test]
fn slices_add_up_to_the_whole() {
    let setting = Setting::new();
    let evaluation = golden(&setting, &config());
    let positives = positives(&setting);
    let training = training(&setting);
    for system in &evaluation.metrics.systems {
        let quality = system.decided.unwrap().quality;
        let of = |by: SliceBy| system.slices.iter().filter(move |slice| slice.by == by);
        let [all] = of(SliceBy::All).collect::<Vec<_>>()[..] else {
            panic!("one slice of all attributes");
        };
        let decided = all.decided.unwrap();
        assert_eq!((all.attributes, all.positives), (64, quality.positives));
        assert_eq!(
            (decided.precision, decided.recall, decided.f1),
            (quality.precision, quality.recall, quality.f1)
        );
        let kinds: Vec<&str> = of(SliceBy::Kind)
            .map(|slice| slice.value.as_str())
            .collect();
        assert_eq!(kinds, ["", "craft", "office"]);
        for by in [SliceBy::Kind, SliceBy::TrainingJobs] {
            let sum = |value: fn(&Slice) -> u64| of(by).map(value).sum::<u64>();
            assert_eq!(sum(|slice| slice.attributes as u64), 64);
            assert_eq!(sum(|slice| slice.positives), all.positives);
            let right = sum(|slice| slice.decided.unwrap().true_positives);
            assert_eq!(right, decided.true_positives);
            assert_eq!(sum(|slice| slice.decided.unwrap().decided), decided.decided);
        }
        for slice in of(SliceBy::TrainingJobs) {
            let jobs = |id: &str| training.get(id).map_or(0, BTreeSet::len);
            let belongs = |id: &str| match slice.value.as_str() {
                "0" => jobs(id) == 0,
                "1-4" => (1..=4).contains(&jobs(id)),
                "5-19" => (5..=19).contains(&jobs(id)),
                other => panic!("no attribute is in {other} of 30 training jobs"),
            };
            let wanted = positives.iter().filter(|(_, id)| belongs(id)).count();
            assert_eq!(slice.positives as usize, wanted, "{}", slice.value);
        }
    }
    // The last system's ranks are those of the predictions.
    let last = evaluation.metrics.systems.last().unwrap();
    let early = evaluation.predictions.iter().filter(|row| {
        row.rank <= 10 && positives.contains(&(row.job_id.clone(), row.attribute_id.clone()))
    });
    let share = early.count() as f64 / positives.len() as f64;
    assert_eq!(last.slices[0].recall_at_10, Some(share));
}

#[test]
fn without_kinds_or_enough_candidates_there_are_no_such_numbers() {
    let mut setting = Setting::new();
    setting.definitions.iter_mut().for_each(|it| it.kind = None);
    let few = EvaluationConfig {
        candidates: 7,
        ..config()
    };
    let evaluation = golden(&setting, &few);
    let last = evaluation.metrics.systems.last().unwrap();
    assert!(last.slices.iter().all(|slice| slice.by != SliceBy::Kind));
    assert!(last.slices.iter().all(|slice| slice.recall_at_10.is_none()));
    let cut_offs: Vec<usize> = last.recall_curve.iter().map(|at| at.k).collect();
    assert_eq!(cut_offs, [1, 2, 3, 5, 7]);
    assert!(!last.ranking.contains_key("recall@10") && last.ranking.contains_key("hit_rate@5"));
    let measures: BTreeSet<&str> = evaluation
        .metrics
        .differences
        .iter()
        .map(|difference| difference.measure.as_str())
        .collect();
    assert_eq!(
        Vec::from_iter(measures),
        ["r_precision@5", "reciprocal_rank"]
    );
}

#[test]
fn curves_agree_with_the_measures_and_the_predictions() {
    let setting = Setting::new();
    let evaluation = golden(&setting, &config());
    let positives = positives(&setting);
    for system in &evaluation.metrics.systems {
        for at in &system.recall_curve {
            if let Some(recall) = system.ranking.get(&format!("recall@{}", at.k)) {
                assert_eq!(at.recall, *recall);
            }
        }
        let recalls: Vec<f64> = system.recall_curve.iter().map(|at| at.recall).collect();
        assert!(recalls.is_sorted() && recalls.len() == 8);
        let is_probability = [
            system_name::BI_ENCODER,
            system_name::CROSS_ENCODER,
            system_name::TWO_STAGE,
        ]
        .contains(&system.name.as_str());
        assert_eq!(
            system.calibration.is_some(),
            is_probability,
            "{}",
            system.name
        );
    }
    let predictions: Vec<(f64, bool)> = evaluation
        .predictions
        .iter()
        .map(|row| {
            let pair = (row.job_id.clone(), row.attribute_id.clone());
            (f64::from(row.score), positives.contains(&pair))
        })
        .collect();
    let last = evaluation.metrics.systems.last().unwrap();
    let calibration = last.calibration.as_ref().unwrap();
    assert_eq!(Some(calibration.brier), brier(&predictions).unwrap());
    assert_eq!(calibration.bins, reliability(&predictions, 10).unwrap());
    // Five systems are compared with the last one, on four measures each.
    assert_eq!(evaluation.metrics.differences.len(), 20);
    for difference in &evaluation.metrics.differences {
        let other = evaluation
            .metrics
            .systems
            .iter()
            .find(|system| system.name == difference.with)
            .unwrap();
        let measure = &difference.measure;
        let expected = last.ranking[measure] - other.ranking[measure];
        assert!((difference.difference - expected).abs() < 1e-12);
    }
}
