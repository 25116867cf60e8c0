//! What cannot be read is refused with a message that names the file, the row, the value, and what to do.
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

mod support;

use std::collections::HashSet;
use std::io::Write;

use jobmatch_records::{
    Columns, OnBadRow, ReadOptions, check_labels, read_definitions, read_jobs, read_labels,
};
use support::Folder;

fn options() -> ReadOptions {
    ReadOptions::default()
}

fn mapped(ours: &str, theirs: &str) -> ReadOptions {
    ReadOptions {
        columns: Columns::new([(ours.to_owned(), theirs.to_owned())]),
        ..options()
    }
}

#[test]
fn jobs() {
    let cases: &[(&str, &[u8], &str)] = &[
        (
            "column.csv",
            b"id,text\n1,x\n",
            "column.csv has no column `job_id` (it has id, text); rename one, or map our `job_id` to it",
        ),
        (
            "twice.csv",
            b"job_id,text,text\n1,x,y\n",
            "twice.csv: column `text` is there twice; rename one",
        ),
        ("empty.csv", b"", "empty.csv holds no rows"),
        ("empty.jsonl", b"\n \n", "empty.jsonl holds no rows"),
        ("header.csv", b"job_id,text\n", "header.csv holds no rows"),
        (
            "ids.csv",
            b"job_id,text\nj1,x\nj2,y\nj1,z\n",
            "ids.csv, line 4: job_id `j1` stands on line 2 already; ids must differ",
        ),
        (
            "split.csv",
            b"job_id,text,split\nj1,x,test\n",
            "split.csv, line 2: column `split` is `test`; expected train, dev or golden",
        ),
        (
            "utf8.csv",
            b"job_id,text\nj1,ab\xffcd\n",
            "utf8.csv, line 2: column `text` is not UTF-8 after its first 2 bytes; save the file as UTF-8",
        ),
        (
            "utf8.jsonl",
            b"{\"job_id\": 1, \"text\": \"\xff\"}\n",
            "utf8.jsonl, line 1: the line is not UTF-8 after its first 23 bytes; save the file as UTF-8",
        ),
        (
            "utf8.tsv",
            b"\xef\xbb\xbfjob_id\ttext\r\nj1\tx\r\nj2\tab\"\xe9\r\n",
            "utf8.tsv, line 3: column `text` is not UTF-8 after its first 3 bytes; save the file as UTF-8",
        ),
        ("mark.csv", b"\xef\xbb\xbf", "mark.csv holds no rows"),
        (
            "quote_at_end.csv",
            b"job_id,text\r\nj1,\"a\r\nb\"\r\nj2,\"",
            "quote_at_end.csv, line 4: a quote opens here and is never closed",
        ),
        (
            "header8.csv",
            b"job_id,text,na\xefve\n1,x,y\n",
            "header8.csv, line 1: the header is not UTF-8; save the file as UTF-8",
        ),
        (
            "utf16.csv",
            b"\xff\xfej\0o\0b\0",
            "utf16.csv, line 1: the file is UTF-16; save it as UTF-8",
        ),
        (
            "id.csv",
            b"job_id,text\n ,x\n",
            "id.csv, line 2: column `job_id` is empty; every row needs one",
        ),
        (
            "few.csv",
            b"job_id,text\nj1\n",
            "few.csv, line 2: the line has 1 values, but the header names 2 columns",
        ),
        (
            "quote.csv",
            b"job_id,text\nj1,x\nj2,\"a \"\"b\"\" c\nj3,y\nj4,z\n",
            "quote.csv, line 3: a quote opens here and is never closed",
        ),
        (
            "quote_in_header.csv",
            b"job_id,\"text\nj1,x\n",
            "quote_in_header.csv, line 1: a quote opens here and is never closed",
        ),
        (
            "array.jsonl",
            b"[1]\n",
            "array.jsonl, line 1: the line is no JSON object",
        ),
        (
            "comma.jsonl",
            b"{\"job_id\": 1, \"text\": \"x\"}\n{\"job_id\": 2,}\n",
            "comma.jsonl, line 2: the line is no JSON: trailing comma at byte 14",
        ),
        (
            "null.jsonl",
            b"{\"job_id\": 1, \"text\": null}\n",
            "null.jsonl, line 1: column `text` is absent; every job needs a text",
        ),
        (
            "jobs.xlsx",
            b"x",
            "jobs.xlsx: cannot tell the format from the name; give .tsv, .csv, .jsonl or .parquet, plain or with .gz or .zst",
        ),
        (
            "none.parquet",
            b"PAR1",
            "none.parquet is no whole Parquet file; was it cut short? Make it, or copy it, again: \
             EOF: Parquet file too small. Size is 4 but need 8",
        ),
    ];
    let folder = Folder::new();
    for (name, content, expected) in cases {
        let path = folder.file(name, content);
        assert_eq!(folder.message(read_jobs(&path, &options())), *expected);
    }
    assert_eq!(
        folder.message(read_jobs(&folder.path("none.csv"), &options())),
        "cannot read none.csv: No such file or directory (os error 2)"
    );
}

