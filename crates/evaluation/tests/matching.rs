//! Matching says what evaluation says, with toy models.
#![allow(clippy::unwrap_used, reason = "a test's panic is its failure")]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod support;

use jobmatch_evaluation::{Decision, Error, How, Matched, Matcher, Models, PairScorer, Wanted};
use jobmatch_records::{Job, Match, Prediction, Split};
use support::*;

const ALL: Wanted = Wanted {
    all: true,
    top: usize::MAX,
    nearest: 0,
};

fn models<'a>(setting: &'a Setting, scorer: Option<&'a dyn PairScorer>) -> Models<'a> {
    Models {
        passages: &setting.passages,
        embedder: &setting.embedder,
        scorer,
    }
}

fn golden(setting: &Setting) -> Vec<Job> {
    let of_golden = |job: &&Job| job.split == Some(Split::Golden);
    setting.jobs.iter().filter(of_golden).cloned().collect()
}

fn as_predictions(jobs: &[Job], matched: &Matched) -> Vec<Prediction> {
    let mut rows = Vec::new();
    for (job, matches) in jobs.iter().zip(&matched.of_job) {
        for found in matches.clone() {
            let Match { name, sentence, .. } = &found;
            assert!(
                definitions()
                    .iter()
                    .any(|row| { row.attribute_id == found.attribute_id && row.name == *name })
            );
            let range = found.sentence_start as usize..found.sentence_end as usize;
            assert_eq!(job.text[range], *sentence);
            rows.push(Prediction {
                job_id: job.job_id.clone(),
                attribute_id: found.attribute_id,
                rank: found.rank,
                score: found.score,
                bi_score: found.bi_score,
                cross_score: found.cross_score,
                decided: found.decided,
                sentence_start: Some(found.sentence_start),
                sentence_end: Some(found.sentence_end),
            });
        }
    }
    rows
}

#[test]
fn golden_jobs_get_the_predictions_of_the_evaluation() {
    let setting = Setting::new();
    let overlap = Scorer::new("overlap", overlap);
    // A scorer whose scores are equal everywhere leaves the order to the ids.
    let flat = Scorer::new("flat", |_: &str, _: &str| 0.5);
    let scorers: [Option<&dyn PairScorer>; 3] = [None, Some(&overlap), Some(&flat)];
    for scorer in scorers {
        let decision = dev_decision(&setting, scorer);
        let how = How::Apply(&decision);
        let evaluation = setting.run(Split::Golden, scorer, how, &config()).unwrap();
        let matcher = Matcher::new(models(&setting, scorer), &decision)
            .unwrap()
            .wanting(ALL);
        let mut jobs = golden(&setting);
        jobs.sort_by(|a, b| a.job_id.cmp(&b.job_id));
        let matched = matcher.matches(&jobs, &mut |_, _, _| {}).unwrap();
        let rows = as_predictions(&jobs, &matched);
        assert_eq!(rows, evaluation.predictions);
        let evaluated = &evaluation.metrics.evaluated;
        let counts = matched.counts;
        assert_eq!(counts.jobs, evaluated.jobs as u64);
        assert_eq!(counts.sentences, evaluated.queries as u64);
        assert_eq!(counts.distinct_texts, evaluated.distinct_texts as u64);
        assert_eq!(counts.candidates, evaluated.candidates as u64);
        assert_eq!(counts.reranked_pairs, evaluated.reranked_pairs as u64);
        let decided = rows.iter().filter(|row| row.decided).count();
        assert_eq!(counts.decided, decided as u64);
    }
}

#[test]
fn what_is_not_wanted_is_left_out_and_jobs_keep_their_order() {
    let setting = Setting::new();
    let mut decision = dev_decision(&setting, None);
    let mut jobs = golden(&setting);
    jobs.truncate(4);
    jobs[1].text = "\n \n".to_owned();
    jobs[3] = jobs[0].clone();
    let matches = |decision: &Decision, wanted| {
        let matcher = Matcher::new(models(&setting, None), decision).unwrap();
        let quiet = &mut |_, _, _| {};
        matcher.wanting(wanted).matches(&jobs, quiet).unwrap()
    };
    let all = matches(&decision, ALL);
    let decided = matches(&decision, Wanted::default());
    assert_eq!(all.counts, decided.counts);
    assert_eq!((all.counts.jobs, all.counts.jobs_without_sentences), (4, 1));
    assert!(all.of_job[1].is_empty() && decided.of_job[1].is_empty());
    // Each row is a job of its own, whatever its id.
    assert_eq!(all.of_job[0], all.of_job[3]);
    for (all, decided) in all.of_job.iter().zip(&decided.of_job) {
        let yes: Vec<Match> = all.iter().filter(|row| row.decided).cloned().collect();
        assert_eq!(*decided, yes);
        assert!(all.len() > decided.len() || all.is_empty());
    }
    let two = matches(&decision, Wanted { top: 2, ..ALL });
    for (all, two) in all.of_job.iter().zip(&two.of_job) {
        assert_eq!(two[..], all[..all.len().min(2)]);
    }

    decision.threshold = 2.0;
    let none = matches(&decision, Wanted::default());
    assert!(none.of_job.iter().all(Vec::is_empty));
    assert_eq!(none.counts.jobs_without_attributes, 4);
    let wanted = Wanted {
        nearest: 3,
        ..Wanted::default()
    };
    let nearest = matches(&decision, wanted);
    let lengths: Vec<usize> = nearest.of_job.iter().map(Vec::len).collect();
    assert_eq!(lengths, [3, 0, 3, 3]);
    assert!(nearest.of_job.iter().flatten().all(|row| !row.decided));
    let nothing = Matcher::new(models(&setting, None), &decision).unwrap();
    let nothing = nothing.matches(&[], &mut |_, _, _| {}).unwrap();
    assert_eq!((nothing.of_job.len(), nothing.counts.jobs), (0, 0));
}

#[test]
fn an_attribute_in_several_sentences_is_proved_by_the_best_of_them() {
    let setting = Setting::new();
    let decision = dev_decision(&setting, None);
    let text = "You sometimes weld pipes on ships and elsewhere.\n- weld pipes\n- You weld pipes.";
    let jobs = [job("new", "new", Split::Golden, text)];
    let matcher = Matcher::new(models(&setting, None), &decision).unwrap();
    let matched = matcher.matches(&jobs, &mut |_, _, _| {}).unwrap();
    let first = &matched.of_job[0][0];
    assert_eq!((first.name.as_str(), first.rank), ("weld pipes", 1));
    assert!(first.sentence.ends_with("weld pipes"), "{first:?}");
    assert!((first.bi_score - 1.0).abs() < 1e-6);
}

#[test]
fn other_models_are_refused() {
    let setting = Setting::new();
    let decision = dev_decision(&setting, None);
    let scorer = Scorer::new("overlap", overlap);
    let with_scorer = Matcher::new(models(&setting, Some(&scorer)), &decision);
    assert!(matches!(with_scorer, Err(Error::ForeignDecision { .. })));
    let other = Words::new("other");
    let foreign = Models {
        embedder: &other,
        ..models(&setting, None)
    };
    let of_decision = Matcher::new(foreign, &decision);
    assert!(matches!(of_decision, Err(Error::ForeignDecision { .. })));
    let mut decision = decision;
    decision.bi_encoder = "other".to_owned();
    let of_index = Matcher::new(foreign, &decision);
    assert!(matches!(of_index, Err(Error::ForeignIndex { .. })));
}
