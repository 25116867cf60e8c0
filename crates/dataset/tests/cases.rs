//! Small cases, written out.
#![allow(clippy::unwrap_used)] // a test that unwraps fails where it should

mod common;

use std::collections::BTreeMap;

use common::{Output, TEXT, job, label, of, positives_only, run};
use jobmatch_dataset::{Config, Conflicts, Flow, Inputs, Unit};
use jobmatch_records::{Evidence, Job, Kind, Label, Sentence, Split};

/// The train pairs as `job attribute label source text`.
fn lines(output: &Output) -> Vec<String> {
    let mut lines = Vec::new();
    for pair in &output.train {
        let source = format!("{:?}", pair.source).to_lowercase();
        lines.push(format!(
            "{} {} {} {source} {}",
            pair.job_id, pair.attribute_id, pair.label, pair.text
        ));
    }
    lines
}

fn removed(flow: &Flow) -> Vec<(&str, u64)> {
    let removed: &BTreeMap<String, u64> = &flow.removed;
    removed
        .iter()
        .map(|(reason, rows)| (reason.as_str(), *rows))
        .collect()
}

fn span(text: &str, part: &str) -> Option<Evidence> {
    let start = text.find(part).unwrap();
    Some(Evidence::Span {
        start: start as u64,
        end: (start + part.len()) as u64,
    })
}

fn quote(text: &str) -> Option<Evidence> {
    Some(Evidence::Quote(text.into()))
}

fn check(config: &Config, labels: Vec<Label>, expected: &[&str]) -> Output {
    let output = run(config, 1, &of(vec![job("j", TEXT)], labels)).unwrap();
    assert_eq!(lines(&output), expected);
    output
}

#[test]
fn a_label_finds_its_sentence() {
    let config = positives_only();
    let records = "j records 1 evidence Keep the sales records.";
    // By span, by quote, and by BM25.
    check(
        &config,
        vec![label("j", "records", true, span(TEXT, "the sales rec"))],
        &[records],
    );
    check(
        &config,
        vec![label("j", "records", true, quote("keep the SALES records"))],
        &[records],
    );
    let output = check(
        &config,
        vec![label("j", "records", true, None)],
        &["j records 1 aligned Keep the sales records."],
    );
    assert!(output.train[0].alignment_score.unwrap() > 0.5);
    // A span over two sentences shows both.
    check(
        &config,
        vec![label(
            "j",
            "dance",
            true,
            span(
                TEXT,
                "Paint the walls of our halls.\n- Sell ships and boats",
            ),
        )],
        &[
            "j dance 1 evidence Paint the walls of our halls.",
            "j dance 1 evidence Sell ships and boats.",
        ],
    );
    // A quote that is nowhere is counted and aligned.
    let output = check(
        &config,
        vec![label("j", "paint", true, quote("paint the town red"))],
        &["j paint 1 aligned Paint the walls of our halls."],
    );
    assert_eq!(output.report.alignment.quotes_not_found, 1);
}

#[test]
fn headings_show_evidence_and_are_not_aligned() {
    let sell = label("j", "sell", true, None);
    check(
        &positives_only(),
        vec![
            label("j", "duties", true, span(TEXT, "Duties")),
            sell.clone(),
        ],
        &[
            "j duties 1 evidence Duties",
            "j sell 1 aligned Sell ships and boats.",
        ],
    );
    let output = check(
        &positives_only(),
        vec![label("j", "duties", true, None), sell.clone()],
        &["j sell 1 aligned Sell ships and boats."],
    );
    assert_eq!(
        removed(&output.report.placed),
        [("unaligned_below_min_alignment", 1)]
    );
    let config = Config {
        align_headings: true,
        ..positives_only()
    };
    check(
        &config,
        vec![label("j", "duties", true, None), sell],
        &[
            "j duties 1 aligned Duties",
            "j sell 1 aligned Sell ships and boats.",
        ],
    );
}

#[test]
fn contradictions_follow_the_rule() {
    let labels = vec![
        label("j", "records", true, span(TEXT, "Keep the sales records")),
        label("j", "records", false, None),
        label("j", "paint", true, None),
    ];
    let paint = "j paint 1 aligned Paint the walls of our halls.";
    for (conflicts, first, lost) in [
        (
            Conflicts::Negative,
            Some("j records 0 given Keep the sales records."),
            1,
        ),
        (
            Conflicts::Positive,
            Some("j records 1 evidence Keep the sales records."),
            1,
        ),
        (Conflicts::Drop, None, 2),
    ] {
        let config = Config {
            conflicts,
            ..positives_only()
        };
        let expected: Vec<&str> = first.into_iter().chain([paint]).collect();
        let output = check(&config, labels.clone(), &expected);
        assert_eq!(removed(&output.report.labels), [("conflict", lost)]);
    }
}

