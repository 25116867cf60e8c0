//! Rows come back from Parquet as they went in; the same rows give the same bytes.
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

mod support;

use std::fmt::Debug;
use std::fs::{self, File};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, DictionaryArray, Float64Array, Int32Array, Int64Array,
    LargeStringArray, ListArray, RecordBatch, StringArray, StringViewArray,
};
use arrow::datatypes::Int32Type;
use jobmatch_records::{
    Columns, Evidence, IndexedAttribute, Kind, Pair, PairSource, ParquetWriter, Positive,
    Prediction, ReadOptions, Record, Sentence, Split, read_all, read_definitions, read_jobs,
    read_labels, read_shards,
};
use parquet::arrow::ArrowWriter;
use parquet::file::reader::{FileReader, SerializedFileReader};
use proptest::option;
use proptest::prelude::*;
use support::Folder;

fn sentence(index: u32) -> Sentence {
    Sentence {
        job_id: "j".to_owned(),
        index,
        start: 0,
        end: 1,
        text: format!("text {index}"),
        clean: "x".to_owned(),
        kind: Kind::Bullet,
    }
}

fn write<R: Record>(folder: &Folder, name: &str, calls: &[&[R]]) -> Vec<u8> {
    let path = folder.path(name);
    let mut writer = ParquetWriter::create(&path).unwrap();
    for rows in calls {
        writer.write(rows).unwrap();
    }
    let rows: usize = calls.iter().map(|rows| rows.len()).sum();
    assert_eq!(writer.finish().unwrap(), rows as u64);
    fs::read(&path).unwrap()
}

fn check<R: Record + PartialEq + Debug>(rows: &[R]) {
    let folder = Folder::new();
    write(&folder, "rows.parquet", &[rows]);
    assert_eq!(read_all::<R>(&folder.path("rows.parquet")).unwrap(), rows);
    let batch = R::to_batch(rows).unwrap();
    assert_eq!(batch.schema(), R::schema());
    assert_eq!(R::from_batch(&batch).unwrap(), rows);
}

prop_compose! {
    fn pair()(
        ids in any::<(u64, String, String)>(),
        place in option::of(any::<(u32, u64, u64)>()),
        texts in any::<(String, String)>(),
        positive in any::<bool>(),
        source in prop::sample::select(vec![
            PairSource::Evidence, PairSource::Aligned, PairSource::Random, PairSource::Hard, PairSource::Given,
        ]),
        alignment_score in option::of(any::<f32>()),
        positive_id in option::of(any::<u64>()),
    ) -> Pair {
        Pair {
            pair_id: ids.0,
            job_id: ids.1,
            sentence_index: place.map(|place| place.0),
            start: place.map(|place| place.1),
            end: place.map(|place| place.2),
            attribute_id: ids.2,
            text: texts.0,
            passage: texts.1,
            label: f32::from(u8::from(positive)),
            source,
            alignment_score,
            positive_id,
        }
    }
}

