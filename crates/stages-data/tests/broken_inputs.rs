//! `jobmatch-dataset` on files as they come: what is broken is refused with a message that names file, line, value and
//! what to do; what is merely unusual is read.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use common::{Place, place_with_data};
use jobmatch_records::{Kind, ParquetWriter, Sentence};

const PROGRAM: &str = "jobmatch-dataset";

/// Arguments that read this file as jobs.
fn arguments(jobs: &str) -> String {
    format!(
        "--jobs {jobs} --definitions definitions.tsv --labels labels.csv golden_labels.csv --output out --threads 1"
    )
}

/// The program must refuse these jobs, written as a file of this name, with exactly this message.
#[track_caller]
fn refuses_jobs(name: &str, content: impl AsRef<[u8]>, message: &str) {
    let place = place_with_data();
    place.write(name, content);
    place.refuses(PROGRAM, &arguments(name), message);
}

/// The program must refuse the labels of the data set, which get a column `grade`, with this line after them; the message
/// is what follows its number.
#[track_caller]
fn refuses_label(label: &str, message: &str) {
    let place = place_with_data();
    let labels = place.read("labels.csv");
    let line = labels.lines().count() + 1;
    let (header, rows) = labels.split_once('\n').unwrap();
    let rows = rows.replace('\n', ",\n");
    place.write("labels.csv", format!("{header},grade\n{rows}{label}\n"));
    let message = format!("labels.csv, line {line}: {message}");
    place.refuses(PROGRAM, &arguments("jobs.csv"), &message);
}

/// All files of an output, but those that hold the inputs' digests or times.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            let inner = files(&path).into_iter();
            found.extend(inner.map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
        } else if !["manifest.json", "telemetry.jsonl"].contains(&name.as_str()) {
            found.insert(name, fs::read(path).unwrap());
        }
    }
    found
}

/// What the program makes of a folder.
fn output(place: &Place) -> BTreeMap<String, Vec<u8>> {
    place.run(PROGRAM, &arguments("jobs.csv")).success();
    let files = files(&place.path("out"));
    assert!(files.contains_key("train/part-00000.parquet"));
    files
}

#[test]
fn tables_of_jobs() {
    refuses_jobs("empty.csv", "", "empty.csv holds no rows");
    refuses_jobs("header.csv", "job_id,text\n", "header.csv holds no rows");
    refuses_jobs(
        "column.csv",
        "job_id,body\nJ001,Bake.\n",
        "column.csv has no column `text` (it has job_id, body); rename one, or map our `text` to it",
    );
    refuses_jobs(
        "quote.csv",
        "job_id,text\nJ001,Bake.\nJ002,\"Cook.\nJ003,Sell.\n",
        "quote.csv, line 3: a quote opens here and is never closed",
    );
    refuses_jobs(
        "jobs.csv",
        "job_id,text\nJ1,Bake.\nJ1,Cook.\n",
        "jobs.csv, line 3: job_id `J1` stands on line 2 already; ids must differ",
    );
    refuses_jobs(
        "values.csv",
        "job_id,text\nJ001,Bake, and cook.\n",
        "values.csv, line 2: the line has 3 values, but the header names 2 columns",
    );
}

#[test]
fn parquet_files_of_jobs() {
    let place = place_with_data();
    let sentence = Sentence {
        job_id: "J001".to_owned(),
        index: 0,
        start: 0,
        end: 5,
        text: "Bake.".to_owned(),
        clean: "Bake.".to_owned(),
        kind: Kind::Prose,
    };
    let mut writer = ParquetWriter::create(&place.path("whole.parquet")).unwrap();
    writer.write(&[sentence]).unwrap();
    writer.finish().unwrap();
    let whole = fs::read(place.path("whole.parquet")).unwrap();
    for length in [whole.len() - 9, whole.len() / 2] {
        refuses_jobs(
            "cut.parquet",
            &whole[..length],
            "cut.parquet is no whole Parquet file; was it cut short? Make it, or copy it, again\n  because: Parquet error: Invalid Parquet file. Corrupt footer",
        );
    }
    refuses_jobs(
        "bytes.parquet",
        BYTES_AS_TEXT,
        "bytes.parquet: column `text` has the type Binary; text, a number or a truth value is needed",
    );
}

