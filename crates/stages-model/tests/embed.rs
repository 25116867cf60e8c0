//! Embedding as run: every input and output says the same, on one process or several, killed or not.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use common::{Place, place_with_everything};
use jobmatch_encoder::{Device, Embedder, InferenceConfig};
use jobmatch_records::read_embeddings;

const PROGRAM: &str = "jobmatch-embed";

/// Texts with all that a CSV or JSON file has to escape.
fn texts(count: usize) -> Vec<(String, String)> {
    let parts = [
        "Plan \"budgets\", e.g. yearly",
        "naïve 北京 🙂",
        "",
        "Repair engines\nand pumps",
    ];
    let text = |number: usize| format!("{} {}", parts[number % 4], "weld ".repeat(number % 13));
    (0..count)
        .map(|number| (format!("t{number}"), text(number)))
        .collect()
}

fn json_lines(texts: &[(String, String)]) -> String {
    let line = |(id, text): &(String, String)| serde_json::json!({"id": id, "text": text});
    texts
        .iter()
        .map(|text| format!("{}\n", line(text)))
        .collect()
}

fn csv(texts: &[(String, String)]) -> String {
    let row = |(id, text): &(String, String)| format!("{id},\"{}\"\n", text.replace('"', "\"\""));
    format!("name,body\n{}", texts.iter().map(row).collect::<String>())
}

/// The library's own answer.
fn expected(place: &Place, texts: &[(String, String)], prompt: &str) -> Vec<f32> {
    let name = place.path("bi").display().to_string();
    let embedder = Embedder::load(&name, Device::Cpu, InferenceConfig::default()).unwrap();
    let texts: Vec<&str> = texts.iter().map(|(_, text)| text.as_str()).collect();
    embedder.embed(prompt, &texts, &mut |_| {}).unwrap().0
}

/// The vectors of all parts of an output, and their ids.
fn parts(folder: &Path) -> (Vec<String>, Vec<f32>) {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "parquet"))
        .collect();
    names.sort();
    let (mut ids, mut values) = (Vec::new(), Vec::new());
    for path in names {
        let (more_ids, more_values) = read_embeddings(&path).unwrap();
        ids.extend(more_ids);
        values.extend(more_values);
    }
    (ids, values)
}

fn published(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.ends_with("telemetry.jsonl"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap())
        })
        .collect()
}

fn start(place: &Place, arguments: &str, rank: u32, ranks: u32) -> Child {
    place
        .command(PROGRAM)
        .args(arguments.split_whitespace())
        .env("RANK", rank.to_string())
        .env("WORLD_SIZE", ranks.to_string())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn end_well(child: Child) {
    let ended = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success(), "{text}");
}