#[test]
fn repetitions_are_counted() {
    let records = span(TEXT, "Keep the sales records.");
    let output = check(
        &positives_only(),
        vec![
            label("j", "records", true, None),
            label("j", "records", true, records.clone()),
            label("j", "records", true, records),
            label("j", "records", true, quote("sales records")),
        ],
        &["j records 1 evidence Keep the sales records."],
    );
    // One row says nothing new, one is the same; the quote is evidence of its own for one sentence.
    assert_eq!(removed(&output.report.labels), [("repeated", 2)]);
    assert_eq!(removed(&output.report.pairs), [("repeated", 1)]);
}

#[test]
fn copies_of_jobs_leave_and_their_labels_stay_known() {
    let copy = TEXT.replace("- ", "* ").replace('\n', "\n\n");
    let mut inputs = of(
        vec![job("a", &copy), job("b", TEXT)],
        vec![
            label("a", "records", true, None),
            label("b", "paint", true, None),
            label("b", "sell", true, None),
            label("b", "duties", true, None),
        ],
    );
    let config = Config {
        dev_share: 0.0,
        negatives: 9,
        ..Config::default()
    };
    let output = run(&config, 1, &inputs).unwrap();
    assert_eq!(removed(&output.report.jobs), [("copy_of_other_job", 1)]);
    assert_eq!(removed(&output.report.labels), [("copy_of_other_job", 3)]);
    assert_eq!(
        lines(&output),
        [
            "a records 1 aligned Keep the sales records.",
            "a dance 0 random Keep the sales records.",
        ]
    );
    assert_eq!(
        removed(&output.report.negatives),
        [("no_attribute_left", 8)]
    );

    // Of a golden job's text nothing is left.
    inputs.jobs[1].split = Some(Split::Golden);
    inputs.jobs.push(job("c", "Dance and sing all day long."));
    inputs.labels.push(label("c", "dance", true, None));
    let refused = run(&config, 1, &inputs).err().unwrap().to_string();
    assert!(
        refused.ends_with("golden job `b` is a near copy of job `a` (similarity 1.00)"),
        "{refused}"
    );
    let config = Config {
        allow_leak: true,
        ..config
    };
    let output = run(&config, 1, &inputs).unwrap();
    assert_eq!(
        removed(&output.report.jobs),
        [("copy_of_golden_job", 1), ("golden", 1)]
    );
    assert!(output.train.iter().all(|pair| pair.job_id == "c"));
    assert!(output.positives.iter().all(|row| row.job_id == "c"));
}

#[test]
fn labels_of_the_golden_file_make_their_jobs_golden() {
    let mut golden = label("b", "sell", true, None);
    golden.source = "golden_labels.csv.gz".into();
    let inputs = of(
        vec![job("a", TEXT), job("b", "We sell ships.")],
        vec![
            label("a", "paint", true, None),
            label("b", "sell", true, None),
            golden,
        ],
    );
    let output = run(&positives_only(), 1, &inputs).unwrap();
    assert_eq!(
        lines(&output),
        ["a paint 1 aligned Paint the walls of our halls."]
    );
    assert_eq!(
        removed(&output.report.labels),
        [("golden_file", 1), ("golden_job", 1)]
    );
}

#[test]
fn a_sentence_of_train_is_not_in_dev() {
    let inputs = of(
        vec![
            Job {
                split: Some(Split::Dev),
                ..job("dev", "- Sell ships and boats.\n- Paint every wall.")
            },
            Job {
                split: Some(Split::Train),
                ..job("train", TEXT)
            },
        ],
        vec![
            label("dev", "sell", true, None),
            label("dev", "paint", true, None),
            label("train", "sell", true, None),
        ],
    );
    let output = run(&positives_only(), 1, &inputs).unwrap();
    assert_eq!(
        lines(&output),
        ["train sell 1 aligned Sell ships and boats."]
    );
    assert_eq!(output.dev.len(), 1);
    assert_eq!(output.dev[0].text, "Paint every wall.");
    assert_eq!(
        removed(&output.report.pairs),
        [("dev_text_stands_in_train", 1)]
    );
}

#[test]
fn sentences_too_short_or_too_long_make_no_pair() {
    let config = Config {
        min_chars: 23,
        max_chars: 25,
        ..positives_only()
    };
    let output = check(
        &config,
        vec![
            label("j", "records", true, span(TEXT, "Keep the sales records.")),
            label("j", "duties", true, span(TEXT, "Duties")),
            label(
                "j",
                "paint",
                true,
                span(TEXT, "Paint the walls of our halls."),
            ),
            label("j", "sell", true, None),
        ],
        &["j records 1 evidence Keep the sales records."],
    );
    // What BM25 may choose from is within the limits already.
    assert_eq!(
        removed(&output.report.placed),
        [("unaligned_below_min_alignment", 1)]
    );
    assert_eq!(
        removed(&output.report.pairs),
        [("too_long", 1), ("too_short", 1)]
    );
}

