//! Near copies stay on one side of the split, and none of a golden job is learned from.
#![allow(clippy::unwrap_used)] // a test that unwraps fails where it should

mod common;

use common::{definition, job, label, run};
use jobmatch_dataset::{Config, Inputs, Leaks};
use jobmatch_records::{Job, Split};

/// A text of 60 words of its own.
fn text(number: usize) -> String {
    let words: Vec<String> = (0..60)
        .map(|at| format!("word{}", (number * 7919 + at * 104_729) % 30_011))
        .collect();
    format!("{}.\nPaint walls.", words.join(" "))
}

/// The same with two words changed, and other signs and white space.
fn near(text: &str) -> String {
    let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    words[20] = "another".to_owned();
    words[40] = "NEW".to_owned();
    format!("* {}", words.join("\t"))
}

fn inputs(jobs: Vec<Job>) -> Inputs {
    let labels = jobs
        .iter()
        .map(|job| label(&job.job_id, "paint", true, None))
        .collect();
    Inputs {
        jobs,
        definitions: vec![
            definition("paint", "Paint walls"),
            definition("dance", "Dance"),
        ],
        labels,
        ..Inputs::default()
    }
}

#[test]
fn near_copies_stay_on_one_side() {
    let mut jobs: Vec<Job> = Vec::new();
    for number in 0..150 {
        jobs.push(job(&format!("a{number}"), &text(number)));
        jobs.push(job(&format!("b{number}"), &near(&text(number))));
    }
    let config = Config {
        unit: jobmatch_dataset::Unit::Job,
        dev_share: 0.4,
        ..Config::default()
    };
    let output = run(&config, 5, &inputs(jobs)).unwrap();
    let numbers = |pairs: &[jobmatch_records::Pair]| -> std::collections::BTreeSet<String> {
        pairs
            .iter()
            .map(|pair| pair.job_id[1..].to_owned())
            .collect()
    };
    let (train, dev) = (numbers(&output.train), numbers(&output.dev));
    assert!(train.is_disjoint(&dev));
    assert_eq!(train.len() + dev.len(), 150);
    assert!(
        dev.len() > 30 && train.len() > 60,
        "{} {}",
        dev.len(),
        train.len()
    );
    let counts = output.report.near_copies;
    assert_eq!(
        (counts.clusters, counts.jobs, counts.largest_cluster),
        (150, 300, 2)
    );
}

#[test]
fn a_hundred_near_copies_in_golden_are_all_named() {
    let mut jobs: Vec<Job> = (0..400)
        .map(|number| job(&format!("t{number}"), &text(number)))
        .collect();
    for number in 0..150 {
        // The first hundred are near copies; the others are texts of their own.
        let text = if number < 100 {
            near(&text(number * 3))
        } else {
            text(1000 + number)
        };
        jobs.push(Job {
            split: Some(Split::Golden),
            ..job(&format!("g{number}"), &text)
        });
    }
    let inputs = inputs(jobs);
    let refused = run(&Config::default(), 5, &inputs)
        .err()
        .unwrap()
        .to_string();
    assert!(
        refused.starts_with("100 golden jobs are near copies of jobs to be learned from"),
        "{refused}"
    );
    for number in 0..100 {
        let line = format!(
            "\ngolden job `g{number}` is a near copy of job `t{}` (similarity 0.",
            number * 3
        );
        assert!(refused.contains(&line), "{number}: {refused}");
    }
    let config = Config {
        allow_leak: true,
        ..Config::default()
    };
    let output = run(&config, 5, &inputs).unwrap();
    assert_eq!(output.report.near_copies.golden_near_others, 100);
    let (name, leaks) = output
        .files
        .iter()
        .find(|(name, _)| name == "leaks.jsonl")
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(leaks).lines().count(),
        100,
        "{name}"
    );
}

#[test]
fn boilerplate_that_chains_jobs_is_refused() {
    let mut jobs: Vec<Job> = (0..300)
        .map(|number| job(&format!("t{number}"), &text(number)))
        .collect();
    let base = text(5000);
    for number in 0..40 {
        jobs.push(job(
            &format!("c{number}"),
            &format!("{base} Team {number}."),
        ));
    }
    let refused = run(&Config::default(), 5, &inputs(jobs.clone()))
        .err()
        .unwrap();
    assert_eq!(
        refused.to_string(),
        "40 of 340 jobs are near copies of one another (one of them is `c0`), more than max_cluster_share (0.05): \
         they would all go to one side of the split; give jobs a group_id or a split, raise near_copy so that \
         boilerplate does not chain them, or raise max_cluster_share"
    );
    for (number, job) in jobs.iter_mut().enumerate() {
        job.group_id = Some(format!("g{}", number / 2));
    }
    let output = run(&Config::default(), 5, &inputs(jobs)).unwrap();
    assert_eq!(output.report.near_copies.largest_cluster, 40);
    assert!(
        output
            .report
            .warnings
            .iter()
            .any(|warning| warning.contains("dev jobs are near copies of train jobs"))
    );
}

#[test]
fn what_was_learned_from_is_known_afterwards() {
    let mut jobs: Vec<Job> = (0..40)
        .map(|number| job(&format!("j{number:02}"), &text(number)))
        .collect();
    for (number, job) in jobs.iter_mut().enumerate() {
        job.split = Some(if number < 30 {
            Split::Train
        } else {
            Split::Dev
        });
    }
    let mut inputs = inputs(jobs);
    // A job without a label has no pair, so nothing is learned from it.
    inputs.labels.remove(5);
    let config = Config {
        unit: jobmatch_dataset::Unit::Job,
        jobs_per_shard: 16,
        ..Config::default()
    };
    let output = run(&config, 5, &inputs).unwrap();
    let learned: Vec<(&str, Split)> = (output.fingerprints.iter())
        .map(|learned| (learned.job_id.as_str(), learned.split))
        .collect();
    let expected: Vec<(String, Split)> = (0..40)
        .filter(|number| *number != 5)
        .map(|number| {
            (
                format!("j{number:02}"),
                if number < 30 {
                    Split::Train
                } else {
                    Split::Dev
                },
            )
        })
        .collect();
    let expected: Vec<(&str, Split)> = expected
        .iter()
        .map(|(id, split)| (id.as_str(), *split))
        .collect();
    assert_eq!(learned, expected);

    let later = [near(&text(3)), text(5), text(100), near(&text(33))];
    let mut leaks = Leaks::new(later.iter().map(String::as_str), 0.7);
    output
        .fingerprints
        .iter()
        .for_each(|learned| leaks.compare(learned));
    let found: Vec<(usize, String)> = leaks
        .found()
        .into_iter()
        .map(|leak| (leak.job, leak.learned))
        .collect();
    assert_eq!(found, [(0, "j03".to_owned()), (3, "j33".to_owned())]);
}