prop_compose! {
    fn prediction()(
        job_id in any::<String>(),
        scores in any::<(f32, f32, Option<f32>)>(),
        rank in any::<u32>(),
        decided in any::<bool>(),
        proof in option::of(any::<(u64, u64)>()),
    ) -> Prediction {
        Prediction {
            attribute_id: format!("a{job_id}"),
            job_id,
            rank,
            score: scores.0,
            bi_score: scores.1,
            cross_score: scores.2,
            decided,
            sentence_start: proof.map(|proof| proof.0),
            sentence_end: proof.map(|proof| proof.1),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn pairs_and_predictions_come_back(
        pairs in prop::collection::vec(pair(), 0..20),
        predictions in prop::collection::vec(prediction(), 0..20),
    ) {
        check(&pairs);
        check(&predictions);
    }
}

#[test]
fn the_other_rows_come_back() {
    check(
        &[Kind::Heading, Kind::Bullet, Kind::Prose].map(|kind| Sentence {
            kind,
            ..sentence(3)
        }),
    );
    check(&[Positive {
        job_id: "j".to_owned(),
        text_digest: "ab".to_owned(),
        attribute_id: "a".to_owned(),
    }]);
    check(&[IndexedAttribute {
        faiss_id: u64::MAX,
        attribute_id: "a".to_owned(),
        name: "Ä".to_owned(),
        passage: String::new(),
    }]);
    check::<Sentence>(&[]);
}

#[test]
fn the_same_rows_give_the_same_bytes_in_bounded_row_groups() {
    let rows: Vec<Sentence> = (0..150_000).map(sentence).collect();
    let folder = Folder::new();
    let whole = write(&folder, "whole.parquet", &[&rows]);
    for size in [1, 7919, 65_536] {
        let calls: Vec<&[Sentence]> = rows.chunks(size).collect();
        assert!(
            write(&folder, "calls.parquet", &calls) == whole,
            "calls of {size} rows"
        );
    }
    let file =
        SerializedFileReader::new(File::open(folder.path("whole.parquet")).unwrap()).unwrap();
    let groups: Vec<i64> = file
        .metadata()
        .row_groups()
        .iter()
        .map(|group| group.num_rows())
        .collect();
    assert_eq!(groups, [65_536, 65_536, 18_928]);
    assert_eq!(
        file.metadata().file_metadata().created_by(),
        Some("jobmatch")
    );
    assert_eq!(
        read_all::<Sentence>(&folder.path("calls.parquet")).unwrap(),
        rows
    );
}

/// One wrong name there, and the column would be written as any other.
#[test]
fn rising_columns_are_whole_numbers() {
    fn check<R: Record>() {
        for name in R::RISING {
            let schema = R::schema();
            let column = schema.field_with_name(name).unwrap();
            assert!(column.data_type().is_integer(), "{name}");
        }
    }
    check::<Pair>();
    check::<IndexedAttribute>();
}

#[test]
fn shards_are_read_in_order_and_named_when_absent() {
    let folder = Folder::new();
    for shard in [1u32, 0] {
        write(
            &folder,
            &format!("sentences-{shard:05}.parquet"),
            &[&[sentence(shard)]],
        );
    }
    folder.file("sentences.parquet", "not one of them");
    let read: Vec<Sentence> = read_shards(&folder.path(""), "sentences")
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(read, [sentence(0), sentence(1)]);
    let error = read_shards::<Sentence>(&folder.path(""), "part")
        .unwrap_err()
        .to_string();
    assert!(error.contains("holds no part-*.parquet"), "{error}");
}

#[test]
fn what_is_wrong_with_a_file_is_named() {
    let folder = Folder::new();
    let rows: Vec<Sentence> = (0..1000).map(sentence).collect();
    let whole = write(&folder, "whole.parquet", &[&rows]);
    assert_eq!(
        folder.message(read_all::<Pair>(&folder.path("whole.parquet"))),
        "whole.parquet: column `pair_id` is missing"
    );

    let cut = folder.file("cut.parquet", &whole[..whole.len() - 9]);
    for message in [
        folder.message(read_all::<Sentence>(&cut)),
        folder.message(read_jobs(&cut, &ReadOptions::default())),
    ] {
        assert_eq!(
            message,
            "cut.parquet is no whole Parquet file; was it cut short? Make it, or copy it, again: \
             Parquet error: Invalid Parquet file. Corrupt footer"
        );
    }

    // In the middle of the only row group: a page of some column, and perhaps the next one's head.
    let mut damaged = whole.clone();
    let middle = damaged.len() / 3;
    damaged[middle..2 * middle].fill(0x5a);
    let path = folder.file("damaged.parquet", damaged);
    let message = folder.message(read_all::<Sentence>(&path));
    let refused =
        "damaged.parquet is damaged: its rows cannot be read. Make it, or copy it, again: ";
    assert!(message.starts_with(refused), "{message}");

    let kinds = StringArray::from(vec!["verse"]);
    let mut columns = Sentence::to_columns(&[sentence(0)]);
    columns[6] = Arc::new(kinds);
    let batch = RecordBatch::try_new(Sentence::schema(), columns).unwrap();
    assert_eq!(
        Sentence::from_batch(&batch).unwrap_err().to_string(),
        ": column `kind` is `verse`; heading, bullet and prose are known"
    );
}

fn foreign(folder: &Folder, name: &str, columns: Vec<(&str, ArrayRef)>) -> std::path::PathBuf {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let path = folder.path(name);
    let mut writer =
        ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

#[test]
fn tables_of_other_programs_are_read() {
    let folder = Folder::new();
    let splits: DictionaryArray<Int32Type> = vec!["train", "golden"].into_iter().collect();
    let path = foreign(
        &folder,
        "jobs.parquet",
        vec![
            (
                "number",
                Arc::new(Int64Array::from(vec![11, 12])) as ArrayRef,
            ),
            ("text", Arc::new(LargeStringArray::from(vec!["a", "b"]))),
            (
                "title",
                Arc::new(StringViewArray::from(vec![Some("T"), None])),
            ),
            ("split", Arc::new(splits)),
            ("nested", Arc::new(numbers(vec![vec![1], vec![2]]))),
        ],
    );
    let mapped = ReadOptions {
        columns: Columns::new([("job_id".to_owned(), "number".to_owned())]),
        ..ReadOptions::default()
    };
    let (jobs, _) = read_jobs(&path, &mapped).unwrap();
    assert_eq!(
        (jobs[0].job_id.as_str(), jobs[0].title.as_deref()),
        ("11", Some("T"))
    );
    assert_eq!(
        (jobs[1].split, jobs[1].title.as_deref()),
        (Some(Split::Golden), None)
    );

    let path = foreign(
        &folder,
        "labels.parquet",
        vec![
            (
                "job_id",
                Arc::new(StringArray::from(vec!["j", "j"])) as ArrayRef,
            ),
            ("attribute_id", Arc::new(StringArray::from(vec!["a", "b"]))),
            ("label", Arc::new(BooleanArray::from(vec![true, false]))),
            ("grade", Arc::new(Int32Array::from(vec![Some(2), None]))),
            ("start", Arc::new(Float64Array::from(vec![Some(3.0), None]))),
            ("end", Arc::new(Float64Array::from(vec![Some(9.0), None]))),
        ],
    );
    let (labels, _) = read_labels(&[path], &ReadOptions::default()).unwrap();
    assert_eq!(
        labels[0].evidence,
        Some(Evidence::Span { start: 3, end: 9 })
    );
    assert_eq!((labels[0].label, labels[0].grade), (true, Some(2.0)));
    assert_eq!(
        (labels[1].label, labels[1].grade, labels[1].line),
        (false, None, 2)
    );

    let mut aliases = arrow::array::ListBuilder::new(arrow::array::StringBuilder::new());
    aliases.append_value([Some("cee"), Some("see")]);
    let text = |value: &str| Arc::new(StringArray::from(vec![value])) as ArrayRef;
    let path = foreign(
        &folder,
        "definitions.parquet",
        vec![
            ("attribute_id", text("a")),
            ("name", text("C")),
            ("definition", text("")),
            ("aliases", Arc::new(aliases.finish())),
        ],
    );
    let definitions = read_definitions(&path, &ReadOptions::default()).unwrap();
    assert_eq!(definitions[0].aliases, ["cee", "see"]);
}

fn numbers(rows: Vec<Vec<i32>>) -> ListArray {
    ListArray::from_iter_primitive::<Int32Type, _, _>(
        rows.into_iter()
            .map(|row| Some(row.into_iter().map(Some).collect::<Vec<_>>())),
    )
}

#[test]
fn lists_and_bytes_are_no_text() {
    let folder = Folder::new();
    let path = foreign(
        &folder,
        "jobs.parquet",
        vec![
            ("job_id", Arc::new(Int32Array::from(vec![1])) as ArrayRef),
            ("text", Arc::new(numbers(vec![vec![1]]))),
        ],
    );
    assert_eq!(
        folder.message(read_jobs(&path, &ReadOptions::default())),
        "jobs.parquet: column `text` has the type List(Int32); text, a number or a truth value is needed"
    );
    let bytes = BinaryArray::from(vec![&b"x"[..]]);
    let path = foreign(
        &folder,
        "bytes.parquet",
        vec![
            ("job_id", Arc::new(Int32Array::from(vec![1])) as ArrayRef),
            ("text", Arc::new(bytes)),
        ],
    );
    assert_eq!(
        folder.message(read_jobs(&path, &ReadOptions::default())),
        "bytes.parquet: column `text` has the type Binary; text, a number or a truth value is needed"
    );

    let path = foreign(
        &folder,
        "ids.parquet",
        vec![
            (
                "job_id",
                Arc::new(StringArray::from(vec![Some("a"), None])) as ArrayRef,
            ),
            ("text", Arc::new(StringArray::from(vec!["x", "y"]))),
        ],
    );
    assert_eq!(
        folder.message(read_jobs(&path, &ReadOptions::default())),
        "ids.parquet, row 2: column `job_id` is empty; every row needs one"
    );
}