#[test]
fn job_unit_takes_the_whole_text() {
    let config = Config {
        unit: Unit::Job,
        dev_share: 0.0,
        ..Config::default()
    };
    let labels = vec![
        label("j", "records", true, span(TEXT, "Keep the sales records.")),
        label("j", "records", true, span(TEXT, "Sell")),
        label("j", "paint", false, None),
    ];
    let output = run(&config, 1, &of(vec![job("j", TEXT)], labels)).unwrap();
    let kinds: Vec<(f32, bool)> = output
        .train
        .iter()
        .map(|pair| (pair.label, pair.positive_id.is_some()))
        .collect();
    assert_eq!(kinds, [(1.0, false), (0.0, true), (0.0, false)]);
    let text = "Duties Keep the sales records. Paint the walls of our halls. Sell ships and boats.";
    assert!(output.train.iter().all(|pair| pair.text == text));
    assert!(output.train.iter().all(|pair| pair.start.is_none()));
    assert_eq!(removed(&output.report.pairs), [("repeated", 1)]);
}

#[test]
fn given_sentences_equal_those_found_here() {
    let jobs = vec![
        job("j", TEXT),
        job("k", "Dance.\nThen dance again, and sell ships."),
    ];
    let labels = vec![
        label("j", "records", true, None),
        label("j", "duties", true, span(TEXT, "Duties")),
        label("k", "sell", true, None),
    ];
    let mut inputs = of(jobs, labels);
    let found = run(&Config::default(), 3, &inputs).unwrap();

    let segmenter = jobmatch_segment::Segmenter::english();
    let mut sentences = Vec::new();
    for job in &inputs.jobs {
        for (index, sentence) in (0u32..).zip(segmenter.sentences(&job.text)) {
            let text = &job.text[sentence.start..sentence.end];
            sentences.push(Sentence {
                job_id: job.job_id.clone(),
                index,
                start: sentence.start as u64,
                end: sentence.end as u64,
                text: text.to_owned(),
                clean: jobmatch_segment::clean(text).text,
                kind: match sentence.kind {
                    jobmatch_segment::Kind::Heading => Kind::Heading,
                    jobmatch_segment::Kind::Bullet => Kind::Bullet,
                    jobmatch_segment::Kind::Prose => Kind::Prose,
                },
            });
        }
    }
    inputs.sentences = Some(sentences.clone());
    assert_eq!(
        run(&Config::default(), 3, &inputs).unwrap().files,
        found.files
    );

    let refusal = |sentences: Vec<Sentence>| {
        let inputs = Inputs {
            sentences: Some(sentences),
            ..inputs.clone()
        };
        run(&Config::default(), 3, &inputs)
            .err()
            .unwrap()
            .to_string()
    };
    let mut moved = sentences.clone();
    moved[1].start += 1;
    assert_eq!(
        refusal(moved),
        "the sentences do not belong to these jobs: sentence 1 of job `j` is not what stands at its place in the \
         job's text; segment this jobs file again"
    );
    sentences[0].job_id = "x".into();
    assert_eq!(
        refusal(sentences),
        "the sentences do not belong to these jobs: sentence 0 of job `x` belongs to a job that is not there; \
         segment this jobs file again"
    );
}

#[test]
fn hard_negatives_come_first_and_are_never_right() {
    let mut inputs = of(
        vec![job("a", TEXT), job("b", "Dance all night long.")],
        vec![
            label("a", "records", true, None),
            label("b", "dance", true, None),
        ],
    );
    // Of `a`: one that is right, one known to be right by another name, two good ones. Of `b`: none.
    inputs.hard_negatives = ["records", "paint", "dance"]
        .map(|attribute| label("a", attribute, true, None))
        .to_vec();
    inputs.hard_negatives.push(label("b", "dance", true, None));
    let config = Config {
        dev_share: 0.0,
        negatives: 3,
        hard_negatives: 2,
        ..Config::default()
    };
    let output = run(&config, 1, &inputs).unwrap();
    let sources = |job: &str| -> Vec<String> {
        let pairs = output.train.iter().filter(|pair| pair.job_id == job);
        pairs
            .map(|pair| format!("{} {:?}", pair.attribute_id, pair.source))
            .collect()
    };
    assert_eq!(sources("a")[1..3], ["paint Hard", "dance Hard"]);
    assert!(sources("a")[3].ends_with("Random"));
    assert!(
        sources("b")[1..]
            .iter()
            .all(|source| source.ends_with("Random"))
    );
    assert_eq!(output.report.train.by_source["0 hard"], 2);
    assert_eq!(output.report.hard_negatives.rows_out, 4);
}