#[test]
fn every_input_and_output_says_what_the_library_says() {
    let place = place_with_everything();
    let texts = texts(57);
    place.write("texts.jsonl", json_lines(&texts));
    place.write("texts.csv", csv(&texts));
    let vectors = expected(&place, &texts, "");
    let ids: Vec<String> = texts.iter().map(|(id, _)| id.clone()).collect();

    let lines = "--model bi --input texts.jsonl --output lines --rows-per-file 20 --quiet";
    place.run(PROGRAM, lines).success();
    assert_eq!(parts(&place.path("lines")), (ids.clone(), vectors.clone()));
    let columns = "--column id=name --column text=body";
    let table = format!("--model bi --input texts.csv --output table {columns} --quiet");
    place.run(PROGRAM, &table).success();
    assert_eq!(parts(&place.path("table")), (ids.clone(), vectors.clone()));

    let npy = "--model bi --input texts.jsonl --output npy --format npy --rows-per-file 20 --quiet";
    place.run(PROGRAM, npy).success();
    let bytes = fs::read(place.path("npy/vectors.npy")).unwrap();
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!(header % 64, 0);
    assert!(String::from_utf8_lossy(&bytes[..header]).contains("'shape': (57, 32)"));
    let numbers: Vec<f32> = bytes[header..]
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    assert_eq!(numbers, vectors);
    let named: Vec<String> = place
        .read("npy/ids.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(named, ids);

    let streamed = place
        .run_with(
            PROGRAM,
            "--model bi --input - --output - --quiet",
            json_lines(&texts).as_bytes(),
        )
        .success();
    let mut numbers: Vec<f32> = Vec::new();
    for (line, id) in streamed.stdout.lines().zip(&ids) {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(row["id"], id.as_str());
        numbers.extend(serde_json::from_value::<Vec<f32>>(row["vector"].clone()).unwrap());
    }
    assert_eq!(numbers, vectors);
}

#[test]
fn prompts_dimensions_and_precision_are_heard() {
    let place = place_with_everything();
    let texts = texts(9);
    place.write("texts.jsonl", json_lines(&texts));
    let run = |output: &str, more: &str| {
        let arguments = format!("--model bi --input texts.jsonl --output {output} --quiet {more}");
        place.run(PROGRAM, &arguments).success();
        parts(&place.path(output)).1
    };
    assert_eq!(
        run("prompt", "--prompt-text query:"),
        expected(&place, &texts, "query:")
    );
    assert_eq!(run("cut", "--dimensions 8").len(), 9 * 8);
    // All texts fit, so windows change nothing.
    assert_eq!(run("windows", "--window-stride 8"), run("usual", ""));
    let exact = run("exact", "");
    let near = run("int8", "--precision int8");
    assert_ne!(near, exact);
    let furthest = exact
        .iter()
        .zip(&near)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(furthest < 0.1, "{furthest}");
    let report: serde_json::Value = serde_json::from_str(&place.read("cut/report.json")).unwrap();
    assert_eq!(
        (&report["rows"], &report["dimension"]),
        (&9.into(), &8.into())
    );
}

#[test]
fn two_processes_and_interruptions_change_no_byte() {
    let place = place_with_everything();
    place.write("texts.jsonl", json_lines(&texts(4000)));
    for format in ["parquet", "npy"] {
        let base =
            format!("--model bi --input texts.jsonl --format {format} --rows-per-file 100 --quiet");
        let whole = format!("{format}-whole");
        place
            .run(PROGRAM, &format!("{base} --output {whole}"))
            .success();
        let whole = published(&place.path(&whole));

        let shared = format!("{base} --output {format}-shared");
        let second = start(&place, &shared, 1, 2);
        end_well(start(&place, &shared, 0, 2));
        end_well(second);
        assert!(published(&place.path(&format!("{format}-shared"))) == whole);

        let killed = format!("{base} --output {format}-killed");
        let mut died = 0;
        for number in 0..8u64 {
            let mut child = start(&place, &killed, 0, 1);
            std::thread::sleep(Duration::from_millis(120 + 37 * number));
            child.kill().unwrap();
            died += u32::from(!child.wait().unwrap().success());
        }
        assert!(died > 0, "every run was over before it was killed");
        end_well(start(&place, &killed, 0, 1));
        assert!(published(&place.path(&format!("{format}-killed"))) == whole);
    }
}

#[test]
fn what_is_done_stays_and_what_differs_is_refused() {
    let place = place_with_everything();
    place.write("texts.jsonl", json_lines(&texts(5)));
    let arguments = "--model bi --input texts.jsonl --output out";
    place
        .run(PROGRAM, &format!("{arguments} --quiet"))
        .success();
    let before = published(&place.path("out"));
    place
        .run(PROGRAM, &format!("{arguments} --quiet"))
        .success();
    assert!(published(&place.path("out")) == before);
    let other = place.run(PROGRAM, &format!("{arguments} --dimensions 4 --quiet"));
    assert_eq!(other.code, Some(1));
    assert!(other.stderr.contains("dimensions"), "{}", other.stderr);
}

#[test]
fn an_empty_file_gives_an_empty_output() {
    let place = place_with_everything();
    place.write("texts.csv", "id,text\n");
    for format in ["parquet", "npy"] {
        let arguments =
            format!("--model bi --input texts.csv --output {format} --format {format} --quiet");
        place.run(PROGRAM, &arguments).success();
    }
    assert_eq!(parts(&place.path("parquet")), (Vec::new(), Vec::new()));
    assert_eq!(fs::read(place.path("npy/vectors.npy")).unwrap().len(), 128);
}

#[test]
fn bad_input_is_named() {
    let place = place_with_everything();
    place.write("cut.parquet", b"PAR1 and nothing");
    place.write("column.csv", "id,body\n1,x\n");
    place.write("utf8.jsonl", b"{\"id\": \"1\", \"text\": \"\xff\"}\n");
    for (input, part) in [
        ("cut.parquet", "cut.parquet"),
        ("column.csv", "text"),
        ("utf8.jsonl", "utf8.jsonl"),
        ("none.jsonl", "none.jsonl"),
    ] {
        let arguments = format!("--model bi --input {input} --output out --quiet");
        let ended = place.run(PROGRAM, &arguments);
        assert_eq!(ended.code, Some(1), "{input}");
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
        assert!(!place.path("out").exists());
    }
    place.write(
        "mixed.jsonl",
        "{\"id\": \"1\", \"text\": \"a\"}\n{\"id\": \"2\"}\n",
    );
    let skip = "--model bi --input mixed.jsonl --output kept --on-bad-row skip --quiet";
    place.run(PROGRAM, skip).success();
    assert_eq!(parts(&place.path("kept")).0, ["1"]);
    assert!(place.read("kept/rejected.jsonl").contains("mixed.jsonl"));
    let torn = place.run_with(
        PROGRAM,
        "--model bi --input - --output - --quiet",
        b"{\"id\": 1, \"text\": \"a\"}\n{\"id\": 2\n",
    );
    assert_eq!((torn.code, torn.stdout.lines().count()), (Some(1), 1));
    assert!(torn.stderr.contains("line 2"), "{}", torn.stderr);
    for arguments in [
        "--model bi --input - --output out",
        "--model bi --input x --output y --prompt no",
    ] {
        assert_eq!(place.run(PROGRAM, arguments).code, Some(2), "{arguments}");
    }
}
