//! The cursor gives each row once, in one order however it is cut, and says what is wrong with its files.
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{Array, ArrayRef, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use jobmatch_records::{Pair, PairSource, Positive, Record};
use jobmatch_training::{Cursor, CursorConfig, Error, Position, share};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;
use proptest::sample::Index;

/// A third of them are positives, in no regular pattern.
fn pair(number: u64) -> Pair {
    Pair {
        pair_id: number,
        job_id: format!("J{number}"),
        sentence_index: None,
        start: None,
        end: None,
        attribute_id: "A".to_owned(),
        text: format!("text {number}"),
        passage: "passage".to_owned(),
        label: if number * number % 7 < 2 { 1.0 } else { 0.0 },
        source: source(number),
        alignment_score: None,
        positive_id: None,
    }
}

fn source(number: u64) -> PairSource {
    match number % 5 {
        0 => PairSource::Evidence,
        1 | 2 => PairSource::Hard,
        _ => PairSource::Random,
    }
}

fn write<R: Record>(path: &Path, rows: &[R], group: usize) {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group))
        .build();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, R::schema(), Some(properties)).unwrap();
    writer.write(&R::to_batch(rows).unwrap()).unwrap();
    writer.close().unwrap();
}

fn part(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("part-{number:05}.parquet"))
}

/// Files of so many rows each, numbered through.
fn folder(files: &[u64], group: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut first = 0;
    for (number, &count) in files.iter().enumerate() {
        let rows: Vec<Pair> = (first..first + count).map(pair).collect();
        write(&part(folder.path(), number), &rows, group);
        first += count;
    }
    folder
}

fn small(block_rows: u32, window_rows: u64) -> CursorConfig {
    CursorConfig {
        block_rows,
        window_rows,
        ..CursorConfig::default()
    }
}

fn open(folder: &Path, config: &CursorConfig, seed: u64) -> Cursor<Pair> {
    Cursor::open(folder, config.clone(), seed).unwrap()
}

/// Takes a share of a source.
fn drawing(source: &str, share: f64) -> CursorConfig {
    CursorConfig {
        shares: [(source.to_owned(), share)].into(),
        ..small(4, 8)
    }
}

/// What is left of the epoch, by batches.
fn rest(cursor: &mut Cursor<Pair>, batch: usize) -> Vec<u64> {
    let mut rows = Vec::new();
    loop {
        let next = cursor.next_batch(batch).unwrap();
        if next.is_empty() {
            assert_eq!(cursor.position().row, cursor.rows());
            return rows;
        }
        assert!(next.len() == batch || cursor.position().row == cursor.rows());
        rows.extend(next.iter().map(|row| row.pair_id));
    }
}

