//! Evaluations as run: compared with each other, and refused where the models learned from what they are measured on.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;

use common::{BI, BOTH, Place, evaluate, place_with_decisions, place_with_everything};
use jobmatch_evaluation::{Comparison, Metrics};
use jobmatch_records::{Job, ReadOptions, Split, read_jobs};

const EVALUATE: &str =
    "--labels labels.csv golden_labels.csv --definitions definitions.tsv --quiet";

fn metrics(place: &Place, folder: &str) -> Metrics {
    serde_json::from_str(&place.read(&format!("{folder}/metrics.json"))).unwrap()
}

/// With `golden-bi` and `golden-both` beside the decisions.
fn place_with_evaluations() -> Place {
    let place = place_with_decisions();
    for (name, models) in [("bi", BI), ("both", BOTH)] {
        let how = format!("--split golden --decision dev-{name} --output golden-{name}");
        evaluate(&place, &format!("{models} {how}"));
    }
    place
}

#[test]
fn two_evaluations_are_compared() {
    let place = place_with_evaluations();
    let ended = place.run("jobmatch-compare", "golden-bi golden-both --json --quiet");
    let found: Comparison = serde_json::from_str(&ended.success().stdout).unwrap();
    assert_eq!(found.systems, ["bi-encoder", "two-stage"]);
    let f1 = found.measures.iter().find(|m| m.measure == "f1").unwrap();
    for (value, folder) in [(f1.a, "golden-bi"), (f1.b, "golden-both")] {
        let metrics = metrics(&place, folder);
        let decided = metrics.systems.last().unwrap().decided.unwrap();
        assert!((value - decided.quality.f1).abs() < 1e-12);
    }

    let table = place.run(
        "jobmatch-compare",
        "golden-bi golden-both --quiet --output diff",
    );
    let table = table.success().stdout;
    assert!(table.contains("A: bi-encoder   B: two-stage"), "{table}");
    assert!(
        table.contains("r_precision@5") && table.contains("B - A"),
        "{table}"
    );
    let kept: Comparison = serde_json::from_str(&place.read("diff/comparison.json")).unwrap();
    assert_eq!(kept, found);
    let changed = place.read("diff/changed_jobs.csv");
    assert_eq!(changed.lines().next().unwrap().split(',').count(), 8);

    place.refuses(
        "jobmatch-compare",
        "golden-bi dev-bi",
        "the first evaluation has 16 jobs, the second 8, and 0 are in both: evaluate the same jobs, or compare those in both \
         with --common",
    );
    place.refuses(
        "jobmatch-compare",
        "golden-bi index",
        "cannot read index/metrics.json\n  because: No such file or directory (os error 2)",
    );
}

#[test]
fn a_page_tells_what_the_metrics_tell() {
    let place = place_with_evaluations();
    let page = place.read("golden-both/report.html");
    let metrics = metrics(&place, "golden-both");
    assert!(page.contains("two-stage") && page.contains("bi-encoder-by-job"));
    assert!(
        !page.contains("src=") && !page.contains("href=\"http"),
        "it needs the network"
    );
    assert_eq!(metrics.leaks, None, "the tiny models were not trained here");
    assert!(page.contains("it could not be checked that these jobs are new to them"));
    assert_eq!(metrics.promises.len(), 9);
}

/// The jobs of the place, the text of a golden one being that of a training job.
fn with_a_leak(place: &Place) -> String {
    let (mut jobs, _) = read_jobs(&place.path("jobs.csv"), &ReadOptions::default()).unwrap();
    let of = |jobs: &[Job], split| {
        jobs.iter()
            .position(|job| job.split == Some(split))
            .unwrap()
    };
    let labelled = place.read("labels.csv");
    let train = jobs
        .iter()
        .position(|job| {
            job.split == Some(Split::Train) && labelled.contains(&format!("{},", job.job_id))
        })
        .unwrap();
    let golden = of(&jobs, Split::Golden);
    jobs[golden].text = format!("  {}\n\n", jobs[train].text.to_uppercase());
    let lines: String = jobs
        .iter()
        .map(|job| {
            let row = serde_json::json!({
                "job_id": job.job_id, "text": job.text, "split": job.split, "group_id": job.group_id,
            });
            format!("{row}\n")
        })
        .collect();
    place.write("leaking.jsonl", lines);
    jobs[golden].job_id.clone()
}

#[test]
fn golden_jobs_that_were_learned_from_are_refused() {
    let place = place_with_everything();
    let train = "--dataset dataset --model bi --definitions definitions.tsv --max-steps 1 --batch-size 4 --quiet";
    place
        .run(
            "jobmatch-train-biencoder",
            &format!("{train} --output first"),
        )
        .success();
    // What the first knew, the second knows too, once.
    let again = train.replace("--model bi", "--model first/model");
    place
        .run(
            "jobmatch-train-biencoder",
            &format!("{again} --output second"),
        )
        .success();
    let leaked = with_a_leak(&place);

    let dev = format!(
        "{EVALUATE} --jobs jobs.csv --biencoder second/model --split dev --choose --output dev"
    );
    place.run("jobmatch-evaluate", &dev).success();
    let check = metrics(&place, "dev").leaks.unwrap();
    assert!(check.learned_jobs > 0 && check.leaks.is_empty());

    let golden = format!("{EVALUATE} --biencoder second/model --split golden --decision dev");
    place
        .run(
            "jobmatch-evaluate",
            &format!("{golden} --jobs jobs.csv --output clean"),
        )
        .success();
    let check = metrics(&place, "clean").leaks.unwrap();
    assert!(check.leaks.is_empty());
    let rows: Vec<jobmatch_records::Fingerprint> = common::rows(&place, "dataset/fingerprints");
    assert_eq!(check.learned_jobs, rows.len() as u64);

    let arguments = format!("{golden} --jobs leaking.jsonl --output leaking");
    let ended = place.run("jobmatch-evaluate", &arguments);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended
            .stderr
            .contains("near copies of jobs that the models learned from")
            && ended.stderr.contains(&format!("job `{leaked}`")),
        "{}",
        ended.stderr
    );
    assert!(!place.path("leaking").exists());
    place
        .run("jobmatch-evaluate", &format!("{arguments} --allow-leak"))
        .success();
    let check = metrics(&place, "leaking").leaks.unwrap();
    assert_eq!(check.leaks.len(), 1);
    assert_eq!(check.leaks[0].job_id, leaked);
    assert!(
        place
            .read("leaking/report.html")
            .contains("near copies of jobs that the models learned from")
    );
}
