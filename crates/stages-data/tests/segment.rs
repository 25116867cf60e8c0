//! `jobmatch-segment` as it is run.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use common::{Place, fixture};
use jobmatch_records::{Job, ReadOptions, Sentence, read_jobs, read_shards};

const PROGRAM: &str = "jobmatch-segment";

fn sentences(place: &Place, folder: &str) -> Vec<Sentence> {
    let shards = read_shards::<Sentence>(&place.path(folder), "sentences").unwrap();
    shards.map(|sentence| sentence.unwrap()).collect()
}

fn fixture_jobs() -> Vec<Job> {
    read_jobs(&fixture("jobs.csv"), &ReadOptions::default())
        .unwrap()
        .0
}

#[test]
fn sentences_stand_where_they_say() {
    let place = Place::new();
    let input = fixture("jobs.csv");
    place
        .run(
            PROGRAM,
            &format!("--input {} --output out", input.display()),
        )
        .success();
    assert_eq!(place.names(), ["out"]);
    let jobs: BTreeMap<String, String> = fixture_jobs()
        .into_iter()
        .map(|job| (job.job_id, job.text))
        .collect();
    let mut last: BTreeMap<String, (u32, u64)> = BTreeMap::new();
    let found = sentences(&place, "out");
    for sentence in &found {
        let text = &jobs[&sentence.job_id];
        assert_eq!(
            &text[sentence.start as usize..sentence.end as usize],
            sentence.text
        );
        let (next, end) = last.remove(&sentence.job_id).unwrap_or((0, 0));
        assert_eq!(sentence.index, next);
        assert!(sentence.start >= end, "{sentence:?}");
        last.insert(sentence.job_id.clone(), (next + 1, sentence.end));
    }
    assert_eq!(last.len(), jobs.len());
    let report: serde_json::Value = serde_json::from_str(&place.read("out/report.json")).unwrap();
    assert_eq!(report["jobs"], jobs.len());
    assert_eq!(report["sentences"], found.len());
}

#[test]
fn threads_and_batches_change_no_byte_and_files_hold_what_is_asked() {
    let place = Place::new();
    // More jobs than one batch holds.
    let jobs = fixture_jobs();
    let mut table = String::new();
    for copy in 0..40 {
        for job in &jobs {
            let id = format!("{}-{copy}", job.job_id);
            let row = serde_json::json!({ "job_id": id, "text": job.text });
            table.push_str(&format!("{row}\n"));
        }
    }
    place.write("jobs.jsonl", table);
    for threads in [1, 3] {
        let arguments = format!(
            "--input jobs.jsonl --output out{threads} --threads {threads} --jobs-per-file 1000"
        );
        place.run(PROGRAM, &arguments).success();
    }
    assert_eq!(
        place.read("out1/manifest.json"),
        place.read("out3/manifest.json")
    );
    for name in [
        "sentences-00000.parquet",
        "sentences-00002.parquet",
        "report.json",
    ] {
        let read = |folder| fs::read(place.path(folder).join(name)).unwrap();
        assert!(read("out1") == read("out3"), "{name} differs");
    }
    assert!(!place.path("out1/sentences-00003.parquet").exists());
    let ids: Vec<String> = sentences(&place, "out1")
        .into_iter()
        .map(|row| row.job_id)
        .collect();
    assert!(ids[0].ends_with("-0") && ids[ids.len() - 1].ends_with("-39"));
}

#[test]
fn a_second_run_does_nothing_and_another_config_is_refused() {
    let place = Place::new();
    place.write("jobs.csv", "job_id,text\nJ1,Bake bread.\n");
    let arguments = "--input jobs.csv --output out";
    place.run(PROGRAM, arguments).success();
    let manifest = || {
        fs::metadata(place.path("out/manifest.json"))
            .unwrap()
            .modified()
            .unwrap()
    };
    let (written, telemetry) = (manifest(), place.read("out/telemetry.jsonl"));
    let again = place.run(PROGRAM, arguments).success();
    assert!(
        again.stderr.contains("out is done already"),
        "{}",
        again.stderr
    );
    assert_eq!(
        (manifest(), place.read("out/telemetry.jsonl")),
        (written, telemetry)
    );

    place.refuses(
        PROGRAM,
        &format!("{arguments} --jobs-per-file 5"),
        "out holds an output made otherwise: setting `jobs_per_file` is 50000 there and 5 now; \
         choose another output folder, or remove that one",
    );
    place.write("jobs.csv", "job_id,text\nJ1,Bake cakes.\n");
    place.refuses(
        PROGRAM,
        arguments,
        "out holds an output made otherwise: input `jobs` has other content; \
         choose another output folder, or remove that one",
    );
}

