//! Time and memory of the cursor over many pairs.
//!
//! `cargo run --release -p jobmatch-training --example cursor -- FOLDER [PAIRS] [BYTES]`: writes PAIRS pairs (50
//! million unless given), their texts of about BYTES bytes (100 unless given), in 8 files to FOLDER, unless they are
//! there. Then it reads them, all rows and the positives only, each in a process of its own, so that neither the
//! writing nor the other reading counts. FOLDER stays; it is yours to delete.
//!
//! `--read FOLDER [--positives]` is such a process.
#![allow(clippy::print_stdout, reason = "a bench prints its table")]

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use jobmatch_records::{Pair, PairSource, ParquetWriter};
use jobmatch_training::{Cursor, CursorConfig, Position};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

const PAIRS: u64 = 50_000_000;
/// Bytes of a text, about.
const TEXT: usize = 100;
const FILES: u64 = 8;
/// Rows that are made and written at once.
const PIECE: u64 = 8192;
const ATTRIBUTES: usize = 3000;
const BATCH: usize = 256;
/// Rows that are read on for the rate.
const READ: u64 = 5_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["--read", folder] => read(Path::new(folder), false),
        ["--read", folder, "--positives"] => read(Path::new(folder), true),
        [folder, rest @ ..] if rest.len() < 3 => {
            let pairs = rest.first().map_or(Ok(PAIRS), |pairs| pairs.parse())?;
            let bytes = rest.get(1).map_or(Ok(TEXT), |bytes| bytes.parse())?;
            bench(folder, pairs, bytes)
        }
        _ => Err("arguments: FOLDER [PAIRS] [BYTES], or --read FOLDER [--positives]".into()),
    }
}

fn bench(folder: &str, pairs: u64, bytes: usize) -> Result<(), Box<dyn Error>> {
    if !Path::new(folder).exists() {
        let begun = Instant::now();
        write(Path::new(folder), pairs, bytes)?;
        println!(
            "wrote {pairs} pairs in {:.0} s",
            begun.elapsed().as_secs_f64()
        );
    }
    for flags in [&[][..], &["--positives"]] {
        let mut command = Command::new(std::env::current_exe()?);
        let status = command.arg("--read").arg(folder).args(flags).status()?;
        if !status.success() {
            return Err(format!("reading ended with {status}").into());
        }
    }
    Ok(())
}

fn read(folder: &Path, positives_only: bool) -> Result<(), Box<dyn Error>> {
    let config = CursorConfig {
        positives_only,
        ..CursorConfig::default()
    };
    println!(
        "{}",
        if positives_only {
            "positives"
        } else {
            "all rows"
        }
    );
    let shown = |what: &str, begun: Instant| {
        println!("  {what}: {:.3} s", begun.elapsed().as_secs_f64());
    };
    let begun = Instant::now();
    let mut cursor = Cursor::<Pair>::open(folder, config, 42)?;
    shown("open", begun);
    println!("  rows: {}", cursor.rows());

    let begun = Instant::now();
    cursor.next_batch(BATCH)?;
    shown("first batch", begun);

    let begun = Instant::now();
    let (mut rows, mut bytes) = (0_u64, 0_u64);
    while rows < READ {
        let batch = cursor.next_batch(BATCH)?;
        if batch.is_empty() {
            break;
        }
        rows += batch.len() as u64;
        bytes += batch
            .iter()
            .map(|pair| (pair.text.len() + pair.passage.len()) as u64)
            .sum::<u64>();
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "  reading on: {:.0} rows/s, {:.0} MB/s of texts and passages",
        rows as f64 / seconds,
        bytes as f64 / seconds / 1e6
    );

    let begun = Instant::now();
    let row = cursor.rows() / 2;
    cursor.seek(Position { epoch: 1, row })?;
    cursor.next_batch(BATCH)?;
    shown("seek to the middle of epoch 1 and its first batch", begun);
    println!("  peak memory: {}", peak()?);
    Ok(())
}

/// The most memory that this process had, as Linux writes it.
fn peak() -> Result<String, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(line.ok_or("no VmHWM")?.trim().to_owned())
}

fn write(folder: &Path, pairs: u64, bytes: usize) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let words: Vec<String> = (0..20_000).map(|_| word(&mut random)).collect();
    let passages: Vec<String> = (0..ATTRIBUTES)
        .map(|_| text(&words, &mut random, 60))
        .collect();
    let each = pairs.div_ceil(FILES);
    (0..FILES).into_par_iter().try_for_each(|file| {
        let path = folder.join(format!("part-{file:05}.parquet"));
        let mut writer = ParquetWriter::<Pair>::create(&path)?;
        let mut random = ChaCha8Rng::seed_from_u64(2);
        random.set_stream(file);
        let (mut number, end) = (file * each, ((file + 1) * each).min(pairs));
        let mut sentence = String::new();
        while number < end {
            let piece: Vec<Pair> = (number..end.min(number + PIECE))
                .map(|number| {
                    // A positive and two negatives of one sentence.
                    if number % 3 == 0 || sentence.is_empty() {
                        sentence = text(&words, &mut random, bytes);
                    }
                    pair(number, &sentence, &passages, &mut random)
                })
                .collect();
            number += piece.len() as u64;
            writer.write(&piece)?;
        }
        writer.finish().map(drop)
    })?;
    Ok(())
}

fn pair(number: u64, sentence: &str, passages: &[String], random: &mut ChaCha8Rng) -> Pair {
    let attribute = random.random_range(0..passages.len());
    let positive = number.is_multiple_of(3);
    Pair {
        pair_id: number,
        job_id: format!("job-{:08}", number / 30),
        sentence_index: Some((number / 3 % 10) as u32),
        start: Some(number / 3 % 10 * 101),
        end: Some(number / 3 % 10 * 101 + sentence.len() as u64),
        attribute_id: format!("4.A.{attribute}"),
        text: sentence.to_owned(),
        passage: passages[attribute].clone(),
        label: if positive { 1.0 } else { 0.0 },
        source: if positive {
            PairSource::Aligned
        } else {
            PairSource::Random
        },
        alignment_score: positive.then(|| random.random_range(1.0..30.0)),
        positive_id: (!positive).then_some(number / 3 * 3),
    }
}

fn word(random: &mut ChaCha8Rng) -> String {
    let length = random.random_range(2..11);
    (0..length)
        .map(|_| char::from(random.random_range(b'a'..=b'z')))
        .collect()
}

/// Words of about so many bytes: three fifths to seven fifths of it.
fn text(words: &[String], random: &mut ChaCha8Rng, about: usize) -> String {
    let end = random.random_range(about * 3 / 5..about * 7 / 5);
    let mut text = String::with_capacity(end + 10);
    while text.len() < end {
        if !text.is_empty() {
            text.push(' ');
        }
        if let Some(word) = words.choose(random) {
            text.push_str(word);
        }
    }
    text
}
