//! Which jobs and labels are evaluated, with toy models.
#![allow(clippy::unwrap_used, reason = "a test's panic is its failure")]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod support;

use std::collections::BTreeSet;

use jobmatch_dataset::DevHalves;
use jobmatch_evaluation::{
    EvaluationConfig, How, ReportContext, Slice, SliceBy, SystemMetrics, system_name,
};
use jobmatch_records::{Job, Label, Split};
use support::*;

#[test]
fn dev_is_halved_by_group_when_it_is_large() {
    let setting = Setting::new();
    let evaluation = setting
        .run(Split::Dev, None, How::Choose, &config())
        .unwrap();
    let dev = || {
        let of_dev = |job: &&Job| job.split == Some(Split::Dev);
        setting.jobs.iter().filter(of_dev)
    };
    let halves = DevHalves::of(dev());
    let half: Vec<&Job> = dev().filter(|job| halves.calibrates(job)).collect();
    assert!(half.len() < 60);
    let evaluated = &evaluation.metrics.evaluated;
    assert_eq!((evaluated.jobs, evaluated.jobs_in_split), (half.len(), 60));
    assert_eq!(evaluated.jobs_set_aside, 60 - half.len());
    // A decision that is applied to dev sees all of it.
    let all = setting
        .run(
            Split::Dev,
            None,
            How::Apply(&evaluation.decision),
            &config(),
        )
        .unwrap();
    assert_eq!(
        (
            all.metrics.evaluated.jobs,
            all.metrics.evaluated.jobs_set_aside
        ),
        (60, 0)
    );

    let mut small = Setting::new();
    small
        .jobs
        .retain(|job| job.split != Some(Split::Dev) || job.job_id.as_str() < "dev030");
    small
        .labels
        .retain(|label| !label.job_id.starts_with("dev") || label.job_id.as_str() < "dev030");
    let evaluation = small.run(Split::Dev, None, How::Choose, &config()).unwrap();
    assert_eq!(evaluation.metrics.evaluated.jobs, 30);
    assert_eq!(evaluation.decision.promise.part, "all its jobs");
}

#[test]
fn a_limit_takes_a_fixed_part_evenly_over_groups_and_says_so() {
    let setting = Setting::new();
    let decision = dev_decision(&setting, None);
    let limited = EvaluationConfig {
        limit_jobs: Some(12),
        ..config()
    };
    let run = |config: &EvaluationConfig| {
        setting
            .run(Split::Golden, None, How::Apply(&decision), config)
            .unwrap()
    };
    let part = run(&limited);
    let taken: BTreeSet<&str> = part
        .predictions
        .iter()
        .map(|row| row.job_id.as_str())
        .collect();
    let groups: BTreeSet<usize> = taken
        .iter()
        .map(|id| id[6..].parse::<usize>().unwrap() / 2)
        .collect();
    assert_eq!((taken.len(), groups.len()), (12, 12), "one of each pair");
    let evaluated = &part.metrics.evaluated;
    assert_eq!(
        (
            evaluated.jobs,
            evaluated.jobs_left_out,
            evaluated.jobs_in_split
        ),
        (12, 12, 24)
    );
    assert_eq!(part.metrics, run(&limited).metrics);
    let folder = tempfile::tempdir().unwrap();
    part.write(folder.path(), &ReportContext::default())
        .unwrap();
    let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.contains("A part of the jobs: 12 of 24, drawn evenly over groups with seed 42."));

    let other = run(&EvaluationConfig { seed: 7, ..limited });
    assert_ne!(part.predictions, other.predictions);
    let all = run(&EvaluationConfig {
        limit_jobs: Some(1000),
        ..config()
    });
    assert_eq!(
        (
            all.metrics.evaluated.jobs,
            all.metrics.evaluated.jobs_left_out
        ),
        (24, 0)
    );
}

#[test]
fn a_job_without_a_sentence_or_a_label_is_a_stated_result() {
    let mut setting = Setting::new();
    let decision = dev_decision(&setting, None);
    setting
        .jobs
        .push(job("golden900", "empty", Split::Golden, " \n\n "));
    setting.labels.push(label("golden900", "A00"));
    setting.jobs.push(job(
        "golden901",
        "unlabelled",
        Split::Golden,
        "- You weld our pipes.\n",
    ));
    let evaluation = setting
        .run(Split::Golden, None, How::Apply(&decision), &config())
        .unwrap();
    let evaluated = &evaluation.metrics.evaluated;
    assert_eq!(
        (
            evaluated.jobs_without_sentences,
            evaluated.jobs_without_positives
        ),
        (1, 1)
    );
    assert!(
        evaluation
            .predictions
            .iter()
            .all(|row| row.job_id != "golden900")
    );
    assert!(
        evaluation
            .predictions
            .iter()
            .any(|row| row.job_id == "golden901")
    );
    // It counts as a miss: it is the worst job of all.
    assert_eq!(evaluation.metrics.worst_jobs[0].job_id, "golden900");
}