#[test]
fn labels() {
    refuses_label(
        "J999,K1,1,,,,",
        "job_id `J999` is not in the jobs; add it there, or remove the label",
    );
    refuses_label(
        "J001,Q9,1,,,,",
        "attribute_id `Q9` is not in the definitions; add it there, or remove the label",
    );
    refuses_label("J001,K1,2,,,,", "column `label` is `2`; expected 1 or 0");
    refuses_label(
        "J001,K1,1,,,,NaN",
        "column `grade` is `NaN`; expected a number",
    );
    refuses_label(
        "J001,K1,1,30,12,,",
        "`start` is 30 and `end` is 12; start must come before end",
    );
    // The text has `Café` at byte 17: its last letter is the bytes 20 and 21.
    refuses_label(
        "J001,K1,1,17,21,,",
        "the evidence of job `J001` and attribute `K1` is bytes 17 to 21, which cuts a character in \
         two (are they counted in characters?); start and end are byte offsets in the job's text of 448 bytes, end not \
         included",
    );
    refuses_label(
        "J001,K1,1,400,90000,,",
        "the evidence of job `J001` and attribute `K1` is bytes 400 to 90000, which is past the end; \
         start and end are byte offsets in the job's text of 448 bytes, end not included",
    );
}

#[test]
fn definitions_with_a_repeated_id() {
    let place = place_with_data();
    let definitions = place.read("definitions.tsv");
    let line = definitions.lines().count() + 1;
    let repeated = "F1\ttask\tBake\tBake bread.\n";
    place.write("definitions.tsv", definitions + repeated);
    place.refuses(
        PROGRAM,
        &arguments("jobs.csv"),
        &format!("definitions.tsv, line {line}: attribute_id `F1` stands on line 2 already; ids must differ"),
    );
}

#[test]
fn a_group_in_train_and_dev() {
    let place = place_with_data();
    let jobs = place.read("jobs.csv");
    place.write(
        "jobs.csv",
        jobs + "J900,dev,train-0-0,Clerk,Sort the mail.\n",
    );
    place.refuses(
        PROGRAM,
        &arguments("jobs.csv"),
        "group `train-0-0` is in train (job `J001`) and in dev (job `J900`); give it one split, or set split_by to `column` \
         (groups are ignored) or to `group` (the split column is ignored)",
    );
}

#[test]
fn bad_rows_are_set_aside_and_counted() {
    let place = place_with_data();
    let append = |name: &str, rows: &str| {
        let before = place.read(name);
        place.write(name, format!("{before}{rows}"));
        before.lines().count() + 1
    };
    let job = append(
        "jobs.csv",
        "J001,train,train-0-0,Line Cook,Sell the shop.\n",
    );
    let label = append("labels.csv", "J999,K1,1,,,\nJ001,Q9,1,,,\nJ001,K1,2,,,\n");
    let skip = format!("{} --on-bad-row skip", arguments("jobs.csv"));
    place.run(PROGRAM, &skip).success();
    let row = |path: &str, number: usize, reason: &str| {
        format!("{{\"path\":\"{path}\",\"number\":{number},\"reason\":\"{reason}\"}}")
    };
    let rejected = place.read("out/rejected.jsonl");
    let mut rejected: Vec<&str> = rejected.lines().collect();
    rejected.sort_unstable();
    assert_eq!(
        rejected,
        [
            row(
                "jobs.csv",
                job,
                "job_id `J001` stands on line 2 already; ids must differ"
            ),
            row("labels.csv", label, "job_id `J999` is not in the jobs"),
            row(
                "labels.csv",
                label + 1,
                "attribute_id `Q9` is not in the definitions"
            ),
            row(
                "labels.csv",
                label + 2,
                "column `label` is `2`; expected 1 or 0"
            ),
        ]
    );
    assert!(place.read("out/report.json").contains("\"rejected\": 4,"));
}

#[test]
fn a_mark_before_the_text_and_windows_line_ends_change_nothing() {
    let place = place_with_data();
    // Offsets and quotes would not fit texts without line breaks.
    let labels = |name: &str| {
        let ids = |line: &str| line.split(',').take(3).collect::<Vec<_>>().join(",");
        let lines: Vec<String> = place.read(name).lines().map(ids).collect();
        lines.join("\n") + "\n"
    };
    let mut jobs = String::new();
    let mut quoted = false;
    for character in place.read("jobs.csv").chars() {
        quoted ^= character == '"';
        match character {
            '\n' | '\r' if quoted => jobs.push(' '),
            '\r' => {}
            other => jobs.push(other),
        }
    }
    let tables = [
        ("jobs.csv", jobs),
        ("labels.csv", labels("labels.csv")),
        ("golden_labels.csv", labels("golden_labels.csv")),
        ("definitions.tsv", place.read("definitions.tsv")),
    ];
    let made = |change: &dyn Fn(&str) -> String| {
        let place = place_with_data();
        for (name, text) in &tables {
            place.write(name, change(text));
        }
        output(&place)
    };
    let plain = made(&|text| text.to_owned());
    assert!(made(&|text| format!("\u{feff}{text}")) == plain, "mark");
    assert!(made(&|text| text.replace('\n', "\r\n")) == plain, "CR LF");
}

