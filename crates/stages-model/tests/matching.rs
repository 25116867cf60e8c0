//! Matching as run: it says what the evaluation says, whatever the input and output, on one process or several, killed or not.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::collections::BTreeMap;
use std::fs;

use common::ranks::{end_well, killed_and_not, start};
use common::{BI, BOTH, Place, evaluate, place_with_decisions, published, rows};
use jobmatch_records::{Job, Match, MatchRow, Prediction, ReadOptions, Split, read_all, read_jobs};

const PROGRAM: &str = "jobmatch-match";
/// The golden jobs in the order of the file.
fn golden_jobs(place: &Place) -> Vec<Job> {
    let (jobs, _) = read_jobs(&place.path("jobs.csv"), &ReadOptions::default()).unwrap();
    let golden = jobs.into_iter();
    golden
        .filter(|job| job.split == Some(Split::Golden))
        .collect()
}

fn json_lines(jobs: &[Job]) -> String {
    let line = |job: &Job| {
        let value = serde_json::json!({"job_id": job.job_id, "text": job.text, "title": job.title});
        format!("{value}\n")
    };
    jobs.iter().map(line).collect()
}

/// The JSON lines of an output, each as its id and its matches.
fn read_lines(text: &str) -> Vec<(serde_json::Value, Vec<Match>)> {
    let line = |line: &str| {
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        let matches = serde_json::from_value(value["matches"].take()).unwrap();
        (value["id"].take(), matches)
    };
    text.lines().map(line).collect()
}

/// The rows of a folder as an evaluation has them: jobs in byte order of their ids.
fn as_predictions(place: &Place, folder: &str) -> Vec<Prediction> {
    let mut predictions: Vec<Prediction> = rows(place, folder);
    predictions.sort_by(|a, b| a.job_id.cmp(&b.job_id).then(a.rank.cmp(&b.rank)));
    predictions
}

#[test]
fn golden_jobs_get_the_bits_of_the_evaluation() {
    let place = place_with_decisions();
    let jobs = golden_jobs(&place);
    place.write("golden.jsonl", json_lines(&jobs));
    let texts: BTreeMap<&str, &str> = jobs
        .iter()
        .map(|job| (job.job_id.as_str(), job.text.as_str()))
        .collect();
    for (name, models) in [("bi", BI), ("both", BOTH)] {
        evaluate(
            &place,
            &format!("{models} --split golden --decision dev-{name} --output golden-{name}"),
        );
        let predictions = place.path(&format!("golden-{name}/predictions.parquet"));
        let expected: Vec<Prediction> = read_all(&predictions).unwrap();
        assert!(expected.iter().any(|row| row.decided) && expected.iter().any(|row| !row.decided));
        let folder = format!("matches-{name}");
        let arguments = format!("{models} --decision dev-{name} --input golden.jsonl");
        let all = format!("{arguments} --all --jobs-per-file 5 --output {folder}");
        place.run(PROGRAM, &all).success();
        assert!(as_predictions(&place, &folder) == expected, "{name}");
        let found: Vec<MatchRow> = rows(&place, &folder);
        for row in &found {
            let range = row.matched.sentence_start as usize..row.matched.sentence_end as usize;
            assert_eq!(texts[row.job_id.as_str()][range], row.matched.sentence);
            assert!(!row.matched.name.is_empty());
        }

        // The same rows in all forms, and only those that are decided.
        let decided: Vec<&MatchRow> = found.iter().filter(|row| row.matched.decided).collect();
        let lines = place.run(PROGRAM, &arguments).success().stdout;
        let from_lines = read_lines(&lines);
        assert_eq!(from_lines.len(), jobs.len());
        let flat: Vec<MatchRow> = from_lines
            .iter()
            .flat_map(|(id, matches)| {
                matches.iter().map(|matched| MatchRow {
                    job_id: id.as_str().unwrap().to_owned(),
                    matched: matched.clone(),
                })
            })
            .collect();
        assert!(flat.iter().eq(decided.iter().copied()), "{name}");
        let streamed = arguments.replace("golden.jsonl", "-");
        let ended = place.run_with(PROGRAM, &streamed, json_lines(&jobs).as_bytes());
        assert_eq!(ended.success().stdout, lines);
        let report: serde_json::Value =
            serde_json::from_str(&place.read(&format!("{folder}/report.json"))).unwrap();
        assert_eq!(report["jobs"], jobs.len());
        assert_eq!(report["decided"], decided.len());
        assert_eq!(report["candidates"], found.len());
        assert_eq!(report["rejected_rows"], 0);
        let telemetry = place.read(&format!("{folder}/telemetry.jsonl"));
        for phase in [
            "load", "segment", "embed", "search", "rerank", "decide", "write", "rest",
        ] {
            assert!(telemetry.contains(&format!("[\"{phase}\",")), "{telemetry}");
        }
    }
}

