//! From scores to decisions, measures and files, with toy models.
#![allow(clippy::unwrap_used, reason = "a test's panic is its failure")]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod support;

use std::collections::{BTreeMap, BTreeSet};

use jobmatch_evaluation::{
    Decision, Error, Evaluation, EvaluationConfig, How, PairScorer, ReportContext, system_name,
};
use jobmatch_metrics::{Measure, Qrels, Run};
use jobmatch_records::{Prediction, Split, read_all};
use support::*;

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
            "bi-encoder-by-job",
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
    let last = golden.metrics.systems.last().unwrap();
    let decided = golden.predictions.iter().filter(|row| row.decided).count();
    assert_eq!(decided as u64, last.decided.unwrap().quality.decided);
    assert!(last.ranking["recall@10"] > golden.metrics.systems[0].ranking["recall@10"]);
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
