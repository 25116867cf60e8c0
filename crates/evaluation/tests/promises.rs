//! Promised recalls, the threshold mode, and the other unit.
#![allow(clippy::unwrap_used, reason = "a test's panic is its failure")]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod support;

use std::collections::HashSet;

use jobmatch_evaluation::{Error, EvaluationConfig, How, Unit, system_name};
use jobmatch_metrics::Promised;
use jobmatch_records::Split;
use jobmatch_segment::{Segmenter, clean};
use support::{Setting, config, cosine, dev_decision};

#[test]
fn a_promised_recall_is_kept_by_its_threshold_and_checked_on_golden() {
    let setting = Setting::new();
    let promising = EvaluationConfig {
        promise_recall: Some(0.5),
        ..config()
    };
    let dev = setting
        .run(Split::Dev, None, How::Choose, &promising)
        .unwrap();
    let decision = &dev.decision;
    assert!(decision.promise.threshold_rule.contains("recall of 0.5"));
    let promises = &decision.recall_promises;
    assert_eq!(promises.len(), 9);
    let mut before = f32::INFINITY;
    for promise in promises {
        // More recall asks for a lower threshold.
        if let Promised::Threshold {
            threshold,
            bound,
            recall,
            ..
        } = promise.promised
        {
            assert!(threshold <= before && bound >= promise.recall && recall >= bound);
            before = threshold;
            if promise.recall == 0.5 {
                assert_eq!(threshold, decision.threshold);
            }
        }
    }
    let golden = setting
        .run(Split::Golden, None, How::Apply(decision), &config())
        .unwrap();
    let decided = golden.metrics.systems.last().unwrap().decided.unwrap();
    let kept = &golden.metrics.promises[4];
    assert_eq!(kept.promise.recall, 0.5);
    let here = kept.here.unwrap();
    assert_eq!(here.quality, decided.quality);
    // All groups have two jobs here, so the mean over groups is the mean over jobs.
    assert!((here.recall - decided.quality.macro_recall).abs() < 1e-12);
    assert!(here.recall >= 0.5);
}

#[test]
fn a_recall_out_of_reach_is_refused_with_what_can_be_had() {
    let setting = Setting::new();
    let asked = EvaluationConfig {
        promise_recall: Some(0.999),
        ..config()
    };
    let error = setting
        .run(Split::Dev, None, How::Choose, &asked)
        .unwrap_err();
    assert!(matches!(error, Error::OutOfReach { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("no threshold promises a recall of 0.999")
    );
    let nonsense = EvaluationConfig {
        promise_recall: Some(1.0),
        ..config()
    };
    let error = setting
        .run(Split::Dev, None, How::Choose, &nonsense)
        .unwrap_err();
    assert!(
        error.to_string().starts_with("promise_recall is 1"),
        "{error}"
    );
}

#[test]
fn the_threshold_mode_sees_every_attribute_and_not_only_the_candidates() {
    let setting = Setting::new();
    // So few candidates that most of what a threshold admits is not among them.
    let few = EvaluationConfig {
        sentence_top_k: 1,
        candidates: 2,
        cosine_thresholds: vec![0.25, 0.5, 0.9],
        ..config()
    };
    let decision = setting
        .run(Split::Dev, None, How::Choose, &few)
        .unwrap()
        .decision;
    let golden = setting
        .run(Split::Golden, None, How::Apply(&decision), &few)
        .unwrap();
    let segmenter = Segmenter::english();
    for at in &golden.metrics.cosine_thresholds {
        let (mut decided, mut right) = (0, 0);
        for job in setting
            .jobs
            .iter()
            .filter(|job| job.split == Some(Split::Golden))
        {
            let labelled: HashSet<&str> = setting
                .labels
                .iter()
                .filter(|label| label.job_id == job.job_id)
                .map(|label| label.attribute_id.as_str())
                .collect();
            for attribute in setting.passages.attributes() {
                let best = segmenter
                    .sentences(&job.text)
                    .map(|sentence| clean(&job.text[sentence.start..sentence.end]).text)
                    .map(|sentence| cosine(&sentence, &attribute.passage))
                    .fold(f32::NEG_INFINITY, f32::max);
                // The toy's cosines round in another order of sums; none lies so near a threshold.
                assert!((best - at.threshold).abs() > 1e-6);
                if best >= at.threshold {
                    decided += 1;
                    right += u64::from(labelled.contains(attribute.attribute_id.as_str()));
                }
            }
        }
        assert_eq!(
            (at.quality.decided, at.quality.true_positives),
            (decided, right)
        );
    }
    assert!(golden.metrics.cosine_thresholds[0].quality.decided > 24 * 2);
}

#[test]
fn the_other_unit_stands_beside_and_equals_an_evaluation_by_it() {
    let setting = Setting::new();
    let by_sentence = dev_decision(&setting, None);
    let by_job = EvaluationConfig {
        unit: Unit::Job,
        ..config()
    };
    let by_job = setting
        .run(Split::Dev, None, How::Choose, &by_job)
        .unwrap()
        .decision;
    let evaluate = |decision| {
        setting
            .run(Split::Golden, None, How::Apply(decision), &config())
            .unwrap()
            .metrics
    };
    let (sentence, job) = (evaluate(&by_sentence), evaluate(&by_job));
    let system = |metrics: &jobmatch_evaluation::Metrics, name: &str| {
        let found = metrics.systems.iter().find(|system| system.name == name);
        found.unwrap().clone()
    };
    for (metrics, other, name) in [
        (&sentence, &job, system_name::BI_ENCODER_BY_JOB),
        (&job, &sentence, system_name::BI_ENCODER_BY_SENTENCE),
    ] {
        let beside = system(metrics, name);
        let own = system(other, system_name::BI_ENCODER);
        assert_eq!(beside.ranking, own.ranking);
        // The threshold is on another scale, the decisions are the same.
        assert_eq!(
            beside.decided.unwrap().quality,
            own.decided.unwrap().quality
        );
        assert_eq!(
            metrics.systems.last().unwrap().name,
            system_name::BI_ENCODER
        );
    }
    let without = EvaluationConfig {
        other_unit: false,
        ..config()
    };
    let metrics = setting
        .run(Split::Golden, None, How::Apply(&by_sentence), &without)
        .unwrap()
        .metrics;
    assert!(
        metrics
            .systems
            .iter()
            .all(|system| system.name != system_name::BI_ENCODER_BY_JOB)
    );
}