fn unseen_slice(system: &SystemMetrics) -> Option<&Slice> {
    let unseen = |slice: &&Slice| slice.by == SliceBy::TrainingJobs && slice.value == "0";
    system.slices.iter().find(unseen)
}

#[test]
fn attributes_without_training_jobs_are_measured_apart() {
    let mut setting = Setting::new();
    let kept =
        |label: &Label| !label.job_id.starts_with("train") || label.attribute_id.as_str() > "A30";
    setting.labels.retain(kept);
    let evaluation = setting
        .run(
            Split::Golden,
            None,
            How::Apply(&dev_decision(&setting, None)),
            &config(),
        )
        .unwrap();
    let trained: BTreeSet<&str> = labelled(&setting, "train")
        .map(|label| label.attribute_id.as_str())
        .collect();
    let unseen: Vec<&Label> = labelled(&setting, "golden")
        .filter(|label| !trained.contains(label.attribute_id.as_str()))
        .collect();
    let attributes: BTreeSet<&str> = unseen
        .iter()
        .map(|label| label.attribute_id.as_str())
        .collect();
    let pairs: BTreeSet<(&str, &str)> = unseen
        .iter()
        .map(|label| (label.job_id.as_str(), label.attribute_id.as_str()))
        .collect();
    for system in &evaluation.metrics.systems {
        let found = unseen_slice(system).unwrap();
        assert_eq!(
            (found.attributes_with_positives, found.positives as usize),
            (attributes.len(), pairs.len())
        );
    }
    // What never occurs in training is never popular.
    let popularity = &evaluation.metrics.systems[0];
    assert_eq!(
        (
            popularity.name.as_str(),
            unseen_slice(popularity).unwrap().recall
        ),
        ("popularity", Some(0.0))
    );

    // Without labels of training jobs there is neither.
    setting
        .labels
        .retain(|label| !label.job_id.starts_with("train"));
    let evaluation = setting
        .run(
            Split::Golden,
            None,
            How::Apply(&dev_decision(&setting, None)),
            &config(),
        )
        .unwrap();
    assert_eq!(evaluation.metrics.systems[0].name, system_name::BM25);
    assert!(
        evaluation
            .metrics
            .systems
            .iter()
            .all(|system| unseen_slice(system).is_none())
    );
}

#[test]
fn wrong_labels_and_empty_splits_are_errors_that_say_what_to_do() {
    let check = |change: &dyn Fn(&mut Setting), expected: &str| {
        let mut setting = Setting::new();
        change(&mut setting);
        let decision = dev_decision(&Setting::new(), None);
        let message = setting
            .run(Split::Golden, None, How::Apply(&decision), &config())
            .unwrap_err()
            .to_string();
        assert!(message.contains(expected), "{message}");
    };
    check(
        &|setting| setting.labels.push(label("golden000", "ZZ")),
        "labels.csv, line 2 (job `golden000`, attribute `ZZ`): the attribute has no definition in the index",
    );
    check(
        &|setting| setting.labels.push(label("nobody", "A00")),
        "the job is not among the jobs",
    );
    check(
        &|setting| {
            let other = setting
                .labels
                .iter()
                .find(|label| label.job_id == "golden000")
                .unwrap();
            let other = Label {
                label: false,
                ..other.clone()
            };
            setting.labels.push(other);
        },
        "labelled both 1 and 0",
    );
    check(
        &|setting| {
            setting.labels.push(Label {
                grade: Some(0.5),
                ..label("golden000", "A00")
            })
        },
        "the grade is 0.5",
    );
    check(
        &|setting| setting.jobs.retain(|job| job.split != Some(Split::Golden)),
        "none of the 90 jobs is of split golden",
    );
    check(
        &|setting| {
            setting
                .labels
                .retain(|label| !label.job_id.starts_with("golden"))
        },
        "none of the 24 jobs of split golden has a positive label",
    );
    check(
        &|setting| setting.jobs.push(setting.jobs[0].clone()),
        "job `train000` is given twice",
    );
}
