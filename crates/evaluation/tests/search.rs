//! What is searched with and in, and models that fail, with toy models.
#![allow(clippy::unwrap_used, reason = "a test's panic is its failure")]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod support;

use std::collections::BTreeSet;

use jobmatch_evaluation::{
    Error, EvaluationConfig, How, Inputs, Models, PassageIndex, Unit, evaluate,
};
use jobmatch_records::{Kind, Sentence, Split};
use support::*;

#[test]
fn each_distinct_text_is_embedded_once_and_each_distinct_pair_scored_once() {
    let setting = Setting::new();
    let scorer = Scorer::new("overlap", overlap);
    let one_unit = EvaluationConfig {
        other_unit: false,
        ..config()
    };
    let evaluation = setting
        .run(Split::Dev, Some(&scorer), How::Choose, &one_unit)
        .unwrap();
    let asked = setting.embedder.asked.borrow();
    let distinct: BTreeSet<&String> = asked.iter().collect();
    assert_eq!(asked.len(), distinct.len());
    let evaluated = &evaluation.metrics.evaluated;
    assert_eq!(
        (evaluated.distinct_texts, evaluated.queries),
        (asked.len(), evaluated.jobs * 4)
    );
    assert!(
        evaluated.distinct_texts < evaluated.queries,
        "the shared line"
    );
    assert_eq!(evaluated.reranked_pairs, scorer.asked.get());
    assert!(scorer.asked.get() <= evaluated.jobs * 20);
}

#[test]
fn sentences_given_are_taken_and_must_fit() {
    let setting = Setting::new();
    let decision = dev_decision(&setting, None);
    let mut sentences = Vec::new();
    for job in &setting.jobs {
        let mut at = 0;
        for (index, line) in (0u32..).zip(job.text.lines()) {
            sentences.push(Sentence {
                job_id: job.job_id.clone(),
                index,
                start: at,
                end: at + line.len() as u64,
                text: line.to_owned(),
                clean: line.trim_start_matches("- ").to_owned(),
                kind: Kind::Bullet,
            });
            at += line.len() as u64 + 1;
        }
    }
    let run = |sentences: &[Sentence]| {
        let inputs = Inputs {
            split: Split::Golden,
            jobs: &setting.jobs,
            sentences: Some(sentences),
            labels: &setting.labels,
            learned: &[],
            definitions: None,
        };
        let models = Models {
            passages: &setting.passages,
            embedder: &setting.embedder,
            scorer: None,
        };
        evaluate(
            &inputs,
            &models,
            How::Apply(&decision),
            &config(),
            &mut |_, _, _| {},
        )
    };
    let given = run(&sentences).unwrap();
    assert_eq!(given.metrics.evaluated.queries, 24 * 4);
    assert!(
        setting
            .embedder
            .asked
            .borrow()
            .iter()
            .any(|text| text.starts_with("You weld"))
    );
    assert_eq!(
        run(&sentences[..400])
            .unwrap()
            .metrics
            .evaluated
            .jobs_without_sentences,
        14
    );

    let golden = sentences
        .iter_mut()
        .find(|sentence| sentence.job_id == "golden000")
        .unwrap();
    golden.end += 1;
    assert!(
        run(&sentences)
            .unwrap_err()
            .to_string()
            .contains("segment them again")
    );
}

#[test]
fn at_job_unit_windows_of_whole_sentences_are_searched() {
    let setting = Setting::new();
    let whole = EvaluationConfig {
        unit: Unit::Job,
        ..config()
    };
    let evaluation = setting.run(Split::Dev, None, How::Choose, &whole).unwrap();
    let evaluated = &evaluation.metrics.evaluated;
    assert_eq!(
        evaluated.queries, evaluated.jobs,
        "they fit into one window"
    );
    assert!(evaluation.metrics.proof.is_none());
    let row = &evaluation.predictions[0];
    let job = setting
        .jobs
        .iter()
        .find(|job| job.job_id == row.job_id)
        .unwrap();
    assert_eq!(
        (row.sentence_start, row.sentence_end),
        (Some(0), Some(job.text.trim_end().len() as u64))
    );

    // 7 words, then three times 9 or 10: two windows of two sentences.
    let narrow = EvaluationConfig {
        window_words: 20,
        ..whole
    };
    let evaluation = setting.run(Split::Dev, None, How::Choose, &narrow).unwrap();
    assert_eq!(
        evaluation.metrics.evaluated.queries,
        2 * evaluation.metrics.evaluated.jobs
    );
    // A golden run takes the unit of its decision, whatever its own settings say.
    let golden = setting
        .run(
            Split::Golden,
            None,
            How::Apply(&evaluation.decision),
            &config(),
        )
        .unwrap();
    assert_eq!(golden.metrics.retrieval, narrow.retrieval());
}