fn at(epoch: u64, row: u64) -> Position {
    Position { epoch, row }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn an_epoch_is_every_row_once_in_one_order_however_it_is_read(
        files in prop::collection::vec(0_u64..60, 1..5),
        group in 1_usize..40,
        block_rows in 1_u32..20,
        windows in 0_u64..40,
        window_bytes in prop_oneof![Just(1_u64 << 20), 1_u64..2000],
        batch in 1_usize..30,
        positives_only: bool,
        drawn_share in prop::option::of(0.0..=1.0),
        seed: u64,
        epoch in 0_u64..5,
        places: [Index; 4],
    ) {
        let folder = folder(&files, group);
        let config = CursorConfig {
            positives_only: positives_only && drawn_share.is_none(),
            shares: drawn_share.map(|share| ("hard".to_owned(), share)).into_iter().collect(),
            block_rows,
            window_rows: u64::from(block_rows) + windows,
            window_bytes,
        };
        let all = 0..files.iter().sum();
        let mut expected: Vec<u64> = all
            .clone()
            .filter(|&number| !config.positives_only || pair(number).label > 0.5)
            .collect();
        if let Some(share) = drawn_share {
            // Which ones of the source are drawn is the cursor's; how many, and that all others come, is not.
            let hard = all.filter(|&number| source(number) == PairSource::Hard).count();
            let drawn = (hard as f64 * share).floor() as usize;
            let mut cursor = match Cursor::<Pair>::open(folder.path(), config.clone(), seed) {
                Ok(cursor) => cursor,
                Err(_) => {
                    prop_assert_eq!(expected.len() - hard + drawn, 0);
                    return Ok(());
                }
            };
            cursor.seek(at(epoch, 0)).unwrap();
            let mut found = rest(&mut cursor, batch);
            found.sort_unstable();
            let is_hard = |number: &u64| source(*number) == PairSource::Hard;
            prop_assert_eq!(found.iter().filter(|number| is_hard(number)).count(), drawn);
            expected.retain(|number| !is_hard(number) || found.contains(number));
        }
        if expected.is_empty() {
            let opened = Cursor::<Pair>::open(folder.path(), config, seed);
            let refused = matches!(opened, Err(Error::NoRows { .. }));
            prop_assert!(refused);
            return Ok(());
        }
        let count = expected.len();
        let mut cursor = open(folder.path(), &config, seed);
        prop_assert_eq!(cursor.rows(), count as u64);
        prop_assert_eq!(cursor.batches(batch, true), (count / batch) as u64);
        prop_assert_eq!(cursor.batches(batch, false), count.div_ceil(batch) as u64);

        cursor.seek(at(epoch, 0)).unwrap();
        let order = rest(&mut cursor, batch);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        prop_assert_eq!(&sorted, &expected);

        // On into the next epoch, with the thread that already read into it.
        cursor.seek(at(epoch + 1, 0)).unwrap();
        let next = rest(&mut cursor, batch);
        prop_assert_eq!(next.len(), count);
        if count > 12 {
            prop_assert_ne!(&order, &next);
        }

        let mut again = open(folder.path(), &config, seed);
        prop_assert_eq!(again.fingerprint(), cursor.fingerprint());
        again.seek(at(epoch + 1, 0)).unwrap();
        prop_assert_eq!(&rest(&mut again, count), &next);
        // An epoch that ends before its last, short batch.
        again.seek(at(epoch, 0)).unwrap();
        for _ in 0..again.batches(batch, true) {
            again.next_batch(batch).unwrap();
        }
        again.seek(at(epoch + 1, 0)).unwrap();
        prop_assert_eq!(&rest(&mut again, batch), &next);
        for place in places {
            let row = place.index(count + 1);
            again.seek(at(epoch, row as u64)).unwrap();
            prop_assert_eq!(&rest(&mut again, batch), &order[row..]);
        }

        for world in [1, 2, 3, 5] {
            let mut ranks: Vec<_> = (0..world).map(|_| open(folder.path(), &config, seed)).collect();
            let mut together = Vec::new();
            for cursor in &mut ranks {
                cursor.seek(at(epoch, 0)).unwrap();
            }
            for _ in 0..ranks[0].batches(batch, false) {
                for (rank, cursor) in ranks.iter_mut().enumerate() {
                    let rows = cursor.next_batch(batch).unwrap();
                    let mine = &rows[share(rows.len(), rank, world)];
                    together.extend(mine.iter().map(|row| row.pair_id));
                }
            }
            prop_assert_eq!(&together, &order);
        }
    }
}

#[test]
fn rows_that_fit_one_window_are_shuffled_over_all_files() {
    let folder = folder(&[500, 500], 100);
    let order = rest(&mut open(folder.path(), &small(10, 1000), 1), 64);
    // Of the first half, about a half comes from each file: far fewer would be 100 standard deviations away.
    let first_file = order[..500].iter().filter(|&&row| row < 500).count();
    assert!((200..300).contains(&first_file), "{first_file}");
    let neighbours = order.windows(2).filter(|pair| pair[0] + 1 == pair[1]);
    assert!(neighbours.count() < 20);
}

#[test]
fn epochs_draw_other_rows_of_a_source_until_all_were_drawn() {
    let folder = folder(&[100, 100], 50);
    let config = CursorConfig {
        block_rows: 25,
        window_rows: 100,
        ..drawing("hard", 0.25)
    };
    let mut cursor = open(folder.path(), &config, 1);
    let mut drawn: Vec<u64> = Vec::new();
    for epoch in 0..5 {
        cursor.seek(at(epoch, 0)).unwrap();
        let rows = rest(&mut cursor, 16);
        assert_eq!(rows.len(), 120 + 20);
        drawn.extend(rows.iter().filter(|row| source(**row) == PairSource::Hard));
    }
    // 80 in eight blocks of 10, of which 2 or 3 are drawn at a time.
    drawn.sort_unstable();
    drawn.dedup();
    assert_eq!(drawn.len(), 80);
}

