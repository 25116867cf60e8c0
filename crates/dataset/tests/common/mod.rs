//! Runs `build` into a fresh folder and reads everything back.
#![allow(dead_code)] // each test file needs its own part of it

use std::path::Path;
use std::time::Duration;

use jobmatch_artifact::{Identity, Resume, Shard, Work, resume};
use jobmatch_dataset::{Config, Inputs, Report, Result, Unobserved, build};
use jobmatch_records::{
    Definition, Evidence, Fingerprint, Job, Label, Pair, Positive, Record, read_all,
};

/// What a run wrote.
pub struct Output {
    pub report: Report,
    pub train: Vec<Pair>,
    pub dev: Vec<Pair>,
    pub train_sample: Vec<Pair>,
    pub dev_sample: Vec<Pair>,
    pub positives: Vec<Positive>,
    pub fingerprints: Vec<Fingerprint>,
    /// Every data file with its bytes, by name.
    pub files: Vec<(String, Vec<u8>)>,
}

impl Output {
    pub fn all(&self) -> impl Iterator<Item = &Pair> {
        self.train.iter().chain(&self.dev)
    }
}

/// Begins, or goes on with, a data set in `output`.
pub fn work(output: &Path, config: &Config, seed: u64, shard: Shard) -> Work {
    let identity = Identity {
        stage: "dataset".into(),
        program_version: "0".into(),
        config: serde_json::to_value(config).unwrap(),
        seed,
        inputs: Vec::new(),
    };
    match resume(output, identity, shard, Duration::from_secs(60)).unwrap() {
        Resume::Work(work) => work,
        Resume::Done(_) => panic!("it was not finished before"),
    }
}

pub fn run(config: &Config, seed: u64, inputs: &Inputs) -> Result<Output> {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("dataset");
    let work = work(&output, config, seed, Shard::alone());
    let report = build(config, seed, inputs, &work, &Unobserved)?;
    work.publish()?;
    Ok(read(&output, report.unwrap()))
}

/// Everything that stands in a published folder.
pub fn read(output: &Path, report: Report) -> Output {
    let mut files = Vec::new();
    collect(output, output, &mut files);
    files.retain(|(name, _)| name != "manifest.json");
    files.sort();
    Output {
        report,
        train: parts(&output.join("train")),
        dev: parts(&output.join("dev")),
        train_sample: parts(&output.join("train_sample")),
        dev_sample: parts(&output.join("dev_sample")),
        positives: parts(&output.join("positives")),
        fingerprints: parts(&output.join("fingerprints")),
        files,
    }
}

fn parts<R: Record>(folder: &Path) -> Vec<R> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    names
        .iter()
        .flat_map(|path| read_all::<R>(path).unwrap())
        .collect()
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            files.push((name.to_owned(), std::fs::read(&path).unwrap()));
        }
    }
}

pub fn job(id: &str, text: &str) -> Job {
    Job {
        job_id: id.into(),
        text: text.into(),
        title: None,
        split: None,
        group_id: None,
    }
}

pub fn definition(id: &str, name: &str) -> Definition {
    Definition {
        attribute_id: id.into(),
        name: name.into(),
        definition: String::new(),
        kind: None,
        aliases: Vec::new(),
    }
}

pub fn label(job: &str, attribute: &str, label: bool, evidence: Option<Evidence>) -> Label {
    Label {
        job_id: job.into(),
        attribute_id: attribute.into(),
        label,
        grade: None,
        evidence,
        source: "labels.csv".into(),
        line: 2,
    }
}

pub const TEXT: &str =
    "Duties\n- Keep the sales records.\n- Paint the walls of our halls.\n- Sell ships and boats.";

pub fn names() -> Vec<Definition> {
    vec![
        definition("records", "Maintain sales records"),
        definition("paint", "Paint walls"),
        definition("sell", "Sell ships"),
        definition("dance", "Dance"),
        definition("duties", "Duties"),
    ]
}

pub fn of(jobs: Vec<Job>, labels: Vec<Label>) -> Inputs {
    Inputs {
        jobs,
        definitions: names(),
        labels,
        ..Inputs::default()
    }
}

pub fn positives_only() -> Config {
    Config {
        negatives: 0,
        dev_share: 0.0,
        ..Config::default()
    }
}
