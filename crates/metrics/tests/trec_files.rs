//! TREC files on disk: what is written, and what a bad file is told.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::error::Error as _;
use std::fs;
use std::path::Path;

use jobmatch_metrics::{Error, Qrels, Run};

/// The error and its causes, as a program prints them.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[test]
fn files_are_written_in_one_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut qrels = Qrels::new();
    for (query, document, grade) in [("q2", "b", 0), ("q10", "a", -1), ("q2", "a", 2)] {
        qrels.insert(query, document, grade).unwrap();
    }
    let path = folder.path().join("qrels.trec");
    qrels.write(&path).unwrap();
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "q10 0 a -1\nq2 0 a 2\nq2 0 b 0\n"
    );
    assert_eq!(Qrels::read(&path).unwrap(), qrels);

    let mut run = Run::new();
    run.insert(
        "q2",
        [
            ("a".to_owned(), 0.1),
            ("b".to_owned(), 0.1),
            ("c".to_owned(), 7.038531e-26),
        ],
    )
    .unwrap();
    run.insert("q10", [("x".to_owned(), -2.5)]).unwrap();
    let path = folder.path().join("run.trec");
    run.write(&path, "tag").unwrap();
    let expected = "q10 Q0 x 1 -2.5 tag\nq2 Q0 b 1 0.1 tag\nq2 Q0 a 2 0.1 tag\n\
                    q2 Q0 c 3 0.00000000000000000000000007038531 tag\n";
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    assert_eq!(Run::read(&path).unwrap(), run);
}

#[test]
fn white_space_and_line_ends_are_forgiven() {
    let qrels = Qrels::read_from(&b"q\t0  d 1\r\n\r\n  q 0 e 2"[..], Path::new("x")).unwrap();
    assert_eq!(
        (qrels.grade("q", "d"), qrels.grade("q", "e")),
        (Some(1), Some(2))
    );
    assert!(
        Qrels::read_from(&b""[..], Path::new("x"))
            .unwrap()
            .is_empty()
    );
    let run = Run::read_from(
        &b"q Q0 d 7 1e-3 t\nr Q0 d 1 1 t\nq Q0 e 1 inf t"[..],
        Path::new("x"),
    )
    .unwrap();
    let documents: Vec<&str> = run
        .ranked("q")
        .iter()
        .map(|s| s.document.as_str())
        .collect();
    assert_eq!(documents, ["e", "d"]);
}

#[test]
fn a_bad_line_is_named() {
    let qrels = |text: &[u8]| chain(&Qrels::read_from(text, Path::new("gold.trec")).unwrap_err());
    assert_eq!(
        qrels(b"q 0 d 1\nq 0 e\n"),
        "gold.trec, line 2: found 3 columns, expected 4 (query, 0, document, grade), separated by white space"
    );
    assert_eq!(
        qrels(b"\nq 0 d yes\n"),
        "gold.trec, line 2: grade `yes` is not a whole number between -2147483648 and 2147483647"
    );
    assert_eq!(
        qrels(b"q 0 d 1\nq 0 d 0\n"),
        "gold.trec, line 2: document `d` stands twice for query `q`: keep one of the two"
    );
    assert_eq!(
        qrels(b"q 0 \xff 1\n"),
        "gold.trec, line 1: the line is not UTF-8 text: convert the file to UTF-8"
    );
    let run = |text: &[u8]| chain(&Run::read_from(text, Path::new("a.run")).unwrap_err());
    assert_eq!(
        run(b"q Q0 d 1 0.5 a tag\n"),
        "a.run, line 1: found 7 columns, expected 6 (query, Q0, document, rank, score, tag), separated by white space"
    );
    for score in ["nan", "-NaN", "high", "1,5"] {
        assert_eq!(
            run(format!("q Q0 d 1 {score} t\n").as_bytes()),
            format!("a.run, line 1: score `{score}` is not a number: nothing can be ranked by it")
        );
    }
    assert_eq!(
        run(b"q Q0 d 1 2 t\nr Q0 d 1 2 t\nq Q0 d 2 1 t\n"),
        "a.run, line 3: document `d` stands twice for query `q`: keep one of the two"
    );
}

#[test]
fn what_a_file_cannot_hold_is_not_written() {
    let mut qrels = Qrels::new();
    qrels.insert("my query", "d", 1).unwrap();
    let error = qrels.write_to(Vec::new(), Path::new("x")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "query `my query` is empty or has white space in it: a TREC file cannot hold it, use another id"
    );
    let error = Run::new()
        .write_to(Vec::new(), Path::new("x"), "")
        .unwrap_err();
    assert!(matches!(error, Error::UnwritableId { what: "tag", .. }));
}

#[test]
fn a_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.trec");
    let error = Run::read(&path).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot open {}", path.display()));
    assert!(error.source().is_some());
    let error = Qrels::new()
        .write(&folder.path().join("none/qrels.trec"))
        .unwrap_err();
    assert!(error.to_string().starts_with("cannot create"));
}