#[test]
fn csv_and_json_lines_are_the_same_in_a_folder_and_on_standard_output() {
    let place = place_with_decisions();
    let jobs = golden_jobs(&place);
    place.write("golden.jsonl", json_lines(&jobs));
    let arguments = format!("{BI} --decision dev-bi --input golden.jsonl");
    let printed = |format: &str| {
        let arguments = format!("{arguments} --format {format}");
        let stdout = place.run(PROGRAM, &arguments).success().stdout;
        let to_folder = format!("{arguments} --output {format}");
        place.run(PROGRAM, &to_folder).success();
        let file = place.read(&format!("{format}/part-00000.{format}"));
        assert_eq!(file, stdout);
        stdout
    };
    let matches: usize = read_lines(&printed("jsonl"))
        .iter()
        .map(|(_, matches)| matches.len())
        .sum();
    let csv = printed("csv");
    let header = "job_id,attribute_id,name,rank,score,bi_score,cross_score,decided,sentence_start,sentence_end,sentence\n";
    assert!(csv.starts_with(header), "{csv:.200}");
    assert!(matches > jobs.len() && csv.lines().count() > matches);
    let top = place
        .run(PROGRAM, &format!("{arguments} --top 1"))
        .success();
    let top = read_lines(&top.stdout);
    assert!(top.iter().all(|(_, matches)| matches.len() <= 1));
}

#[test]
fn pasted_text_becomes_a_table() {
    let place = place_with_decisions();
    let job = &golden_jobs(&place)[0];
    let arguments = format!("{BOTH} --decision dev-both --format table --input -");
    let shown = place
        .run_with(PROGRAM, &arguments, job.text.as_bytes())
        .success()
        .stdout;
    let mut lines = shown.lines();
    assert_eq!(lines.next(), Some("stdin"));
    assert!(!shown.contains('\x1b'), "colours without a terminal");
    assert!(shown.lines().all(|line| line.chars().count() <= 100));

    place.write("pasted.txt", &job.text);
    let of_file = arguments.replace("--input -", "--input pasted.txt");
    let of_file = place.run(PROGRAM, &of_file).success().stdout;
    assert_eq!(of_file, shown.replacen("stdin", "pasted", 1));
    let as_lines = place.run_with(
        PROGRAM,
        &format!("{BOTH} --decision dev-both --input - --all"),
        job.text.as_bytes(),
    );
    let found = read_lines(&as_lines.success().stdout);
    assert_eq!((found.len(), &found[0].0), (1, &"stdin".into()));
    // What the table says is what stands in the lines, in their order.
    let decided = found[0].1.iter().filter(|row| row.decided);
    let below = found[0].1.iter().filter(|row| !row.decided);
    let expected: Vec<String> = match decided.clone().count() {
        0 => below
            .take(3)
            .map(|row| format!("- {:.3}", row.score))
            .collect(),
        _ => decided.map(|row| format!("+ {:.3}", row.score)).collect(),
    };
    let scores: Vec<String> = shown
        .lines()
        .filter(|line| line.starts_with("  + ") || line.starts_with("  - "))
        .map(|line| line.trim_start()[..7].to_owned())
        .collect();
    assert_eq!(scores, expected);
    let of_all = place.run_with(PROGRAM, &format!("{arguments} --all"), job.text.as_bytes());
    let of_all = of_all.success().stdout;
    assert!(of_all.contains("\n  below the threshold ") || of_all.contains("nothing reaches"));
    assert!(of_all.lines().count() > shown.lines().count());

    // A brace may begin a text.
    let braced = format!("{arguments} --input-format text");
    let ended = place
        .run_with(PROGRAM, &braced, b"{We} weld pipes.")
        .success();
    assert!(ended.stdout.starts_with("stdin\n"));
    let mut child = place.command(PROGRAM);
    let child = child.args(format!("{BI} --decision dev-bi --format table --text").split(' '));
    let output = child.args([" \n", "--top", "1"]).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(shown, "text\n  no sentence to search with\n\n");
}