#[test]
fn ten_megabytes_in_one_value() {
    let place = place_with_data();
    let mut jobs = place.read("jobs.csv");
    let sentence = "Keep the \"\"good\"\" knives sharp,\nand the floor clean. ";
    jobs += &format!(
        "J900,train,,Long,\"{}\"\n",
        sentence.repeat((10 << 20) / sentence.len())
    );
    place.write("jobs.csv", jobs);
    place.run(PROGRAM, &arguments("jobs.csv")).success();
    assert!(place.read("out/report.json").contains("\"rows_in\": 63,"));
}

/// Rows of a large file, of some 1 KB each.
const ROWS: usize = 100_000;

/// A text without commas and quotes: the value may stand bare.
fn large_text() -> String {
    "Keep the knives sharp and the floor clean and the guests happy. ".repeat(16)
}

/// The program must refuse a file of 100 MB, whose line `line` has the text `broken`, with exactly this message, leave
/// nothing, and never take much memory.
#[track_caller]
fn refuses_large(line: usize, broken: &[u8], message: &str) {
    let place = place_with_data();
    let mut file = BufWriter::new(fs::File::create(place.path("large.csv")).unwrap());
    let text = large_text();
    writeln!(file, "job_id,text").unwrap();
    for number in 2..ROWS + 2 {
        write!(file, "L{number},").unwrap();
        let text = if number == line {
            broken
        } else {
            text.as_bytes()
        };
        file.write_all(text).unwrap();
        file.write_all(b"\n").unwrap();
    }
    drop(file);
    let before = place.names();
    let mut child = place
        .command(PROGRAM)
        .args(arguments("large.csv").split_whitespace())
        .arg("--quiet")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut peak = 0;
    let status = loop {
        peak = peak_kib(child.id()).unwrap_or(peak);
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => thread::sleep(Duration::from_millis(1)),
        }
    };
    let mut said = String::new();
    let mut stderr = child.stderr.take().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(
        said,
        format!("{PROGRAM}: large.csv, line {line}: {message}\n")
    );
    assert_eq!(status.code(), Some(1));
    assert_eq!(place.names(), before, "something was left behind");
    // Elsewhere nothing is measured, and the check would say nothing.
    assert!(peak > 0 || !cfg!(target_os = "linux"));
    assert!(peak * 1024 < 300_000_000, "{peak} KiB");
}

#[test]
fn broken_text_in_the_middle_of_a_large_file() {
    let text = large_text();
    // Latin-1, as from a table that was put together of several.
    let broken = [text.as_bytes(), b"caf\xe9"].concat();
    let valid = text.len() + 3;
    let message =
        format!("column `text` is not UTF-8 after its first {valid} bytes; save the file as UTF-8");
    refuses_large(ROWS / 2, &broken, &message);
}

#[test]
fn a_quote_that_is_never_closed_in_a_large_file() {
    let broken = format!("\"{}", large_text());
    // What follows fits into a row, or does not.
    refuses_large(
        ROWS / 2,
        broken.as_bytes(),
        "a quote opens here and is never closed",
    );
    refuses_large(
        ROWS / 10,
        broken.as_bytes(),
        "column `text`: a quote opens here, and the row is longer than 64 MiB; is the quote never closed?",
    );
}

/// The most memory that a running process has had, where the system tells.
fn peak_kib(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().strip_suffix(" kB")?.parse().ok()
}

/// A Parquet file of one row, whose column `text` holds bytes that nobody calls text.
const BYTES_AS_TEXT: &[u8] = b"PAR1\x15\x00\x15\x16\x15\x16,\x15\x02\x15\x00\x15\x06\x15\x06\x1c\x00\x00\x00\x02\x00\x00\x00\x02\
    \x01\x01\x00\x00\x00j\x15\x00\x15\x16\x15\x16,\x15\x02\x15\x00\x15\x06\x15\x06\x1c\x00\x00\x00\x02\
    \x00\x00\x00\x02\x01\x01\x00\x00\x00x\x15\x04\x19<5\x00\x18\x06schema\x15\x04\x00\x15\x0c%\x02\x18\
    \x06job_id%\x00L\x1c\x00\x00\x00\x15\x0c%\x02\x18\x04text\x00\x16\x02\x19\x1c\x19,&\x00\x1c\x15\x0c\
    \x19%\x06\x00\x19\x18\x06job_id\x15\x00\x16\x02\x16<\x16<&\x08I\x1c\x15\x00\x15\x00\x15\x02\x00<\x16\
    \x02\x19\x06\x19&\x00\x02\x00\x00\x00&\x00\x1c\x15\x0c\x19%\x06\x00\x19\x18\x04text\x15\x00\x16\x02\
    \x16<\x16<&DI\x1c\x15\x00\x15\x00\x15\x02\x00<\x16\x02\x19\x06\x19&\x00\x02\x00\x00\x00\x16x\x16\x02\
    &\x08\x16x\x00(\x20parquet-cpp-arrow\x20version\x2026.0.1\x19,\x1c\x00\x00\x1c\x00\x00\x00\xc9\x00\
    \x00\x00PAR1";
