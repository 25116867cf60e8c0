//! A data set to the same with hard negatives: unit by unit, on one process or several.

use anyhow::ensure;
use jobmatch_artifact::{Artifact, Work};
use jobmatch_biencoder::{Miner, MiningConfig, MiningCounts};
use jobmatch_records::{Pair, ParquetWriter, PassageTemplate, Shards, read_shards};
use jobmatch_stage::Progress;
use serde::{Deserialize, Serialize};

use crate::derived::{copy, counts_of, finish_unit, next_part, pairs_of};

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
/// A data set that cannot be read or was mined before, and what cannot be written.
pub fn mine(
    miner: &Miner,
    dataset: &Artifact,
    config: &Config,
    template: &PassageTemplate,
    work: &Work,
) -> anyhow::Result<Option<Report>> {
    ensure!(
        config.rows_per_file > 0,
        "setting `rows_per_file`: a file must hold at least 1 row"
    );
    copy(dataset, work, |_| true)?;
    let numbering = Numbering::of(dataset, config.mining.negatives)?;
    let mut pairs = read_shards::<Pair>(&dataset.path("train"), "part")?;
    let progress = Progress::new("mining", "positives", None);
    let mut units = 0;
    loop {
        let positives = numbering.next_positives(&mut pairs, config.rows_per_file)?;
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
        counts += counts_of(work, &unit_name(number))?;
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

/// The numbers of new pairs and files: after all those of the data set.
struct Numbering {
    pairs: u64,
    files: u64,
    negatives: u64,
}

impl Numbering {
    fn of(dataset: &Artifact, negatives: usize) -> anyhow::Result<Self> {
        Ok(Self {
            pairs: pairs_of(dataset)?,
            files: next_part(dataset, "train"),
            negatives: negatives as u64,
        })
    }

    /// The next `most` positives. Pairs have to be numbered without gaps, as jobmatch-dataset does: else a new number might
    /// be one that is there.
    fn next_positives(&self, pairs: &mut Shards<Pair>, most: usize) -> anyhow::Result<Vec<Pair>> {
        let mut positives = Vec::new();
        while positives.len() < most
            && let Some(pair) = pairs.next().transpose()?
        {
            ensure!(
                pair.pair_id < self.pairs,
                "pair {} stands in a data set of {} pairs: was it mined before? Mine for the data set that it was made from",
                pair.pair_id,
                self.pairs
            );
            if pair.label > 0.5 {
                positives.push(pair);
            }
        }
        Ok(positives)
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
    // The negatives of so many are in memory at once.
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
    finish_unit(work, &unit_name(unit), vec![path], &counts)
}
