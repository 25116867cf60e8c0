//! The whole evaluation with toy models.
#![allow(clippy::unwrap_used, reason = "a test's panic is its failure")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use jobmatch_dataset::DevHalves;
use jobmatch_evaluation::{
    Decision, Error, Evaluation, EvaluationConfig, How, Inputs, Models, PairScorer, PassageIndex,
    ReportContext, Unit, evaluate, system_name,
};
use jobmatch_metrics::{Measure, Qrels, Run};
use jobmatch_records::{Job, Kind, Label, Prediction, Sentence, Split, read_all};
use support::*;

fn config() -> EvaluationConfig {
    EvaluationConfig {
        resamples: 50,
        ..EvaluationConfig::default()
    }
}

struct Setting {
    jobs: Vec<Job>,
    labels: Vec<Label>,
    embedder: Words,
    passages: PassageIndex,
}

impl Setting {
    fn new() -> Self {
        let (jobs, labels) = everything();
        let embedder = Words::new("words");
        let passages = index(&definitions(), &embedder);
        Self {
            jobs,
            labels,
            embedder,
            passages,
        }
    }

    fn run(
        &self,
        split: Split,
        scorer: Option<&dyn PairScorer>,
        how: How<'_>,
        config: &EvaluationConfig,
    ) -> Result<Evaluation, Error> {
        let inputs = Inputs {
            split,
            jobs: &self.jobs,
            sentences: None,
            labels: &self.labels,
        };
        let models = Models {
            passages: &self.passages,
            embedder: &self.embedder,
            scorer,
        };
        evaluate(&inputs, &models, how, config, &mut |_, _, _| {})
    }
}

fn cosine(a: &str, b: &str) -> f32 {
    vector(a).iter().zip(vector(b)).map(|(a, b)| a * b).sum()
}

#[test]
fn a_jobs_score_is_the_maximum_over_its_sentences_and_the_proof_gave_it() {
    let setting = Setting::new();
    let all = EvaluationConfig {
        sentence_top_k: 64,
        ..config()
    };
    let decision = setting
        .run(Split::Dev, None, How::Choose, &all)
        .unwrap()
        .decision;
    let evaluation = setting
        .run(Split::Golden, None, How::Apply(&decision), &all)
        .unwrap();
    let texts: BTreeMap<&str, &str> = setting
        .jobs
        .iter()
        .map(|job| (job.job_id.as_str(), job.text.as_str()))
        .collect();
    let names: BTreeMap<String, String> = definitions()
        .into_iter()
        .map(|definition| (definition.attribute_id, definition.name))
        .collect();
    let mut seen = BTreeSet::new();
    for row in &evaluation.predictions {
        let text = texts[row.job_id.as_str()];
        let name = &names[&row.attribute_id];
        let best = text
            .lines()
            .map(|line| cosine(line, name))
            .fold(f32::MIN, f32::max);
        assert!((row.bi_score - best).abs() < 1e-6, "{row:?} {best}");
        let (start, end) = (
            row.sentence_start.unwrap() as usize,
            row.sentence_end.unwrap() as usize,
        );
        assert!(
            (cosine(&text[start..end], name) - best).abs() < 1e-6,
            "{row:?}"
        );
        assert!(seen.insert((row.job_id.clone(), row.attribute_id.clone())));
        assert_eq!(row.decided, row.score >= evaluation.decision.threshold);
    }
    // Fewer attributes than candidates: every job has them all, ranked from 1.
    assert_eq!(seen.len(), 24 * 64);
    let ranks: Vec<u32> = evaluation.predictions[..64]
        .iter()
        .map(|row| row.rank)
        .collect();
    assert_eq!(ranks, (1..=64).collect::<Vec<_>>());
}

fn dev_decision(setting: &Setting, scorer: Option<&dyn PairScorer>) -> Decision {
    setting
        .run(Split::Dev, scorer, How::Choose, &config())
        .unwrap()
        .decision
}