#[test]
fn mappings() {
    let folder = Folder::new();
    let path = folder.file("j.csv", "id,body\n,x\n");
    assert_eq!(
        folder.message(read_jobs(&path, &mapped("txet", "body"))),
        "j.csv: `txet` is mapped to one of its columns, but we have no such column; \
         ours are job_id, text, title, split, group_id"
    );
    assert_eq!(
        folder.message(read_jobs(&path, &mapped("title", "heading"))),
        "j.csv has no column `job_id` (it has id, body); rename one, or map our `job_id` to it"
    );
    let path = folder.file("k.csv", "job_id,text\n1,x\n");
    assert_eq!(
        folder.message(read_jobs(&path, &mapped("title", "heading"))),
        "k.csv has no column `heading` (it has job_id, text); rename one, or map our `title` to it"
    );
    // A message calls a column as the file does.
    let path = folder.file("l.csv", "id,text\n,x\n");
    assert_eq!(
        folder.message(read_jobs(&path, &mapped("job_id", "id"))),
        "l.csv, line 2: column `id` is empty; every row needs one"
    );
}

#[test]
fn definitions() {
    let folder = Folder::new();
    let path = folder.file(
        "d.tsv",
        "attribute_id\tname\tdefinition\na1\tC\tx\na1\tD\ty\n",
    );
    assert_eq!(
        folder.message(read_definitions(&path, &options())),
        "d.tsv, line 3: attribute_id `a1` stands on line 2 already; ids must differ"
    );
    // A definition is never set aside.
    let skip = ReadOptions {
        on_bad_row: OnBadRow::Skip,
        ..options()
    };
    let path = folder.file("d.tsv", "attribute_id\tname\tdefinition\na1\t\tx\n");
    assert_eq!(
        folder.message(read_definitions(&path, &skip)),
        "d.tsv, line 2: column `name` is empty; every row needs one"
    );
}

#[test]
fn labels() {
    let cases = [
        ("label\nj,a,2", "column `label` is `2`; expected 1 or 0"),
        (
            "grade\nj,a,high",
            "column `grade` is `high`; expected a number",
        ),
        (
            "grade\nj,a,NaN",
            "column `grade` is `NaN`; expected a number",
        ),
        (
            "start,end\nj,a,x,5",
            "column `start` is `x`; expected a whole number of bytes",
        ),
        (
            "start,end\nj,a,-1,5",
            "column `start` is `-1`; expected a whole number of bytes",
        ),
        (
            "start,end\nj,a,1.5,5",
            "column `start` is `1.5`; expected a whole number of bytes",
        ),
        (
            "start,end\nj,a,5,",
            "one of `start` and `end` is empty; give both or neither",
        ),
        (
            "start\nj,a,5",
            "one of `start` and `end` is empty; give both or neither",
        ),
        (
            "start,end\nj,a,9,3",
            "`start` is 9 and `end` is 3; start must come before end",
        ),
        (
            "start,end\nj,a,3,3",
            "`start` is 3 and `end` is 3; start must come before end",
        ),
    ];
    let folder = Folder::new();
    for (rest, expected) in cases {
        let path = folder.file("l.csv", format!("job_id,attribute_id,{rest}\n"));
        assert_eq!(
            folder.message(read_labels(&[path], &options())),
            format!("l.csv, line 2: {expected}")
        );
    }
    let long = "é".repeat(500);
    let path = folder.file("l.csv", format!("job_id,attribute_id,label\nj,a,{long}\n"));
    assert_eq!(
        folder.message(read_labels(&[path], &options())),
        format!(
            "l.csv, line 2: column `label` is `{}...`; expected 1 or 0",
            "é".repeat(60)
        )
    );
    let good = folder.file("good.csv", "job_id,attribute_id\nj,a\n");
    let none = folder.file("none.csv", "job_id,attribute_id\n");
    assert_eq!(
        folder.message(read_labels(&[good, none], &options())),
        "none.csv holds no rows"
    );
    let skip = ReadOptions {
        on_bad_row: OnBadRow::Skip,
        ..options()
    };
    let bad = folder.file("bad.csv", "job_id,attribute_id\nj,\n,a\n");
    assert_eq!(
        folder.message(read_labels(&[bad], &skip)),
        "bad.csv holds no good row: all 2 are bad, the first since column `attribute_id` is empty; every row needs one"
    );
}

#[test]
fn labels_of_what_nobody_knows() {
    let folder = Folder::new();
    let path = folder.file("l.csv", "job_id,attribute_id\nj,a\nj,b\n");
    let (labels, _) = read_labels(&[path], &options()).unwrap();
    let check = |jobs: &[&'static str], attributes: &[&'static str]| {
        let set = |ids: &[&'static str]| ids.iter().copied().collect::<HashSet<_>>();
        check_labels(&labels, &set(jobs), &set(attributes))
    };
    assert!(check(&["j"], &["a", "b"]).is_ok());
    assert_eq!(
        folder.message(check(&["j"], &["a"])),
        "l.csv, line 3: attribute_id `b` is not in the definitions; add it there, or remove the label"
    );
    assert_eq!(
        folder.message(check(&["k"], &["a"])),
        "l.csv, line 2: job_id `j` is not in the jobs; add it there, or remove the label"
    );
    assert_eq!(
        folder.message(check(&["j"], &["a", "B ", "B"])),
        "l.csv, line 3: attribute_id `b` is not in the definitions; is `B` meant?"
    );
}

#[test]
fn compressed_files_cut_short() {
    let folder = Folder::new();
    let text = format!("job_id,text\n1,{}\n", "words ".repeat(100_000));
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    let gz = gz.finish().unwrap();
    let zst = zstd::encode_all(text.as_bytes(), 1).unwrap();
    for (name, bytes, cause) in [
        ("cut.csv.gz", gz, "incomplete deflate stream"),
        ("cut.csv.zst", zst, "incomplete frame"),
    ] {
        let path = folder.file(name, &bytes[..bytes.len() / 2]);
        assert_eq!(
            folder.message(read_jobs(&path, &options())),
            format!("cannot read {name}: {cause}")
        );
    }
}