#[test]
fn few_candidates_leave_out_what_they_cannot_show() {
    let setting = Setting::new();
    let few = EvaluationConfig {
        candidates: 12,
        sentence_top_k: 5,
        ..config()
    };
    let evaluation = setting.run(Split::Dev, None, How::Choose, &few).unwrap();
    let last = evaluation.metrics.systems.last().unwrap();
    assert!(last.ranking.contains_key("recall@10") && !last.ranking.contains_key("recall@50"));
    assert!(evaluation.predictions.iter().all(|row| row.rank <= 12));
    let ceiling = evaluation.metrics.ceiling;
    assert_eq!((ceiling.candidates, ceiling.recall <= 1.0), (12, true));
}

#[test]
fn an_index_comes_back_and_knows_its_model_and_definitions() {
    let embedder = Words::new("words");
    let built = index(&definitions(), &embedder);
    let folder = tempfile::tempdir().unwrap();
    built.save(folder.path()).unwrap();
    let loaded = PassageIndex::load(folder.path()).unwrap();
    assert_eq!(
        (loaded.about(), loaded.attributes()),
        (built.about(), built.attributes())
    );
    let query = vector("weld pipes");
    assert_eq!(
        loaded.vectors().search(&query, 9).unwrap(),
        built.vectors().search(&query, 9).unwrap()
    );
    loaded.check_model(&embedder).unwrap();
    assert!(loaded.check_model(&Words::new("other")).is_err());

    let template = "{name}".parse().unwrap();
    loaded.check_definitions(&definitions(), &template).unwrap();
    let stale = |definitions: &[_]| {
        loaded
            .check_definitions(definitions, &template)
            .unwrap_err()
            .to_string()
    };
    assert!(
        stale(&definitions()[1..]).contains("it holds 64 attributes, and there are 63 definitions")
    );
    let mut other = definitions();
    other[3].name.push('s');
    assert!(
        stale(&other)
            .contains("attribute `A03` has passage \"weld engines\" in it, not \"weld enginess\"")
    );
    other[3] = definition("new", "new");
    assert!(stale(&other).contains("attribute `new` is not in it"));

    std::fs::write(folder.path().join("index.json"), "{}").unwrap();
    assert!(matches!(
        PassageIndex::load(folder.path()),
        Err(Error::Json { .. })
    ));
    std::fs::remove_file(folder.path().join("index.json")).unwrap();
    assert!(matches!(
        PassageIndex::load(folder.path()),
        Err(Error::Io { .. })
    ));

    let template = "{name}".parse().unwrap();
    let build = |definitions: &[_]| {
        PassageIndex::build(definitions, &template, &embedder, "Flat", &mut |_, _, _| {})
            .unwrap_err()
    };
    assert!(matches!(build(&[]), Error::NoDefinitions));
    assert!(matches!(
        build(&[definition("a", "x"), definition("a", "y")]),
        Error::DuplicateAttribute { .. }
    ));
    assert!(matches!(
        build(&[definition("a", " ")]),
        Error::EmptyPassage { .. }
    ));
}

/// A model gone wrong in one of several ways.
struct Broken(fn(usize) -> Vec<f32>);

impl jobmatch_evaluation::QueryEmbedder for Broken {
    fn dimension(&self) -> usize {
        2
    }
    fn fingerprint(&self) -> &str {
        "broken"
    }
    fn embed_queries(
        &self,
        texts: &[&str],
        _: &mut dyn FnMut(usize),
    ) -> Result<Vec<f32>, jobmatch_evaluation::ModelError> {
        Ok((self.0)(texts.len()))
    }
    fn embed_passages(
        &self,
        _: &[&str],
        _: &mut dyn FnMut(usize),
    ) -> Result<Vec<f32>, jobmatch_evaluation::ModelError> {
        Ok((self.0)(1))
    }
}

#[test]
fn broken_models_are_noticed() {
    let template = "{name}".parse().unwrap();
    let check = |make: fn(usize) -> Vec<f32>, expected: &str| {
        let error = PassageIndex::build(
            &[definition("a", "weld")],
            &template,
            &Broken(make),
            "Flat",
            &mut |_, _, _| {},
        );
        let message = error.unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    check(
        |_| vec![1.0],
        "returned 1 values while embedding passages, expected 2",
    );
    check(|_| vec![f32::NAN, 0.0], "gave NaN for \"weld\"");
    check(|_| vec![3.0, 4.0], "has length 5, expected 1");

    let setting = Setting::new();
    let wrong = Scorer::new("nan", |_: &str, _: &str| f32::NAN);
    let error = setting
        .run(Split::Dev, Some(&wrong), How::Choose, &config())
        .unwrap_err();
    assert!(matches!(error, Error::ModelValue { .. }), "{error}");
}

#[test]
fn a_model_that_is_wrong_all_the_time_gets_no_weight() {
    let setting = Setting::new();
    let wrong = Scorer::new("wrong", |text: &str, passage: &str| -overlap(text, passage));
    let evaluation = setting
        .run(Split::Dev, Some(&wrong), How::Choose, &config())
        .unwrap();
    assert_eq!(evaluation.decision.alpha, 1.0);
}
