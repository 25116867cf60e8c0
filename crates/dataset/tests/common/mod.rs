//! Runs `build` into a fresh folder and reads everything back.
#![allow(dead_code)] // each test file needs its own part of it

use std::path::Path;

use jobmatch_artifact::{Begin, Identity, begin};
use jobmatch_dataset::{Config, Inputs, Report, Result, build};
use jobmatch_records::{Definition, Evidence, Job, Label, Pair, Positive, read_all};

/// What a run wrote.
pub struct Output {
    pub report: Report,
    pub train: Vec<Pair>,
    pub dev: Vec<Pair>,
    pub train_sample: Vec<Pair>,
    pub dev_sample: Vec<Pair>,
    pub positives: Vec<Positive>,
    /// Every data file with its bytes, by name.
    pub files: Vec<(String, Vec<u8>)>,
}

impl Output {
    pub fn all(&self) -> impl Iterator<Item = &Pair> {
        self.train.iter().chain(&self.dev)
    }
}

pub fn run(config: &Config, seed: u64, inputs: &Inputs) -> Result<Output> {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("dataset");
    let identity = Identity {
        stage: "dataset".into(),
        program_version: "0".into(),
        config: serde_json::to_value(config).unwrap(),
        seed,
        inputs: Vec::new(),
    };
    let Begin::Work(draft) = begin(&output, identity)? else {
        panic!("a fresh folder holds nothing");
    };
    let report = build(config, seed, inputs, &draft)?;
    draft.publish()?;
    let mut files = Vec::new();
    collect(&output, &output, &mut files);
    files.retain(|(name, _)| name.ends_with(".parquet") || name == "report.json");
    files.sort();
    Ok(Output {
        report,
        train: parts(&output.join("train")),
        dev: parts(&output.join("dev")),
        train_sample: parts(&output.join("train_sample")),
        dev_sample: parts(&output.join("dev_sample")),
        positives: read_all(&output.join("positives.parquet")).unwrap(),
        files,
    })
}

fn parts(folder: &Path) -> Vec<Pair> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    names
        .iter()
        .flat_map(|path| read_all::<Pair>(path).unwrap())
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
