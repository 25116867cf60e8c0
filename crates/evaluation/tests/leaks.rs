//! Jobs that the models learned from prove nothing.
#![allow(clippy::unwrap_used, reason = "a test's panic is its failure")]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod support;

use std::path::Path;

use jobmatch_dataset::signature;
use jobmatch_evaluation::{Error, EvaluationConfig, How};
use jobmatch_records::{Fingerprint, ParquetWriter, Split};
use support::{Setting, config, dev_decision};

fn learned(path: &Path, rows: &[(&str, Split, &str)]) {
    let mut writer = ParquetWriter::create(path).unwrap();
    let rows: Vec<Fingerprint> = rows
        .iter()
        .map(|(job_id, split, text)| Fingerprint {
            job_id: (*job_id).to_owned(),
            split: *split,
            signature: signature(text),
        })
        .collect();
    writer.write(&rows).unwrap();
    writer.finish().unwrap();
}

#[test]
fn golden_jobs_that_were_learned_from_are_refused_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut setting = Setting::new();
    let decision = dev_decision(&setting, None);
    let golden = setting
        .jobs
        .iter()
        .find(|job| job.split == Some(Split::Golden))
        .unwrap();
    let copy = format!("* {}", golden.text.to_uppercase());
    let id = golden.job_id.clone();
    let path = folder.path().join("part-00000.parquet");
    learned(
        &path,
        &[
            ("t1", Split::Train, "Something else altogether."),
            ("t2", Split::Dev, &copy),
        ],
    );
    setting.learned = vec![path.clone()];
    let how = How::Apply(&decision);
    // The toy's jobs are much alike.
    let strict = EvaluationConfig {
        near_copy: 0.95,
        ..config()
    };
    let error = setting.run(Split::Golden, None, how, &strict).unwrap_err();
    assert!(matches!(error, Error::Leaks { count: 1, .. }), "{error}");
    let message = error.to_string();
    let named = format!("job `{id}` is a near copy of dev job `t2` (similarity 1.00)");
    assert!(
        message.contains(&named) && message.contains("--allow-leak"),
        "{message}"
    );

    let allowed = EvaluationConfig {
        allow_leak: true,
        ..strict
    };
    let done = setting.run(Split::Golden, None, how, &allowed).unwrap();
    let check = done.metrics.leaks.unwrap();
    assert_eq!(
        (check.learned_jobs, check.leaks[0].job_id.as_str()),
        (2, id.as_str())
    );

    // Dev jobs are near copies of themselves; only those of train count against them.
    let dev = &setting
        .jobs
        .iter()
        .find(|job| job.split == Some(Split::Dev))
        .unwrap();
    learned(&path, &[("d1", Split::Dev, &dev.text)]);
    let done = setting
        .run(Split::Dev, None, How::Choose, &config())
        .unwrap();
    let check = done.metrics.leaks.unwrap();
    assert_eq!((check.learned_jobs, check.leaks.len()), (0, 0));
}

#[test]
fn without_fingerprints_it_is_said_that_nothing_was_checked() {
    let setting = Setting::new();
    let decision = dev_decision(&setting, None);
    let done = setting
        .run(Split::Golden, None, How::Apply(&decision), &config())
        .unwrap();
    assert_eq!(done.metrics.leaks, None);
    let mut broken = Setting::new();
    broken.learned = vec!["/nonexistent/part-00000.parquet".into()];
    let how = How::Apply(&decision);
    let error = broken.run(Split::Golden, None, how, &config());
    let error = error.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("part-00000.parquet"), "{error}: {source}");
}
