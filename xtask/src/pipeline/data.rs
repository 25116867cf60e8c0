//! Which data the pipeline runs on, and where its files lie.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Where the small set lies in the repository.
const FIXTURES: &str = "fixtures/data";

/// The endings that the readers know; each may be followed by one of `PACKED`.
const ENDINGS: [&str; 4] = ["tsv", "csv", "jsonl", "parquet"];
const PACKED: [&str; 2] = ["gz", "zst"];

/// The data that `--data` names.
#[derive(Debug, PartialEq, Eq)]
pub enum Data {
    /// Prepared from O*NET by the first stage.
    Onet,
    /// Files that lie there.
    Files {
        /// A short name, for the output's folder.
        name: String,
        /// The files.
        inputs: Inputs,
    },
}

/// The files that the stages read.
#[derive(Debug, PartialEq, Eq)]
pub struct Inputs {
    /// The attributes' definitions.
    pub definitions: PathBuf,
    /// The jobs of all splits.
    pub jobs: PathBuf,
    /// The labels of train and dev; of golden too, unless `golden_labels` holds those.
    pub labels: Vec<PathBuf>,
    /// The labels of golden, if they stand apart.
    pub golden_labels: Vec<PathBuf>,
}

impl Data {
    /// What the value of `--data` means in the repository `root`.
    pub fn parse(value: &str, root: &Path) -> Result<Self> {
        let (name, folder) = match value {
            "onet" => return Ok(Self::Onet),
            "fixtures" => (value.to_owned(), root.join(FIXTURES)),
            _ => {
                let folder = std::path::absolute(value)?;
                let name = folder.file_name().unwrap_or_default();
                (name.to_string_lossy().into_owned(), folder)
            }
        };
        let inputs = Inputs::find(&folder)?;
        Ok(Self::Files { name, inputs })
    }

    /// A short name.
    pub fn name(&self) -> &str {
        match self {
            Self::Onet => "onet",
            Self::Files { name, .. } => name,
        }
    }

    /// How an attribute's passage is written; `None` leaves it to the programs' default.
    pub fn template(&self) -> Option<&'static str> {
        match self {
            // A definition here says little more than the activity's name, at greater length.
            Self::Onet => Some("{name}"),
            Self::Files { .. } => None,
        }
    }

    /// What must be said wherever results of this data are shown.
    pub fn attribution(&self) -> Option<&'static str> {
        match self {
            Self::Onet => Some(
                "Includes information from the O*NET Database by the U.S. Department of Labor, Employment and\n\
                 Training Administration (USDOL/ETA), used under the CC BY 4.0 license, modified.",
            ),
            Self::Files { .. } => None,
        }
    }
}

impl Inputs {
    /// The files that `jobmatch-onet` writes into `folder`.
    pub fn of_onet(folder: &Path) -> Self {
        Self {
            definitions: folder.join("definitions.tsv"),
            jobs: folder.join("jobs.csv"),
            labels: vec![folder.join("labels.csv")],
            golden_labels: vec![folder.join("golden_labels.csv")],
        }
    }

    /// All labels, golden ones last: what a golden evaluation reads. Those of training jobs tell it how frequent an
    /// attribute was there.
    pub fn labels_for_golden(&self) -> Vec<PathBuf> {
        self.labels
            .iter()
            .chain(&self.golden_labels)
            .cloned()
            .collect()
    }

    fn find(folder: &Path) -> Result<Self> {
        let context = || format!("cannot read the data folder {}", folder.display());
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).with_context(context)? {
            files.push(entry.with_context(context)?.path());
        }
        files.sort();
        let of = |stem: &str| -> Vec<PathBuf> {
            let fits = |path: &&PathBuf| is_table(path, stem);
            files.iter().filter(fits).cloned().collect()
        };
        let (definitions, jobs, labels) = (of("definitions"), of("jobs"), of("labels"));
        let lacking: Vec<&str> = [
            ("definitions.*", &definitions),
            ("jobs.*", &jobs),
            ("labels.*", &labels),
        ]
        .iter()
        .filter(|(_, found)| found.is_empty())
        .map(|(name, _)| *name)
        .collect();
        if !lacking.is_empty() {
            bail!(
                "the data folder {} lacks {}; it needs definitions.*, jobs.* and labels.* \
                 (.{}, also packed: .{})",
                folder.display(),
                lacking.join(", "),
                ENDINGS.join(", ."),
                PACKED.join(", .")
            );
        }
        Ok(Self {
            definitions: only(definitions)?,
            jobs: only(jobs)?,
            labels,
            golden_labels: of("golden_labels"),
        })
    }
}

/// The one file of its kind.
fn only(mut found: Vec<PathBuf>) -> Result<PathBuf> {
    if let [first, second, ..] = found.as_slice() {
        bail!(
            "{} and {} hold the same; keep one of them",
            first.display(),
            second.display()
        );
    }
    found.pop().context("no file")
}

/// Whether `path` is named `STEM.ENDING` or `STEM.ENDING.PACKED`.
fn is_table(path: &Path, stem: &str) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let Some(rest) = name
        .strip_prefix(stem)
        .and_then(|rest| rest.strip_prefix('.'))
    else {
        return false;
    };
    let ending = match rest.split_once('.') {
        Some((ending, packed)) if PACKED.contains(&packed) => ending,
        Some(_) => return false,
        None => rest,
    };
    ENDINGS.contains(&ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(names: &[&str]) -> Result<Inputs> {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        Inputs::find(folder.path())
    }

    fn names(paths: &[PathBuf]) -> Vec<String> {
        let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        paths.iter().map(name).collect()
    }

    #[test]
    fn files_are_found_by_stem_and_ending() {
        let inputs = find(&[
            "definitions.tsv",
            "jobs.csv.gz",
            "labels.csv",
            "labels.jsonl.zst",
            "golden_labels.parquet",
            "jobs.csv.bak",
            "jobs-old.csv",
            "README.md",
        ])
        .unwrap();
        assert!(inputs.jobs.ends_with("jobs.csv.gz"));
        assert_eq!(names(&inputs.labels), ["labels.csv", "labels.jsonl.zst"]);
        assert_eq!(names(&inputs.golden_labels), ["golden_labels.parquet"]);
        let inputs = find(&["definitions.tsv", "jobs.csv", "labels.csv"]).unwrap();
        assert_eq!(names(&inputs.labels_for_golden()), ["labels.csv"]);
    }

    #[test]
    fn what_is_missing_or_double_is_said() {
        let cases: [(&[&str], &str); 3] = [
            (&["jobs.csv"], "lacks definitions.*, labels.*;"),
            (
                &["jobs.csv", "definitions.xlsx", "labels.csv"],
                "lacks definitions.*;",
            ),
            (
                &["jobs.csv", "jobs.tsv", "definitions.tsv", "labels.csv"],
                "keep one of them",
            ),
        ];
        for (files, words) in cases {
            let error = format!("{:#}", find(files).unwrap_err());
            assert!(error.contains(words), "{error}");
        }
        let error = Data::parse("/nowhere/at/all", Path::new("/")).unwrap_err();
        assert!(format!("{error:#}").contains("/nowhere/at/all"));
    }
}