#[test]
fn each_distinct_text_is_embedded_once_and_each_distinct_pair_scored_once() {
    let setting = Setting::new();
    let scorer = Scorer::new("overlap", overlap);
    let evaluation = setting
        .run(Split::Dev, Some(&scorer), How::Choose, &config())
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
fn a_decision_of_dev_decides_golden() {
    let setting = Setting::new();
    let scorer = Scorer::new("overlap", overlap);
    let dev = setting
        .run(Split::Dev, Some(&scorer), How::Choose, &config())
        .unwrap();
    assert!(dev.metrics.chosen_here && dev.decision.promise.f1 > 0.5);
    // What is promised is what was measured where it was chosen.
    let last = dev.metrics.systems.last().unwrap();
    assert_eq!(last.name, system_name::TWO_STAGE);
    let decided = last.decided.unwrap();
    assert_eq!(
        (decided.threshold, decided.quality.f1),
        (dev.decision.threshold, dev.decision.promise.f1)
    );
    assert!(
        dev.metrics
            .alphas
            .iter()
            .all(|point| point.ndcg_at_10 <= last.ranking["ndcg@10"] + 1e-12)
    );

    let golden = setting
        .run(
            Split::Golden,
            Some(&scorer),
            How::Apply(&dev.decision),
            &config(),
        )
        .unwrap();
    assert_eq!(golden.decision, dev.decision);
    assert!(!golden.metrics.chosen_here && golden.metrics.alphas.is_empty());
    let names: Vec<&str> = golden
        .metrics
        .systems
        .iter()
        .map(|system| system.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "popularity",
            "bm25",
            "bi-encoder",
            "cross-encoder",
            "two-stage"
        ]
    );
    for system in &golden.metrics.systems {
        assert_eq!(
            system.decided.map(|at| at.threshold),
            dev.decision.system_thresholds.get(&system.name).copied()
        );
        // 64 candidates are asked for as 100: what is cut at 100 can be measured.
        assert!(system.ranking.contains_key("recall@100") && system.intervals.contains_key("f1"));
    }
    let decided = golden.predictions.iter().filter(|row| row.decided).count();
    assert_eq!(
        decided as u64,
        golden.metrics.systems[4].decided.unwrap().quality.decided
    );
    assert!(
        golden.metrics.systems[4].ranking["recall@10"]
            > golden.metrics.systems[0].ranking["recall@10"]
    );
    assert!(
        golden.metrics.verdict.starts_with("On 24 golden jobs, "),
        "{}",
        golden.metrics.verdict
    );
    // Each line names its attribute in full, and the toy finds it.
    let proof = golden.metrics.proof.unwrap();
    assert_eq!(
        (proof.pairs > 60, proof.share > 0.9),
        (true, true),
        "{proof:?}"
    );
}

#[test]
fn a_decision_is_not_chosen_on_golden_nor_used_with_other_models() {
    let mut setting = Setting::new();
    let scorer = Scorer::new("overlap", overlap);
    let message = |result: Result<Evaluation, Error>| result.unwrap_err().to_string();
    assert_eq!(
        message(setting.run(Split::Golden, None, How::Choose, &config())),
        "a decision is chosen on dev, never on golden: evaluate dev with `choose`, then golden with its decision"
    );
    let plain = dev_decision(&setting, None);
    let both = dev_decision(&setting, Some(&scorer));
    let with = |setting: &Setting, decision: &Decision, scorer: Option<&dyn PairScorer>| {
        message(setting.run(Split::Golden, scorer, How::Apply(decision), &config()))
    };
    assert!(
        with(&setting, &plain, Some(&scorer)).contains("without a cross-encoder, and one is given")
    );
    assert!(
        with(&setting, &both, None).contains("with the cross-encoder overlap, and none is given")
    );
    let other = Scorer::new("other", overlap);
    assert!(
        with(&setting, &both, Some(&other))
            .contains("with the cross-encoder overlap, and this is other")
    );
    setting.embedder = Words::new("other words");
    assert!(
        with(&setting, &plain, None).contains("with the bi-encoder words, and this is other words")
    );
    let error = setting
        .run(Split::Dev, None, How::Choose, &config())
        .unwrap_err();
    assert!(matches!(error, Error::ForeignIndex { .. }), "{error}");
}

