//! The model programs, as run.

#[path = "../../../stages-data/tests/common/place.rs"]
mod place;
pub mod ranks;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use jobmatch_artifact::{Begin, Identity, Resume, Shard, begin, resume};
use jobmatch_dataset::{Config, Files, Reading, Unobserved, build};
use jobmatch_records::{
    Kind, ParquetWriter, ReadOptions, Record, Sentence, read_jobs, read_shards,
};

pub use place::*;

/// The model programs and where they were built.
pub const PROGRAMS: [(&str, &str); 11] = [
    ("jobmatch-align", env!("CARGO_BIN_EXE_jobmatch-align")),
    (
        "jobmatch-candidates",
        env!("CARGO_BIN_EXE_jobmatch-candidates"),
    ),
    ("jobmatch-compare", env!("CARGO_BIN_EXE_jobmatch-compare")),
    ("jobmatch-embed", env!("CARGO_BIN_EXE_jobmatch-embed")),
    ("jobmatch-match", env!("CARGO_BIN_EXE_jobmatch-match")),
    (
        "jobmatch-train-biencoder",
        env!("CARGO_BIN_EXE_jobmatch-train-biencoder"),
    ),
    (
        "jobmatch-mine-negatives",
        env!("CARGO_BIN_EXE_jobmatch-mine-negatives"),
    ),
    (
        "jobmatch-train-crossencoder",
        env!("CARGO_BIN_EXE_jobmatch-train-crossencoder"),
    ),
    ("jobmatch-score", env!("CARGO_BIN_EXE_jobmatch-score")),
    ("jobmatch-index", env!("CARGO_BIN_EXE_jobmatch-index")),
    ("jobmatch-evaluate", env!("CARGO_BIN_EXE_jobmatch-evaluate")),
];

/// A folder with the fixtures (`jobs.csv`, `definitions.tsv`, `labels.csv`, `golden_labels.csv`), the tiny models
/// (`bi`, `cross`) and the pairs of the fixtures (`dataset`), so that a test may spoil any of them.
pub fn place_with_everything() -> Place {
    let place = place_with_data();
    copy_folder(&fixture("../models/tiny-bert"), &place.path("bi"));
    copy_folder(&fixture("../models/tiny-cross"), &place.path("cross"));
    make_dataset(&place, "dataset", &Config::default());
    place
}

/// The models, without a decision and jobs.
pub const BI: &str = "--biencoder bi --index index --quiet";
pub const BOTH: &str = "--biencoder bi --index index --crossencoder cross --quiet";

/// Everything, an index, and decisions with and without a cross-encoder: `dev-bi` and `dev-both`.
pub fn place_with_decisions() -> Place {
    let place = place_with_everything();
    let index = "--model bi --definitions definitions.tsv --output index --quiet";
    place.run("jobmatch-index", index).success();
    for (name, models) in [("bi", BI), ("both", BOTH)] {
        evaluate(
            &place,
            &format!("{models} --split dev --choose --output dev-{name}"),
        );
    }
    place
}

/// Evaluates on the data of the place.
pub fn evaluate(place: &Place, arguments: &str) {
    let data =
        "--jobs jobs.csv --labels labels.csv golden_labels.csv --definitions definitions.tsv";
    let arguments = format!("{data} {arguments}");
    place.run("jobmatch-evaluate", &arguments).success();
}

/// Makes the folder `name` of pairs out of the files of `place`.
pub fn make_dataset(place: &Place, name: &str, config: &Config) {
    let files = Files::new(
        place.path("jobs.csv"),
        &place.path("definitions.tsv"),
        vec![place.path("labels.csv"), place.path("golden_labels.csv")],
        None,
        Reading::default(),
    )
    .unwrap();
    let identity = Identity {
        stage: "dataset".to_owned(),
        program_version: "0".to_owned(),
        config: serde_json::to_value(config).unwrap(),
        seed: 42,
        inputs: Vec::new(),
    };
    let begun = resume(&place.path(name), identity, Shard::alone(), Duration::ZERO);
    let Resume::Work(work) = begun.unwrap() else {
        panic!("a fresh folder holds nothing");
    };
    build(config, 42, &files, &work, &Unobserved).unwrap();
    work.publish().unwrap();
}

/// Copies a folder with all that is in it.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The published files by name, but for the telemetry.
pub fn published(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("telemetry.jsonl") {
                let name = path.strip_prefix(folder).unwrap();
                files.insert(
                    name.to_string_lossy().into_owned(),
                    fs::read(&path).unwrap(),
                );
            }
        }
    }
    files
}

/// Cuts the jobs of the fixtures that are kept, as jobmatch-segment does, into the folder `sentences`.
pub fn write_sentences(place: &Place, keep: impl Fn(&str) -> bool) -> Vec<Sentence> {
    let segmenter = jobmatch_segment::Segmenter::english();
    let (jobs, _) = read_jobs(&place.path("jobs.csv"), &ReadOptions::default()).unwrap();
    let mut rows = Vec::new();
    for job in jobs.iter().filter(|job| keep(&job.job_id)) {
        for (index, sentence) in (0..).zip(segmenter.sentences(&job.text)) {
            rows.push(Sentence {
                job_id: job.job_id.clone(),
                index,
                start: sentence.start as u64,
                end: sentence.end as u64,
                text: job.text[sentence.start..sentence.end].to_owned(),
                clean: jobmatch_segment::clean(&job.text[sentence.start..sentence.end]).text,
                kind: match sentence.kind {
                    jobmatch_segment::Kind::Heading => Kind::Heading,
                    jobmatch_segment::Kind::Bullet => Kind::Bullet,
                    jobmatch_segment::Kind::Prose => Kind::Prose,
                },
            });
        }
    }
    let identity = Identity {
        stage: "segment".to_owned(),
        program_version: "0".to_owned(),
        config: serde_json::Value::Null,
        seed: 0,
        inputs: Vec::new(),
    };
    let Begin::Work(draft) = begin(&place.path("sentences"), identity).unwrap() else {
        panic!("a fresh folder holds nothing");
    };
    let path = draft.path("sentences-00000.parquet").unwrap();
    let mut writer = ParquetWriter::create(&path).unwrap();
    writer.write(&rows).unwrap();
    writer.finish().unwrap();
    draft.publish().unwrap();
    rows
}

/// The rows of a folder of `part-*.parquet`.
pub fn rows<R: Record>(place: &Place, folder: &str) -> Vec<R> {
    let rows = read_shards::<R>(&place.path(folder), "part").unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}
