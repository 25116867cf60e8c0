//! Random access gives the rows that reading from first to last gives, and names the file in every error.
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]
#![allow(
    clippy::single_range_in_vec_init,
    reason = "a list of one range is what is meant"
)]

use std::fs::{self, File};
use std::path::Path;

use jobmatch_records::{Blocks, Error, Pair, PairSource, Positive, Record, read_shards};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

fn pairs(count: u64) -> Vec<Pair> {
    (0..count)
        .map(|number| Pair {
            pair_id: number,
            job_id: format!("J{}", number / 5),
            sentence_index: (number % 2 == 0).then_some(3),
            start: None,
            end: None,
            attribute_id: format!("A{}", number % 7),
            text: "same".to_owned(),
            passage: format!("passage {}", number % 7),
            label: if number % 3 == 0 { 1.0 } else { 0.0 },
            source: PairSource::Random,
            alignment_score: None,
            positive_id: (number % 3 != 0).then_some(number / 3),
        })
        .collect()
}

fn write<R: Record>(path: &Path, rows: &[R], group: usize) {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group))
        // Several pages in a row group, so that some are skipped.
        .set_data_page_row_count_limit(4)
        .set_write_batch_size(2)
        .build();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, R::schema(), Some(properties)).unwrap();
    writer.write(&R::to_batch(rows).unwrap()).unwrap();
    writer.close().unwrap();
}

/// 25 and 7 rows, in row groups of 10, besides a file that is none of the shards.
fn folder() -> (tempfile::TempDir, Vec<Pair>) {
    let folder = tempfile::tempdir().unwrap();
    let rows = pairs(32);
    write(&folder.path().join("part-00000.parquet"), &rows[..25], 10);
    write(&folder.path().join("part-00001.parquet"), &rows[25..], 10);
    fs::write(folder.path().join("partial.parquet"), "no Parquet").unwrap();
    (folder, rows)
}

#[test]
fn footers_tell_rows_and_bytes_of_each_row_group() {
    let (folder, rows) = folder();
    let blocks = Blocks::<Pair>::open(folder.path(), "part").unwrap();
    let facts: Vec<_> = blocks
        .groups()
        .iter()
        .map(|group| (group.shard, group.number, group.first_row, group.rows))
        .collect();
    assert_eq!(
        facts,
        [(0, 0, 0, 10), (0, 1, 10, 10), (0, 2, 20, 5), (1, 0, 0, 7)]
    );
    assert_eq!(blocks.shards()[0].groups, 0..3);
    assert_eq!(blocks.shards()[1].groups, 3..4);
    let texts: usize = rows[..10]
        .iter()
        .map(|row| {
            row.job_id.len()
                + row.attribute_id.len()
                + row.text.len()
                + row.passage.len()
                + row.source.name().len()
        })
        .sum();
    // Numbers of 4, 8 bytes: each row has two always and five perhaps, of which an absent one counts too.
    assert_eq!(
        blocks.groups()[0].bytes as usize,
        texts + 10 * (2 * 4 + 4 + 4 * 8)
    );
}

#[test]
fn any_range_gives_the_rows_that_stand_there() {
    let (folder, rows) = folder();
    let all: Vec<Pair> = read_shards(folder.path(), "part")
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(all, rows);
    let blocks = Blocks::<Pair>::open(folder.path(), "part").unwrap();
    let mut reader = blocks.reader();
    let mut first = 0;
    for (number, group) in blocks.groups().iter().enumerate() {
        let here = &rows[first..first + group.rows as usize];
        for start in 0..=group.rows {
            for end in start..=group.rows {
                let range = start..end;
                let read = reader.read(number, &[range]).unwrap();
                assert_eq!(read, here[start as usize..end as usize]);
            }
        }
        first += here.len();
    }
    let some = reader.read(1, &[0..2, 5..6, 6..6, 8..10]).unwrap();
    assert_eq!(some, [&rows[10..12], &rows[15..16], &rows[18..20]].concat());
}

#[test]
fn rows_are_left_out_by_a_number_that_they_have() {
    let (folder, rows) = folder();
    let blocks = Blocks::<Pair>::open(folder.path(), "part").unwrap();
    let mut asked = Vec::new();
    let kept = blocks
        .reader()
        .read_if(1, &[1..4, 7..9], "label", |row, label| {
            asked.push(row);
            label > 0.5
        })
        .unwrap();
    assert_eq!(asked, [1, 2, 3, 7, 8]);
    assert_eq!(kept, [rows[12].clone(), rows[18].clone()]);
    let labels = blocks.reader().floats(2, "label").unwrap();
    let expected: Vec<f32> = rows[20..25].iter().map(|row| row.label).collect();
    assert_eq!(labels, expected);
}

#[test]
fn what_is_not_there_is_an_error() {
    let (folder, _) = folder();
    let blocks = Blocks::<Pair>::open(folder.path(), "part").unwrap();
    let mut reader = blocks.reader();
    assert!(reader.read(4, &[]).is_err());
    assert!(reader.read(3, &[5..8]).is_err());
    assert!(reader.read(0, &[4..8, 6..9]).is_err());
    #[allow(clippy::reversed_empty_ranges, reason = "it is what is refused")]
    let reversed = [8..4];
    assert!(reader.read(0, &reversed).is_err());
    assert!(reader.floats(0, "score").is_err());
    let text = reader.floats(0, "job_id").unwrap_err().to_string();
    assert!(
        text.contains("part-00000.parquet") && text.contains("job_id"),
        "{text}"
    );
    let bad = blocks.bad_row(&blocks.groups()[1], 4, "it is odd".to_owned());
    assert!(
        bad.to_string()
            .ends_with("part-00000.parquet, row 15: it is odd")
    );
}

#[test]
fn broken_folders_are_refused_by_name() {
    let empty = tempfile::tempdir().unwrap();
    let open = |folder: &Path| Blocks::<Pair>::open(folder, "part").unwrap_err();
    assert!(matches!(open(empty.path()), Error::NoShards { .. }));
    assert!(matches!(open(&empty.path().join("none")), Error::Io { .. }));

    let other = empty.path().join("part-0.parquet");
    let rows = [Positive {
        job_id: "J".to_owned(),
        text_digest: "D".to_owned(),
        attribute_id: "A".to_owned(),
    }];
    write(&other, &rows, 10);
    let error = open(empty.path());
    let Error::Column { path, column, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!((path, column.as_str()), (&other, "pair_id"));

    let (folder, _) = folder();
    let cut = folder.path().join("part-00001.parquet");
    let bytes = fs::read(&cut).unwrap();
    fs::write(&cut, &bytes[..bytes.len() - 10]).unwrap();
    let error = open(folder.path());
    assert!(
        matches!(&error, Error::Parquet { path, .. } if *path == cut),
        "{error}"
    );
}

#[test]
fn a_file_that_was_written_again_is_refused() {
    let (folder, rows) = folder();
    let blocks = Blocks::<Pair>::open(folder.path(), "part").unwrap();
    write(&folder.path().join("part-00001.parquet"), &rows[..7], 10);
    assert!(blocks.reader().read(0, &[0..3]).is_ok());
    let error = blocks.reader().read(3, &[0..3]).unwrap_err();
    assert!(error.to_string().contains("part-00001.parquet"), "{error}");
}
