//! What people bring is read, in every format.
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

mod support;

use std::io::Write;

use jobmatch_records::{
    Columns, Error, Evidence, Job, JobReader, LabelReader, OnBadRow, ReadOptions, Split,
    read_definitions, read_jobs, read_labels,
};
use support::Folder;

fn options() -> ReadOptions {
    ReadOptions::default()
}

const JOBS: &str =
    "job_id,text,split,group_id,extra\nj1,\"Plan, and\nwrite\",train,g1,x\nj2,Sell,golden,,y\n";

fn expected_jobs() -> Vec<Job> {
    let job = |id: &str, text: &str, split, group: Option<&str>| Job {
        job_id: id.to_owned(),
        text: text.to_owned(),
        title: None,
        split: Some(split),
        group_id: group.map(str::to_owned),
    };
    vec![
        job("j1", "Plan, and\nwrite", Split::Train, Some("g1")),
        job("j2", "Sell", Split::Golden, None),
    ]
}

#[test]
fn one_table_in_every_form() {
    let folder = Folder::new();
    let json = r#"{"job_id": "j1", "text": "Plan, and\nwrite", "split": "train", "group_id": "g1"}
{"job_id": "j2", "text": "Sell", "split": "golden", "group_id": null}
"#;
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(JOBS.as_bytes()).unwrap();
    let files = [
        folder.file("jobs.csv", JOBS),
        folder.file("bom.csv", format!("\u{feff}{JOBS}")),
        folder.file(
            "crlf.csv",
            JOBS.replace("x\n", "x\r\n")
                .replace("y\n", "y\r\n")
                .replace("extra\n", "extra\r\n"),
        ),
        folder.file("jobs.csv.gz", gz.finish().unwrap()),
        folder.file(
            "jobs.csv.zst",
            zstd::encode_all(JOBS.as_bytes(), 1).unwrap(),
        ),
        folder.file("jobs.jsonl", json),
    ];
    for file in files {
        let (jobs, rejected) = read_jobs(&file, &options()).unwrap();
        assert_eq!(jobs, expected_jobs(), "{}", file.display());
        assert!(rejected.is_empty());
    }
}

#[test]
fn a_tsv_has_no_quoting() {
    let folder = Folder::new();
    let text = "attribute_id\tname\tdefinition\taliases\na1\t\"C\" level\tSpeaks \"C\".\tC | cee\n";
    let definitions = read_definitions(&folder.file("d.tsv", text), &options()).unwrap();
    assert_eq!(definitions[0].name, "\"C\" level");
    assert_eq!(definitions[0].aliases, ["C", "cee"]);
}

#[test]
fn labels_carry_evidence_in_three_ways() {
    let folder = Folder::new();
    let text =
        "job_id,attribute_id,label,start,end,evidence\nj,a,1,3,9,\nj,b,,,,the words\nj,c,0,,,\n";
    let (labels, _) = read_labels(&[folder.file("labels.csv", text)], &options()).unwrap();
    assert_eq!(
        labels[0].evidence,
        Some(Evidence::Span { start: 3, end: 9 })
    );
    assert_eq!(
        labels[1].evidence,
        Some(Evidence::Quote("the words".to_owned()))
    );
    assert_eq!((labels[2].label, labels[2].evidence.clone()), (false, None));
    assert_eq!(
        (labels[2].source.as_str(), labels[2].line),
        ("labels.csv", 4)
    );
}

#[test]
fn bad_rows_can_be_set_aside() {
    let folder = Folder::new();
    let path = folder.file(
        "l.csv",
        "job_id,attribute_id,label\nj,a,1\nj,b,maybe\nj\nj,c,0\n",
    );
    let skip = ReadOptions {
        on_bad_row: OnBadRow::Skip,
        ..options()
    };
    let mut reader = LabelReader::open(&path, &skip).unwrap();
    let labels: Vec<String> = reader
        .by_ref()
        .map(|label| label.unwrap().attribute_id)
        .collect();
    assert_eq!(labels, ["a", "c"]);
    let numbers: Vec<u64> = reader.rejected().iter().map(|row| row.number).collect();
    assert_eq!(numbers, [3, 4]);
    let reasons: Vec<&str> = reader
        .rejected()
        .iter()
        .map(|row| row.reason.as_str())
        .collect();
    assert_eq!(
        reasons,
        [
            "column `label` is `maybe`; expected 1 or 0",
            "the line has 1 values, but the header names 3 columns",
        ]
    );
    // The name alone: what a stage writes must not depend on where the file lay.
    assert_eq!(reader.rejected()[0].path.to_str(), Some("l.csv"));
}

