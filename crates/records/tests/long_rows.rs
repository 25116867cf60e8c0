//! Values of any size are read, up to a limit; beyond it a row is bad, and the rows after it are read.
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod support;

use std::io::Write;
use std::path::{Path, PathBuf};

use jobmatch_records::{JobReader, OnBadRow, ReadOptions, read_jobs};
use support::Folder;

const MIB: usize = 1 << 20;

/// A file of `begin`, that many MiB of `x`, and `end`: compressed to next to nothing.
fn long(folder: &Folder, name: &str, begin: &str, mib: usize, end: &str) -> PathBuf {
    let path = folder.path(name);
    let mut file = zstd::Encoder::new(std::fs::File::create(&path).unwrap(), 1).unwrap();
    file.write_all(begin.as_bytes()).unwrap();
    for _ in 0..mib {
        file.write_all(&[b'x'; MIB]).unwrap();
    }
    file.write_all(end.as_bytes()).unwrap();
    file.finish().unwrap();
    path
}

/// The ids that are read when bad rows are set aside, and what is said of those: `LINE: REASON`.
fn skipping(path: &Path) -> (Vec<String>, Vec<String>) {
    let skip = ReadOptions {
        on_bad_row: OnBadRow::Skip,
        ..ReadOptions::default()
    };
    let mut reader = JobReader::open(path, &skip).unwrap();
    let ids = reader.by_ref().map(|job| job.unwrap().job_id).collect();
    let bad = reader.rejected().iter();
    let bad = bad.map(|row| format!("{}: {}", row.number, row.reason));
    (ids, bad.collect())
}

#[test]
fn a_long_value_is_read() {
    let folder = Folder::new();
    for (name, begin, end) in [
        ("ten.csv.zst", "job_id,text\nj,\"\n", "\"\n"),
        ("ten.tsv.zst", "job_id\ttext\nj\t\"", "\n"),
        (
            "ten.jsonl.zst",
            "{\"job_id\": \"j\", \"text\": \"-",
            "\"}\n",
        ),
    ] {
        let path = long(&folder, name, begin, 10, end);
        let (jobs, _) = read_jobs(&path, &ReadOptions::default()).unwrap();
        let lengths: Vec<usize> = jobs.iter().map(|job| job.text.len()).collect();
        assert_eq!(lengths, [10 * MIB + 1], "{name}");
    }
}

#[test]
fn a_row_that_is_too_long_is_bad_and_no_other() {
    let folder = Folder::new();
    let cases = [
        (
            "quote.csv.zst",
            "job_id,text\nj,x\n\"k\nk\",\"",
            "\"\nl,y\n",
            "4: column `text`: a quote opens here, and the row is longer than 64 MiB; is the quote never closed?",
        ),
        (
            "value.csv.zst",
            "job_id,text\r\nj,x\r\n\r\nk,z,",
            "\r\nl,y\r\n",
            "4: value 3: the row is longer than 64 MiB",
        ),
        (
            "value.tsv.zst",
            "job_id\ttext\nj\tx\n",
            "\t\"\nl\ty",
            "3: column `job_id`: the row is longer than 64 MiB",
        ),
        (
            "line.jsonl.zst",
            "{\"job_id\": \"j\", \"text\": \"x\"}\n\n{",
            "\n{\"job_id\": \"l\", \"text\": \"x\"}\n",
            "3: the line is longer than 64 MiB",
        ),
    ];
    for (name, begin, end, expected) in cases {
        let path = long(&folder, name, begin, 66, end);
        let (ids, bad) = skipping(&path);
        assert_eq!(ids, ["j", "l"], "{name}");
        assert_eq!(bad, [expected], "{name}");
        assert_eq!(
            folder.message(read_jobs(&path, &ReadOptions::default())),
            format!("{name}, line {expected}")
        );
    }
}

#[test]
fn a_quote_that_is_never_closed_is_named_where_it_opens() {
    let folder = Folder::new();
    let path = long(&folder, "open.csv.zst", "job_id,text\nj,x\nk,\"\n", 100, "");
    let skip = ReadOptions {
        on_bad_row: OnBadRow::Skip,
        ..ReadOptions::default()
    };
    assert_eq!(
        folder.message(read_jobs(&path, &skip)),
        "open.csv.zst, line 3: a quote opens here and is never closed"
    );
    assert_eq!(
        folder.message(read_jobs(&path, &ReadOptions::default())),
        "open.csv.zst, line 3: column `text`: a quote opens here, and the row is longer than 64 MiB; \
         is the quote never closed?"
    );
    let path = long(&folder, "header.csv.zst", "job_id,\"text\n", 66, "");
    assert_eq!(
        folder.message(read_jobs(&path, &skip)),
        "header.csv.zst, line 1: the header: a quote opens here, and the row is longer than 64 MiB; \
         is the quote never closed?"
    );
}
