//! Sentences per second, beside two peers in the same run, on one core.
//!
//! `cargo run --release -p jobmatch-benches --bin segment [FILE]`: on a text of its own, or on FILE.
#![allow(clippy::print_stdout, reason = "a bench prints its table")]

use jobmatch_benches::{job_text, megabytes_per_second};
use jobmatch_segment::Segmenter;
use unicode_segmentation::UnicodeSegmentation;

const BYTES: usize = 4_000_000;
const ROUNDS: usize = 3;

type Run<'r> = &'r dyn Fn(&str) -> usize;

fn main() -> std::io::Result<()> {
    let text = match std::env::args().nth(1) {
        Some(path) => std::fs::read_to_string(path)?,
        None => job_text(BYTES),
    };
    let segmenter = Segmenter::english();
    let ours: Run = &|text| segmenter.sentences(text).count();
    let peers: [(&str, Run); 2] = [
        ("unicode-segmentation", &|text| {
            text.unicode_sentences().count()
        }),
        ("sentencex", &|text| sentencex::segment("en", text).len()),
    ];
    let (own_rate, own_count) = megabytes_per_second(&text, ROUNDS, ours);
    println!(
        "{:<22} {:>8} {:>10} {:>8}",
        "", "MB/s", "sentences", "ratio"
    );
    println!(
        "{:<22} {own_rate:>8.1} {own_count:>10} {:>8.2}",
        "jobmatch-segment", 1.0
    );
    for (name, run) in peers {
        let (rate, count) = megabytes_per_second(&text, ROUNDS, run);
        println!(
            "{name:<22} {rate:>8.1} {count:>10} {:>8.2}",
            own_rate / rate
        );
    }
    Ok(())
}
