//! A data set to the same with a cross-encoder's probabilities for labels: what a smaller one learns from (distillation; Hinton et
//! al. 2015, "Distilling the Knowledge in a Neural Network").

use std::path::Path;

use jobmatch_artifact::{Artifact, Work};
use jobmatch_crossencoder::CrossEncoder;
use jobmatch_records::{Pair, ParquetReader, ParquetWriter};
use jobmatch_stage::Progress;
use serde::{Deserialize, Serialize};

use super::Report;
use crate::derived::{copy, counts_of, finish_unit};
use crate::units::heard;

/// Pairs in memory at once.
const AT_ONCE: usize = 16_384;

/// What became of the labels: the stage's `report.json`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct SoftLabels {
    /// The pairs of `train/`.
    #[serde(flatten)]
    pub scored: Report,
    /// Those whose label went to the other side of 0.5.
    pub turned: u64,
    /// Sum of how far the labels moved.
    pub moved: f64,
}

/// Writes `dataset` to `work` again, the labels of `train/` and `train_sample/` as `model` gives them; dev keeps its own. Each process
/// does its files; the first gets the report, others get none.
///
/// # Errors
/// Files that cannot be read, and what cannot be written.
pub fn soften(
    model: &CrossEncoder,
    dataset: &Artifact,
    temperature: f64,
    work: &Work,
) -> anyhow::Result<Option<SoftLabels>> {
    let in_train = |name: &str| name.starts_with("train/");
    let softens = |name: &str| {
        name.ends_with(".parquet") && (in_train(name) || name.starts_with("train_sample/"))
    };
    copy(dataset, work, |name| !softens(name))?;
    let files = dataset.manifest().files.keys();
    let progress = Progress::new("scoring", "pairs", None);
    let mut units = Vec::new();
    for (number, name) in (0..).zip(files.filter(|name| softens(name))) {
        let unit = format!("soften-{number:05}");
        if work.shard().takes(number) && !work.is_finished(&unit)? {
            let (from, to) = (dataset.path(name), work.path(name)?);
            let counts = soften_file(model, &from, temperature, &to, &progress)?;
            finish_unit(work, &unit, vec![to], &counts)?;
        }
        // The sample's pairs are among those of train.
        units.push((unit, in_train(name)));
    }
    progress.finish();
    if !work.shard().is_first() {
        return Ok(None);
    }
    let mut report = SoftLabels::default();
    for (unit, counted) in units {
        let of_unit: SoftLabels = counts_of(work, &unit)?;
        if counted {
            report.scored += of_unit.scored;
            report.turned += of_unit.turned;
            report.moved += of_unit.moved;
        }
    }
    work.write_json("report.json", &report)?;
    Ok(Some(report))
}

fn soften_file(
    model: &CrossEncoder,
    from: &Path,
    temperature: f64,
    to: &Path,
    progress: &Progress,
) -> anyhow::Result<SoftLabels> {
    let mut pairs = ParquetReader::<Pair>::open(from)?;
    let mut writer = ParquetWriter::create(to)?;
    let mut counts = SoftLabels::default();
    loop {
        let mut some: Vec<Pair> = pairs.by_ref().take(AT_ONCE).collect::<Result<_, _>>()?;
        if some.is_empty() {
            break;
        }
        let texts: Vec<(&str, &str)> = some
            .iter()
            .map(|pair| (pair.text.as_str(), pair.passage.as_str()))
            .collect();
        let scores = model.score_with_counts(&texts, &mut heard(progress))?;
        for (pair, &logit) in some.iter_mut().zip(&scores.logits) {
            let soft = (1.0 / (1.0 + (-f64::from(logit) / temperature).exp())) as f32;
            counts.turned += u64::from((pair.label > 0.5) != (soft > 0.5));
            counts.moved += f64::from((pair.label - soft).abs());
            pair.label = soft;
        }
        counts.scored += Report::of(&scores);
        writer.write(&some)?;
    }
    writer.finish()?;
    Ok(counts)
}
