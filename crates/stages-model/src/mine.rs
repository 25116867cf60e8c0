//! A data set to the same with hard negatives: unit by unit, on one process or several.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jobmatch_artifact::{Artifact, Work};
use jobmatch_biencoder::{Miner, MiningConfig, MiningCounts};
use jobmatch_records::{Blocks, Pair, ParquetWriter, PassageTemplate, read_shards};
use jobmatch_stage::Progress;
use serde::{Deserialize, Serialize};

/// The settings of the stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How passages are written; absent: as the model was trained, else `{name}: {definition}`.
    pub template: Option<PassageTemplate>,
    /// Training positives of one unit of work, whose negatives are one file of the output.
    pub rows_per_file: usize,
    /// Which passages become negatives.
    pub mining: MiningConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            template: None,
            rows_per_file: 16_384,
            mining: MiningConfig::default(),
        }
    }
}

/// What was mined: the stage's `report.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What became of the retrieved passages.
    #[serde(flatten)]
    pub counts: MiningCounts,
    /// Mean cosine of the positives.
    pub positive_cosine: Option<f64>,
    /// Mean cosine of the negatives.
    pub negative_cosine: Option<f64>,
    /// How passages were written.
    pub template: String,
}

/// Copies the files of `dataset` to `work`, and adds the hard negatives of its training positives to `train/`. Each process
/// mines its units; the first gets the report, others get none. The bytes do not depend on the number of processes, or on
/// interruptions.
///
/// # Errors
/// A data set that cannot be read or already has hard negatives, and what cannot be written.
pub fn mine(
    miner: &Miner,
    dataset: &Artifact,
    config: &Config,
    template: &PassageTemplate,
    work: &Work,
) -> anyhow::Result<Option<Report>> {
    anyhow::ensure!(
        config.rows_per_file > 0,
        "setting `rows_per_file`: a file must hold at least 1 row"
    );
    if work.shard().is_first() && !work.is_finished("copy")? {
        let files = copy(dataset, work)?;
        work.finish("copy", &files)?;
    }
    let numbering = Numbering::of(dataset.dir(), config.mining.negatives)?;
    let mut pairs = read_shards::<Pair>(&dataset.path("train"), "part")?;
    let progress = Progress::new("mining", "positives", None);
    let mut units = 0;
    loop {
        let positives: Vec<Pair> = pairs
            .by_ref()
            .filter(|pair| pair.as_ref().map_or(true, |pair| pair.label > 0.5))
            .take(config.rows_per_file)
            .collect::<Result<_, _>>()?;
        if positives.is_empty() {
            break;
        }
        if work.shard().takes(units) && !work.is_finished(&unit_name(units))? {
            mine_unit(miner, &numbering, units, &positives, work)?;
        }
        progress.add(positives.len() as u64);
        units += 1;
    }
    progress.finish();
    if !work.shard().is_first() {
        return Ok(None);
    }
    let mut counts = MiningCounts::default();
    for number in 0..units {
        work.wait(&unit_name(number))?;
        let path = work.scratch(&format!("{}.json", unit_name(number)))?;
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        counts += serde_json::from_slice(&bytes)?;
    }
    let mean = |sum: f64, count: u64| (count > 0).then(|| sum / count as f64);
    let report = Report {
        positive_cosine: mean(counts.positive_cosines, counts.positives),
        negative_cosine: mean(counts.negative_cosines, counts.negatives),
        counts,
        template: template.to_string(),
    };
    work.write_json("report.json", &report)?;
    Ok(Some(report))
}

fn unit_name(number: u64) -> String {
    format!("mine-{number:05}")
}

/// Copies all data files; the report is the new stage's own.
fn copy(dataset: &Artifact, work: &Work) -> anyhow::Result<Vec<PathBuf>> {
    let mut copied = Vec::new();
    for name in dataset.manifest().files.keys() {
        if !name.ends_with(".parquet") {
            continue;
        }
        let (from, to) = (dataset.path(name), work.path(name)?);
        let failed = || format!("cannot copy {} to {}", from.display(), to.display());
        fs::copy(&from, &to).with_context(failed)?;
        copied.push(to);
    }
    Ok(copied)
}

/// The numbers of new pairs and files: after all those of the data set.
struct Numbering {
    pairs: u64,
    files: u64,
    negatives: u64,
}

impl Numbering {
    fn of(dataset: &Path, negatives: usize) -> anyhow::Result<Self> {
        let mut rows = 0;
        let mut files = 0;
        for part in ["train", "dev"] {
            let folder = dataset.join(part);
            // A data set may have no dev pairs.
            let Ok(blocks) = Blocks::<Pair>::open(&folder, "part") else {
                continue;
            };
            let groups = blocks.groups().iter();
            rows += groups.map(|group| u64::from(group.rows)).sum::<u64>();
            if part == "train" {
                files = blocks.shards().len() as u64;
            }
        }
        Ok(Self {
            pairs: rows,
            files,
            negatives: negatives as u64,
        })
    }

    /// The number of a positive's negative, whatever the other positives have.
    fn pair(&self, positive_id: u64, number: u64) -> u64 {
        self.pairs + positive_id * self.negatives + number
    }
}

fn mine_unit(
    miner: &Miner,
    numbering: &Numbering,
    unit: u64,
    positives: &[Pair],
    work: &Work,
) -> anyhow::Result<()> {
    let path = work.path(&format!("train/part-{:05}.parquet", numbering.files + unit))?;
    let mut writer = ParquetWriter::create(&path)?;
    let mut counts = MiningCounts::default();
    // So few at a time that a unit that was interrupted is no great loss of memory.
    for positives in positives.chunks(1024) {
        let (mined, found) = miner.mine(positives)?;
        counts += found;
        for (positive, mut negatives) in positives.iter().zip(mined) {
            for (number, negative) in (0..).zip(&mut negatives) {
                negative.pair_id = numbering.pair(positive.pair_id, number);
            }
            writer.write(&negatives)?;
        }
    }
    writer.finish()?;
    let scratch = work.scratch(&format!("{}.json", unit_name(unit)))?;
    fs::write(&scratch, serde_json::to_vec(&counts)?)
        .with_context(|| format!("cannot write {}", scratch.display()))?;
    Ok(work.finish(&unit_name(unit), &[path, scratch])?)
}