#[test]
fn rows_are_jobs_of_their_own_and_bad_ones_are_refused_or_set_aside() {
    let place = place_with_decisions();
    let arguments = format!("{BI} --decision dev-bi");
    // Ids of JSON lines come back as they are, twice if they are there twice; a job without sentences has no match.
    let lines = "{\"id\":7,\"text\":\"Weld pipes. Plan budgets.\"}\n\n{\"id\":7,\"text\":\"\"}\n{\"id\":\"x\"}\n";
    let ended = place.run_with(
        PROGRAM,
        &format!("{arguments} --input - --all"),
        lines.as_bytes(),
    );
    assert_eq!(ended.code, Some(1));
    let expected =
        "jobmatch-match: line 4: expected {\"id\",\"text\"}\n  because: missing field `text`";
    assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
    let found = read_lines(&ended.stdout);
    assert_eq!(
        (found.len(), &found[0].0, &found[1].0),
        (2, &7.into(), &7.into())
    );
    assert!(!found[0].1.is_empty() && found[1].1.is_empty());

    place.write("ads.csv", "ad,body\na,Weld pipes.\n,Bake bread.\nb,\n");
    let mapped = "--input ads.csv --column job_id=ad --column text=body";
    let bad = "ads.csv, line 3: column `ad` is empty; every row needs one";
    // Standard output holds what came before it, a folder nothing.
    let ended = place.run(PROGRAM, &format!("{arguments} {mapped}"));
    assert_eq!(ended.stderr, format!("{PROGRAM}: {bad}\n"));
    assert_eq!(read_lines(&ended.stdout).len(), 1);
    let ended = place.run(PROGRAM, &format!("{arguments} {mapped} --output none"));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(!place.path("none").exists());
    let skipping = format!("{arguments} {mapped} --on-bad-row skip --all");
    let ended = place.run(PROGRAM, &skipping).success();
    assert_eq!(read_lines(&ended.stdout).len(), 2);
    let said = "ads.csv: 1 bad rows were left out, the first on line 3";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    place
        .run(PROGRAM, &format!("{skipping} --output out"))
        .success();
    assert!(place.read("out/rejected.jsonl").contains("\"number\":3"));
    let report: serde_json::Value = serde_json::from_str(&place.read("out/report.json")).unwrap();
    assert_eq!(
        (
            &report["jobs"],
            &report["jobs_without_sentences"],
            &report["rejected_rows"]
        ),
        (&2.into(), &1.into(), &1.into())
    );
    // Another setting would give other bytes.
    let ended = place.run(PROGRAM, &format!("{skipping} --output out --top 2"));
    assert_eq!(ended.code, Some(1));
    assert!(
        ended
            .stderr
            .contains("setting `top` is null there and 2 now"),
        "{}",
        ended.stderr
    );
}