#[test]
fn a_second_row_of_one_id_can_be_set_aside() {
    let folder = Folder::new();
    let path = folder.file("j.csv", "job_id,text\nj1,x\nj2,y\nj1,z\nj1,w\n");
    let skip = ReadOptions {
        on_bad_row: OnBadRow::Skip,
        ..options()
    };
    let (jobs, rejected) = read_jobs(&path, &skip).unwrap();
    let texts: Vec<&str> = jobs.iter().map(|job| job.text.as_str()).collect();
    assert_eq!(texts, ["x", "y"]);
    let reasons: Vec<&str> = rejected.iter().map(|row| row.reason.as_str()).collect();
    assert_eq!(
        reasons,
        ["job_id `j1` stands on line 2 already; ids must differ"; 2]
    );
}

#[test]
fn lines_are_counted_as_an_editor_does() {
    let folder = Folder::new();
    let skip = ReadOptions {
        on_bad_row: OnBadRow::Skip,
        ..options()
    };
    let lines = [
        "job_id,text",
        "a,\"two",
        "lines\"",
        "",
        "b",
        "",
        "",
        "c,x,y",
        "\"d\"",
        "e,x",
        "f",
    ];
    for end in ["\n", "\r\n"] {
        let path = folder.file("j.csv", lines.join(end));
        let mut reader = JobReader::open(&path, &skip).unwrap();
        let mut read = Vec::new();
        while let Some(job) = reader.next() {
            read.push((job.unwrap().job_id, reader.number()));
        }
        assert_eq!(read, [("a".to_owned(), 2), ("e".to_owned(), 10)]);
        let bad: Vec<u64> = reader.rejected().iter().map(|row| row.number).collect();
        assert_eq!(bad, [5, 8, 9, 11], "{end:?}");
    }
}

#[test]
fn columns_can_be_mapped() {
    let folder = Folder::new();
    let path = folder.file("j.csv", "Job ID,body,text\n1,Sell,no\n");
    let mapped = ReadOptions {
        columns: Columns::new(
            [("job_id", "Job ID"), ("text", "body")]
                .map(|(ours, theirs)| (ours.into(), theirs.into())),
        ),
        ..options()
    };
    let (jobs, _) = read_jobs(&path, &mapped).unwrap();
    assert_eq!(
        (jobs[0].job_id.as_str(), jobs[0].text.as_str()),
        ("1", "Sell")
    );
}

#[test]
fn lists_are_aliases_only() {
    let folder = Folder::new();
    let path = folder.file(
        "d.jsonl",
        "{\"attribute_id\": 7, \"name\": \"C\", \"definition\": null, \"aliases\": [\"cee\", \"see\"]}\n\n",
    );
    let definitions = read_definitions(&path, &options()).unwrap();
    assert_eq!(definitions[0].attribute_id, "7");
    assert_eq!(definitions[0].aliases, ["cee", "see"]);
    let path = folder.file("j.jsonl", "{\"job_id\": 1, \"text\": [\"a\", \"b\"]}\n");
    assert_eq!(
        folder.message(read_jobs(&path, &options())),
        "j.jsonl, line 1: column `text` is `[\"a\",\"b\"]`; expected text or a number"
    );
}

#[test]
fn offsets_saved_as_floats_are_read() {
    let folder = Folder::new();
    let path = folder.file(
        "l.csv",
        "job_id,attribute_id,start,end\nj,a,3.0,9.0\nj,b,,\n",
    );
    let (labels, _) = read_labels(&[path], &options()).unwrap();
    assert_eq!(
        labels[0].evidence,
        Some(Evidence::Span { start: 3, end: 9 })
    );
    assert_eq!(labels[1].evidence, None);
}

#[test]
fn nothing_follows_an_error_that_ends_the_file() {
    let folder = Folder::new();
    let whole = zstd::encode_all(JOBS.repeat(2000).as_bytes(), 1).unwrap();
    let mut reader = JobReader::open(
        &folder.file("j.csv.zst", &whole[..whole.len() - 9]),
        &options(),
    )
    .unwrap();
    let error = reader.by_ref().find_map(Result::err);
    assert!(
        matches!(error, Some(Error::Io { .. } | Error::BadRow { .. })),
        "{error:?}"
    );
    let path = folder.file("q.csv", "job_id,text\nj1,\"x\nj2,y\n");
    let mut reader = JobReader::open(&path, &options()).unwrap();
    assert!(reader.next().unwrap().is_err());
    assert!(reader.next().is_none());
}
