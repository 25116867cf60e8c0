//! A data set to the same with its sentences picked by a model: file by file, on one process or several.

use std::collections::HashMap;
use std::path::Path;

use anyhow::ensure;
use jobmatch_artifact::{Artifact, Work};
use jobmatch_biencoder::{Aligner, AlignmentCounts};
use jobmatch_records::{
    Pair, ParquetReader, ParquetWriter, PassageTemplate, Positive, Sentence, read_shards,
};
use jobmatch_stage::Progress;
use serde::{Deserialize, Serialize};

use crate::derived::{copy, counts_of, finish_unit, next_part};

/// The folders of pairs in a data set.
const FOLDERS: [&str; 4] = ["train", "dev", "train_sample", "dev_sample"];
/// Pairs whose jobs' sentences are in memory at once.
const AT_ONCE: usize = 4096;

/// The settings of the stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How passages are written; absent: as the model was trained, else `{name}: {definition}`.
    pub template: Option<PassageTemplate>,
}

/// What was aligned: the stage's `report.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// In `train/` and `dev/` together.
    #[serde(flatten)]
    pub counts: AlignmentCounts,
    /// Mean cosine of the sentences that were picked.
    pub cosine: Option<f64>,
}

/// Writes the pairs of `dataset` to `work`, its aligned positives moved to the sentences (of `sentences`, the output of
/// jobmatch-segment) that the model picks, and adds them to the known positives. Negatives keep their texts. Each process does
/// its files; the first gets the report, others get none.
///
/// # Errors
/// Pairs whose jobs come in another order than the sentences, files that cannot be read, and what cannot be written.
pub fn align(
    aligner: &Aligner,
    dataset: &Artifact,
    sentences: &Path,
    work: &Work,
) -> anyhow::Result<Option<Report>> {
    let is_pairs = |name: &str| {
        let folder = name.split_once('/').map(|(folder, _)| folder);
        folder.is_some_and(|folder| FOLDERS.contains(&folder)) && name.ends_with(".parquet")
    };
    copy(dataset, work, |name| !is_pairs(name))?;
    let files = dataset.manifest().files.keys();
    let progress = Progress::new("aligning", "pairs", None);
    let mut units = Vec::new();
    // Each file of pairs has its known positives in a file of their own, after those of the data set.
    let first_known = next_part(dataset, "positives");
    for (number, name) in (0..).zip(files.filter(|name| is_pairs(name))) {
        let unit = format!("align-{number:05}");
        if work.shard().takes(number) && !work.is_finished(&unit)? {
            let known = work.path(&format!(
                "positives/part-{:05}.parquet",
                first_known + number
            ))?;
            let (from, to) = (dataset.path(name), work.path(name)?);
            let counts = align_file(aligner, &from, sentences, &to, &known, &progress)?;
            finish_unit(work, &unit, vec![to, known], &counts)?;
        }
        // The samples' pairs are among those of train and dev.
        units.push((unit, !name.contains("_sample/")));
    }
    progress.finish();
    if !work.shard().is_first() {
        return Ok(None);
    }
    let mut counts = AlignmentCounts::default();
    for (unit, counted) in units {
        let of_unit: AlignmentCounts = counts_of(work, &unit)?;
        if counted {
            counts += of_unit;
        }
    }
    let report = Report {
        cosine: (counts.positives > 0).then(|| counts.cosines / counts.positives as f64),
        counts,
    };
    work.write_json("report.json", &report)?;
    Ok(Some(report))
}

/// One file of pairs. Its jobs come in the order of the sentences, so both are read once, side by side.
fn align_file(
    aligner: &Aligner,
    from: &Path,
    sentences: &Path,
    to: &Path,
    positives: &Path,
    progress: &Progress,
) -> anyhow::Result<AlignmentCounts> {
    let mut pairs = ParquetReader::<Pair>::open(from)?.peekable();
    let mut sentences = read_shards::<Sentence>(sentences, "sentences")?.peekable();
    let mut writer = ParquetWriter::create(to)?;
    let mut known = ParquetWriter::create(positives)?;
    let mut counts = AlignmentCounts::default();
    loop {
        let mut some: Vec<Pair> = Vec::new();
        // A job is not torn, so that its sentences are read once.
        while let Some(pair) = pairs.next_if(|pair| match (pair, some.last()) {
            (Ok(pair), Some(last)) => some.len() < AT_ONCE || pair.job_id == last.job_id,
            _ => true,
        }) {
            some.push(pair?);
        }
        let Some(last) = some.last().map(|pair| pair.job_id.clone()) else {
            break;
        };
        let mut of_jobs: HashMap<String, Vec<Sentence>> = HashMap::new();
        for pair in &some {
            of_jobs.entry(pair.job_id.clone()).or_default();
        }
        let mut met_last = false;
        while let Some(sentence) = sentences.next_if(|sentence| match sentence {
            Ok(sentence) => !met_last || sentence.job_id == last,
            Err(_) => true,
        }) {
            let sentence = sentence?;
            met_last |= sentence.job_id == last;
            if let Some(of_job) = of_jobs.get_mut(&sentence.job_id) {
                of_job.push(sentence);
            }
        }
        let missing = some.iter().find(|pair| of_jobs[&pair.job_id].is_empty());
        ensure!(
            missing.is_none(),
            "{}: job {} has no sentences, or they come in another order: give the sentences that the data set was made from",
            from.display(),
            missing.map_or("", |pair| pair.job_id.as_str())
        );
        counts += aligner.align(&mut some, &of_jobs)?;
        writer.write(&some)?;
        let right = some.iter().filter(|pair| pair.label > 0.5);
        let rows: Vec<Positive> = right
            .map(|pair| Positive {
                job_id: pair.job_id.clone(),
                text_digest: blake3::hash(pair.text.as_bytes()).to_hex().to_string(),
                attribute_id: pair.attribute_id.clone(),
            })
            .collect();
        known.write(&rows)?;
        progress.add(some.len() as u64);
    }
    writer.finish()?;
    known.finish()?;
    Ok(counts)
}