#[test]
fn a_scorer_without_an_opinion_gains_nothing_from_the_order_of_candidates() {
    let flat = Scorer::new("flat", |_: &str, _: &str| 0.25);
    let mut setting = Setting::new();
    let first = setting
        .run(Split::Dev, Some(&flat), How::Choose, &config())
        .unwrap();
    let of = |evaluation: &Evaluation, name: &str| {
        let systems = &evaluation.metrics.systems;
        systems
            .iter()
            .find(|system| system.name == name)
            .unwrap()
            .ranking
            .clone()
    };
    // Nothing to gain, so the bi-encoder decides alone.
    assert_eq!(first.decision.alpha, 1.0);
    assert_eq!(
        of(&first, system_name::TWO_STAGE),
        of(&first, system_name::BI_ENCODER)
    );

    // Other rows, other jobs first, other labels first: the same numbers, those of the flat scorer by itself included.
    let mut turned = definitions();
    turned.reverse();
    setting.passages = index(&turned, &setting.embedder);
    setting.jobs.reverse();
    setting.labels.reverse();
    let second = setting
        .run(Split::Dev, Some(&flat), How::Choose, &config())
        .unwrap();
    assert_eq!(first.metrics.systems, second.metrics.systems);
    assert_eq!(first.decision, second.decision);

    // Alone it orders the candidates by id, highest first, as ties fall.
    let alone = of(&first, system_name::CROSS_ENCODER)["r_precision@5"];
    assert!(alone < of(&first, system_name::BI_ENCODER)["r_precision@5"]);
}

#[test]
fn the_trec_files_say_what_the_metrics_say() {
    let setting = Setting::new();
    let scorer = Scorer::new("overlap", overlap);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let evaluation = setting
            .run(Split::Dev, Some(&scorer), How::Choose, &config())
            .unwrap();
        let out = folder.path().join(name);
        std::fs::create_dir(&out).unwrap();
        let context = ReportContext {
            title: "Toys & <tests>".to_owned(),
            lineage: vec![("jobs".to_owned(), "blake3:00".to_owned())],
            attribution: "Made up.".to_owned(),
        };
        evaluation.write(&out, &context).unwrap();
        (evaluation, out)
    };
    let (evaluation, out) = write("a");
    let run = Run::read(&out.join("run.trec")).unwrap();
    let qrels = Qrels::read(&out.join("qrels.trec")).unwrap();
    let again =
        jobmatch_metrics::evaluate(&run, &qrels, &[Measure::Ndcg(10), Measure::RPrecision(5)])
            .unwrap();
    let last = evaluation.metrics.systems.last().unwrap();
    for measure in [Measure::Ndcg(10), Measure::RPrecision(5)] {
        assert!((again.mean(measure).unwrap() - last.ranking[&measure.to_string()]).abs() < 1e-12);
    }
    let rows: Vec<Prediction> = read_all(&out.join("predictions.parquet")).unwrap();
    assert_eq!(rows, evaluation.predictions);
    assert_eq!(
        Decision::read(&out.join("decision.json")).unwrap(),
        evaluation.decision
    );
    let metrics: jobmatch_evaluation::Metrics =
        serde_json::from_str(&std::fs::read_to_string(out.join("metrics.json")).unwrap()).unwrap();
    assert_eq!(metrics, evaluation.metrics);

    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(
        page.contains("Toys &amp; &lt;tests&gt;: evaluation on dev") && !page.contains("<tests>")
    );
    assert!(page.contains("Made up.") && page.contains("<svg") && page.contains("<mark>"));
    assert!(
        !page.contains("http://")
            || page.matches("http://").count()
                == page.matches("http://www.w3.org/2000/svg").count()
    );

    // The same bytes again.
    let (_, twin) = write("b");
    for file in [
        "metrics.json",
        "decision.json",
        "predictions.parquet",
        "run.trec",
        "qrels.trec",
        "report.html",
    ] {
        assert_eq!(
            std::fs::read(out.join(file)).unwrap(),
            std::fs::read(twin.join(file)).unwrap(),
            "{file}"
        );
    }
}

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
        let found = system.unseen.as_ref().unwrap();
        assert_eq!(
            (found.attributes, found.positives),
            (attributes.len(), pairs.len())
        );
    }
    // What never occurs in training is never popular.
    let popularity = &evaluation.metrics.systems[0];
    assert_eq!(
        (
            popularity.name.as_str(),
            popularity.unseen.as_ref().unwrap().recall
        ),
        ("popularity", 0.0)
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
            .all(|system| system.unseen.is_none())
    );
}

fn labelled<'a>(setting: &'a Setting, split: &'a str) -> impl Iterator<Item = &'a Label> {
    setting
        .labels
        .iter()
        .filter(move |label| label.job_id.starts_with(split))
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