#[test]
fn a_position_goes_through_a_checkpoint() {
    let position = at(3, 1_000_000_007);
    let text = serde_json::to_string(&position).unwrap();
    assert_eq!(text, r#"{"epoch":3,"row":1000000007}"#);
    assert_eq!(serde_json::from_str::<Position>(&text).unwrap(), position);
}

#[test]
fn positions_past_the_end_are_refused_and_the_end_is_one() {
    let folder = folder(&[30], 10);
    let mut cursor = open(folder.path(), &small(4, 8), 1);
    cursor.seek(at(0, 30)).unwrap();
    assert!(cursor.next_batch(4).unwrap().is_empty());
    let error = cursor.seek(at(0, 31)).unwrap_err();
    assert!(matches!(error, Error::PastEnd { row: 31, rows: 30 }));
    assert_eq!(cursor.position(), at(0, 30));
    assert!(cursor.next_batch(0).unwrap().is_empty());
    assert_eq!(cursor.batches(0, false), 0);
    cursor.seek(at(u64::MAX, 28)).unwrap();
    assert_eq!(cursor.next_batch(usize::MAX).unwrap().len(), 2);
}

#[test]
fn folders_without_rows_are_refused() {
    let empty = tempfile::tempdir().unwrap();
    let open = |folder: &Path, positives_only| {
        let config = CursorConfig {
            positives_only,
            ..CursorConfig::default()
        };
        Cursor::<Pair>::open(folder, config, 1).unwrap_err()
    };
    let error = open(empty.path(), false);
    assert!(
        matches!(
            error,
            Error::Records(jobmatch_records::Error::NoShards { .. })
        ),
        "{error}"
    );
    write::<Pair>(&part(empty.path(), 0), &[], 10);
    assert!(
        open(empty.path(), false)
            .to_string()
            .contains("holds no row")
    );
    let negative = Pair {
        label: 0.0,
        ..pair(0)
    };
    write(&part(empty.path(), 1), &[negative], 10);
    assert!(
        open(empty.path(), true)
            .to_string()
            .contains("holds no positive")
    );
}

#[test]
fn a_missing_column_and_a_file_cut_short_are_named() {
    let folder = folder(&[30], 10);
    let open = || {
        let opened = Cursor::<Pair>::open(folder.path(), CursorConfig::default(), 1);
        opened.unwrap_err().to_string()
    };
    let rows = [Positive {
        job_id: "J".to_owned(),
        text_digest: "D".to_owned(),
        attribute_id: "A".to_owned(),
    }];
    write(&part(folder.path(), 1), &rows, 10);
    let text = open();
    assert!(
        text.contains("part-00001.parquet: column `pair_id` is missing"),
        "{text}"
    );
    let bytes = fs::read(part(folder.path(), 0)).unwrap();
    fs::write(part(folder.path(), 1), &bytes[..bytes.len() / 2]).unwrap();
    let text = open();
    assert!(
        text.contains("part-00001.parquet is no whole Parquet file"),
        "{text}"
    );
}

#[test]
fn a_bad_label_is_named_by_file_and_row() {
    for (label, shown) in [(f32::NAN, "NaN"), (1.5, "1.5"), (-0.5, "-0.5")] {
        let folder = folder(&[30, 0], 10);
        let mut rows: Vec<Pair> = (30..60).map(pair).collect();
        rows[24].label = label;
        write(&part(folder.path(), 1), &rows, 10);
        let expected = format!("part-00001.parquet, row 25: `label` is {shown}");
        let positives = CursorConfig {
            positives_only: true,
            ..small(4, 8)
        };
        let scanned = Cursor::<Pair>::open(folder.path(), positives, 1).unwrap_err();
        assert!(scanned.to_string().contains(&expected), "{scanned}");
        let mut cursor = open(folder.path(), &small(4, 8), 1);
        let read = (0..60).find_map(|_| cursor.next_batch(1).err()).unwrap();
        assert!(read.to_string().contains(&expected), "{read}");
    }
}

#[test]
fn other_files_settings_or_seeds_have_another_fingerprint() {
    let whole = folder(&[30, 30], 10);
    let config = small(4, 8);
    let cursor = open(whole.path(), &config, 1);
    let before = cursor.fingerprint();
    assert_eq!(open(whole.path(), &config, 1).fingerprint(), before);
    let others = [
        open(whole.path(), &config, 2).fingerprint(),
        open(whole.path(), &small(5, 8), 1).fingerprint(),
        open(whole.path(), &small(4, 9), 1).fingerprint(),
        open(folder(&[30, 30], 11).path(), &config, 1).fingerprint(),
        open(folder(&[30, 29], 10).path(), &config, 1).fingerprint(),
        open(whole.path(), &drawing("hard", 0.5), 1).fingerprint(),
        // As many rows, but others.
        open(whole.path(), &drawing("random", 0.5), 1).fingerprint(),
    ];
    let distinct: BTreeSet<&String> = others.iter().chain([&before]).collect();
    assert_eq!(distinct.len(), others.len() + 1);
    fs::rename(part(whole.path(), 1), part(whole.path(), 2)).unwrap();
    let changed = open(whole.path(), &config, 1);
    assert_ne!(changed.fingerprint(), before);
}

#[test]
fn an_error_of_the_thread_comes_out_and_loses_no_row() {
    let folder = folder(&[40, 40], 10);
    let config = small(4, 8);
    let order = rest(&mut open(folder.path(), &config, 1), 7);
    let mut cursor = open(folder.path(), &config, 1);
    let second = part(folder.path(), 1);
    let bytes = fs::read(&second).unwrap();
    fs::write(&second, &bytes[..bytes.len() / 2]).unwrap();
    let mut read = Vec::new();
    let error = loop {
        match cursor.next_batch(7) {
            Ok(batch) => read.extend(batch.iter().map(|row| row.pair_id)),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("part-00001.parquet"), "{error}");
    assert_eq!(cursor.position(), at(0, read.len() as u64));
    assert!(cursor.next_batch(7).is_err());
    fs::write(&second, &bytes).unwrap();
    read.extend(rest(&mut cursor, 7));
    assert_eq!(read, order);

    // A whole footer over damaged rows.
    let mut damaged = bytes;
    damaged[4..2000].fill(0);
    fs::write(&second, &damaged).unwrap();
    let mut cursor = open(folder.path(), &config, 1);
    let error = (0..80).find_map(|_| cursor.next_batch(1).err()).unwrap();
    assert!(error.to_string().contains("part-00001.parquet"), "{error}");
}

/// A row that knows how many of its kind are in memory. It has one of the files' columns, and no label.
struct Counted(u64);

static IN_MEMORY: AtomicUsize = AtomicUsize::new(0);

impl Drop for Counted {
    fn drop(&mut self) {
        IN_MEMORY.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Record for Counted {
    fn schema() -> SchemaRef {
        let column = Field::new("pair_id", DataType::UInt64, false);
        Arc::new(Schema::new(vec![column]))
    }

    fn to_columns(rows: &[Self]) -> Vec<ArrayRef> {
        let ids = rows.iter().map(|row| row.0);
        vec![Arc::new(UInt64Array::from_iter_values(ids))]
    }

    fn from_batch(batch: &RecordBatch) -> jobmatch_records::Result<Vec<Self>> {
        let column = batch.column(0).as_any().downcast_ref::<UInt64Array>();
        let rows: Vec<Self> = column.unwrap().values().iter().copied().map(Self).collect();
        IN_MEMORY.fetch_add(rows.len(), Ordering::SeqCst);
        Ok(rows)
    }
}

#[test]
fn one_window_is_read_ahead_and_no_more_and_nothing_outlives_the_cursor() {
    let folder = folder(&[50, 50], 10);
    let mut cursor = Cursor::<Counted>::open(folder.path(), small(10, 20), 1).unwrap();
    assert_eq!(IN_MEMORY.load(Ordering::SeqCst), 0);
    for batches in 1..4 {
        drop(cursor.next_batch(5).unwrap());
        let two_windows = 40 - batches * 5;
        let begun = Instant::now();
        while IN_MEMORY.load(Ordering::SeqCst) != two_windows {
            assert!(begun.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(IN_MEMORY.load(Ordering::SeqCst), 25);
    drop(cursor);
    assert_eq!(IN_MEMORY.load(Ordering::SeqCst), 0);
}

/// A row that cannot be read.
struct Panics;

impl Record for Panics {
    fn schema() -> SchemaRef {
        Counted::schema()
    }

    fn to_columns(_: &[Self]) -> Vec<ArrayRef> {
        Vec::new()
    }

    fn from_batch(_: &RecordBatch) -> jobmatch_records::Result<Vec<Self>> {
        panic!("a test wants this panic")
    }
}

#[test]
fn a_panic_of_the_thread_is_an_error() {
    let folder = folder(&[50], 10);
    let mut cursor = Cursor::<Panics>::open(folder.path(), small(10, 20), 1).unwrap();
    assert!(matches!(cursor.next_batch(5), Err(Error::ReadingEnded)));
    assert_eq!(cursor.position(), at(0, 0));
}