#[test]
fn bad_input_is_named_and_leaves_nothing() {
    let cases = [
        (
            "none.csv",
            None,
            "cannot read none.csv\n  because: No such file or directory (os error 2)",
        ),
        ("jobs.csv", Some(""), "jobs.csv holds no rows"),
        ("jobs.csv", Some("job_id,text\n"), "jobs.csv holds no rows"),
        (
            "jobs.csv",
            Some("job_id,body\nJ1,Bake.\n"),
            "jobs.csv has no column `text` (it has job_id, body); rename one, or map our `text` to it",
        ),
        (
            "jobs.csv",
            Some("job_id,text\nJ1,Bake.\n,Sell.\n"),
            "jobs.csv, line 3: column `job_id` is empty; every row needs one",
        ),
        (
            "jobs.csv",
            Some("job_id,text\nJ1,\"Bake.\nBread.\"\nJ2,Sell.\nJ1,Cook.\n"),
            "jobs.csv, line 5: job_id `J1` stands on line 2 already; ids must differ",
        ),
        (
            "jobs.csv",
            Some("job_id,text,split\nJ1,Bake.,test\n"),
            "jobs.csv, line 2: column `split` is `test`; expected train, dev or golden",
        ),
        (
            "jobs.xlsx",
            Some("x"),
            "jobs.xlsx: cannot tell the format from the name; give .tsv, .csv, .jsonl or .parquet, plain or with .gz or .zst",
        ),
    ];
    for (name, content, message) in cases {
        let place = Place::new();
        if let Some(content) = content {
            place.write(name, content);
        }
        place.refuses(PROGRAM, &format!("--input {name} --output out"), message);
    }
}

#[test]
fn a_folder_of_somebody_elses_is_left_alone() {
    let place = Place::new();
    place.write("jobs.csv", "job_id,text\nJ1,Bake bread.\n");
    fs::create_dir(place.path("out")).unwrap();
    place.write("out/letter.txt", "mine");
    place.refuses(
        PROGRAM,
        "--input jobs.csv --output out",
        "out is there already and is no stage output; choose another folder: nothing was changed",
    );
    assert_eq!(place.read("out/letter.txt"), "mine");
}

#[test]
fn bad_rows_can_be_set_aside() {
    let place = Place::new();
    place.write(
        "jobs.csv",
        "id,text,split\nJ1,Bake.,train\nJ2,Sell.,never\nJ1,Cook.,dev\nJ3,Eat.,dev\n",
    );
    place
        .run(
            PROGRAM,
            "--input jobs.csv --output out --column job_id=id --on-bad-row skip",
        )
        .success();
    let ids: Vec<String> = sentences(&place, "out")
        .into_iter()
        .map(|row| row.job_id)
        .collect();
    assert_eq!(ids, ["J1", "J3"]);
    assert_eq!(
        place.read("out/rejected.jsonl"),
        "{\"number\":3,\"reason\":\"column `split` is `never`; expected train, dev or golden\"}\n\
         {\"number\":4,\"reason\":\"job_id `J1` stands on line 2 already; ids must differ\"}\n"
    );
}

#[test]
fn lines_in_lines_out() {
    let place = Place::new();
    let input = "{\"id\":7,\"text\":\"Duties:\\n• Bake.\\n• Sell\"}\n{\"id\":\"b\",\"text\":\"Cook well.\"}\n";
    let ended = place
        .run_with(PROGRAM, "--input - --output -", input.as_bytes())
        .success();
    assert_eq!(
        ended.stdout,
        "{\"id\":7,\"sentences\":[\
         {\"start\":0,\"end\":7,\"text\":\"Duties:\",\"kind\":\"heading\"},\
         {\"start\":8,\"end\":17,\"text\":\"• Bake.\",\"kind\":\"bullet\"},\
         {\"start\":18,\"end\":26,\"text\":\"• Sell\",\"kind\":\"bullet\"}]}\n\
         {\"id\":\"b\",\"sentences\":[{\"start\":0,\"end\":10,\"text\":\"Cook well.\",\"kind\":\"prose\"}]}\n"
    );
    let ended = place.run_with(PROGRAM, "--input - --output -", b"{\"id\":1}\n");
    assert_eq!(ended.code, Some(1));
    assert_eq!(
        ended.stderr,
        "jobmatch-segment: standard input, line 1\n  because: expected {\"id\", \"text\"}: \
         missing field `text` at line 1 column 8\n"
    );
    assert_eq!(place.run(PROGRAM, "--input - --output out").code, Some(2));
    assert_eq!(
        place.run(PROGRAM, "--input jobs.csv --output -").code,
        Some(2)
    );
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn lines_are_answered_while_the_input_is_open() {
    let place = Place::new();
    let mut child = place
        .command(PROGRAM)
        .args(["--input", "-", "--output", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    for n in 0..3 {
        writeln!(input, "{{\"id\":{n},\"text\":\"Go.\"}}").unwrap();
        let mut answer = String::new();
        output.read_line(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("{{\"id\":{n},")), "{answer}");
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let place = Place::new();
    let mut child = place
        .command(PROGRAM)
        .args(["--input", "-", "--output", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut input = child.stdin.take().unwrap();
    for _ in 0..10_000 {
        if writeln!(input, "{{\"id\":1,\"text\":\"Bake bread. Sell bread.\"}}").is_err() {
            break;
        }
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn a_users_abbreviations_and_the_rules_alone() {
    let place = Place::new();
    place.write(
        "jobs.csv",
        "job_id,text\nJ1,Hold a Dipl. Ing. and bake. Dept. Tests Are Fun Now\n",
    );
    let run = |folder: &str, flags: &str| -> Vec<String> {
        let arguments = format!("--input jobs.csv --output {folder} {flags}");
        place.run(PROGRAM, &arguments).success();
        let found = sentences(&place, folder).into_iter();
        found.map(|sentence| sentence.text).collect()
    };
    let plain = run("plain", "--rules-only");
    let given = run(
        "given",
        "--rules-only --abbreviation Dipl. --abbreviation Ing",
    );
    assert_eq!(plain[0], "Hold a Dipl.");
    assert_eq!(given[0], "Hold a Dipl. Ing. and bake.");
    let report = place.read("given/manifest.json");
    assert!(report.contains("\"rules_only\": true"), "{report}");
}