#[test]
fn two_processes_and_a_killed_one_give_the_same_bytes() {
    let place = place_with_decisions();
    let mut jobs = golden_jobs(&place);
    for copy in 1..20 {
        for number in 0..16 {
            let Job { job_id, text, .. } = &jobs[number];
            let text = format!("{text}\nWe also do number {copy}.");
            let job_id = format!("{job_id}-{copy}");
            let more = Job {
                job_id,
                text,
                ..jobs[number].clone()
            };
            jobs.push(more);
        }
    }
    place.write("many.jsonl", json_lines(&jobs));
    let arguments = format!("{BOTH} --decision dev-both --input many.jsonl --jobs-per-file 20");
    killed_and_not(&place, PROGRAM, &arguments, 1, 3);
    end_well(start(&place, PROGRAM, &arguments, "shared", 2));
    assert!(published(&place.path("shared")) == published(&place.path("straight")));
    let parts = fs::read_dir(place.path("shared")).unwrap();
    let is_part = |name: &str| name.starts_with("part-") && name.ends_with(".parquet");
    let parts =
        parts.filter(|entry| is_part(&entry.as_ref().unwrap().file_name().to_string_lossy()));
    assert_eq!(parts.count(), 16);
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let place = place_with_decisions();
    place.write("one.txt", "Weld pipes.");
    let with = |rest: &str| format!("{BI} {rest}");
    let one = "--decision dev-bi --input one.txt";
    let refuses = |arguments: &str, expected: &str| {
        let before = place.names();
        let ended = place.run(PROGRAM, arguments);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(1), ""),
            "{}",
            ended.stderr
        );
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
        assert_eq!(place.names(), before);
    };
    refuses(
        &with("--decision dev-both --input one.txt"),
        "the decision was chosen with a cross-encoder, and none is given: give it as --crossencoder",
    );
    refuses(
        &format!("{BOTH} --decision dev-bi --input one.txt"),
        "the decision was chosen without a cross-encoder: leave --crossencoder out",
    );
    refuses(
        &format!("{BOTH} --decision dev-both --input one.txt --rerank-precision bfloat16"),
        "the decision was chosen with the cross-encoder in float32, and here it is in bfloat16: give --rerank-precision float32",
    );
    refuses(
        &with("--decision no-such --input one.txt"),
        "the decision is made by `jobmatch-evaluate --choose` on dev",
    );
    refuses(
        &with("--decision dev-bi --input none.csv"),
        "cannot read none.csv",
    );

    // Another model, by one weight's name in its folder: its vectors are not those of the index.
    common::copy_folder(&place.path("bi"), &place.path("other"));
    let config: String = place.read("other/config.json");
    let mut config: serde_json::Value = serde_json::from_str(&config).unwrap();
    config["layer_norm_eps"] = 1e-6.into();
    place.write("other/config.json", config.to_string());
    let foreign = with(one).replace("--biencoder bi", "--biencoder other");
    refuses(
        &foreign,
        "the decision does not fit: it was chosen with the bi-encoder",
    );
    let mut decision: serde_json::Value =
        serde_json::from_str(&place.read("dev-bi/decision.json")).unwrap();
    let index = "--model other --definitions definitions.tsv --output other-index --quiet";
    place.run("jobmatch-index", index).success();
    let about: serde_json::Value =
        serde_json::from_str(&place.read("other-index/index.json")).unwrap();
    decision["bi_encoder"] = about["model"].clone();
    place.write("other.json", decision.to_string());
    refuses(
        &foreign.replace("--decision dev-bi", "--decision other.json"),
        "build the index again with this model",
    );

    place.write("empty.txt", " \n");
    place.write("broken.txt", b"We \xff weld.");
    place.write("empty.csv", "job_id,text\n");
    place.write("column.csv", "job_id,body\n1,a\n");
    for (input, expected) in [
        (
            "empty.txt",
            "empty.txt is empty: it should hold one job's text",
        ),
        ("broken.txt", "broken.txt is not UTF-8, from byte 3 on"),
        ("empty.csv", "empty.csv holds no jobs"),
        ("column.csv", "column.csv has no column `text`"),
        ("index/index.json", "cannot tell the format from the name"),
    ] {
        refuses(
            &with(&format!("--decision dev-bi --input {input}")),
            expected,
        );
    }
    let stdin = with("--decision dev-bi --input -");
    for (input, expected) in [
        (b"".as_slice(), "standard input is empty"),
        (
            b"We \xff weld.",
            "standard input is not UTF-8, from byte 3 on",
        ),
        (
            b"{\"id\":1,\"text\":\"\xff\"}",
            "line 1: expected {\"id\",\"text\"}",
        ),
    ] {
        let ended = place.run_with(PROGRAM, &stdin, input);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    }
    for conflicting in [
        "--text a --input one.txt",
        "--text a --output out",
        "--input - --output out",
        "--input one.txt --format parquet",
        "--input one.txt --format table --output out",
        "--input one.txt --input-format text",
        "--input - --column text=body",
    ] {
        let ended = place.run(PROGRAM, &with(&format!("--decision dev-bi {conflicting}")));
        assert_eq!(ended.code, Some(2), "{conflicting}: {}", ended.stderr);
    }
    let zero = with(&format!("{one} --top 0"));
    refuses(&zero, "setting `top` is 0: 1 or more");
}
