//! A data set made from another by a model, unit by unit, on one process or several: what mining, alignment, candidates and soft
//! labels share.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use jobmatch_artifact::{Artifact, Identity, Input, Resume, Shard, Work, resume};
use jobmatch_biencoder::BiEncoder;
use jobmatch_encoder::InferenceConfig;
use jobmatch_records::{Blocks, Definition, Pair, PassageTemplate, ReadOptions, read_definitions};
use jobmatch_stage::{self as stage, Settings, Telemetry};
use jobmatch_torch_ext::{best_device, local_rank};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Embedder;

/// From what a data set is made, and where.
#[derive(Debug, clap::Args)]
pub struct DerivedArguments {
    /// The data set: the output of jobmatch-dataset
    #[arg(long, value_name = "DIR")]
    dataset: PathBuf,
    /// The bi-encoder: minilm, e5-base-v2, or a folder
    #[arg(long, value_name = "NAME|DIR")]
    model: String,
    /// The attributes' definitions
    #[arg(long, value_name = "FILE")]
    definitions: PathBuf,
    /// The folder to make
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Seconds to wait for other processes that make the same output
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    patience: u64,
}

/// A data set that is being made.
#[derive(Debug)]
pub struct Derived {
    /// What it is made from.
    pub dataset: Artifact,
    /// The model that decides.
    pub model: Embedder,
    /// The attributes.
    pub definitions: Vec<Definition>,
    /// How their passages are written.
    pub template: PassageTemplate,
    /// Where it is made.
    pub work: Work,
}

impl DerivedArguments {
    /// Begins the output of `stage_name`, or goes on with it; `None` when it stands already. Passages are written by
    /// `template`, else as the model was trained. `more` are inputs besides data set, definitions and model.
    ///
    /// # Errors
    /// When an input cannot be read, or another output stands there.
    pub fn begin<C: Serialize>(
        &self,
        stage_name: &str,
        settings: &Settings<C>,
        template: Option<&PassageTemplate>,
        more: Vec<Input>,
    ) -> anyhow::Result<Option<Derived>> {
        let shard = Shard::from_env()?;
        let dataset = Artifact::open(&self.dataset)?;
        let device = best_device(local_rank()?);
        let model = BiEncoder::load_on(&self.model, device, InferenceConfig::default())?;
        let mut inputs = vec![
            Input::artifact("dataset", &dataset),
            Input::file("definitions", &self.definitions)?,
            Input {
                role: "model".to_owned(),
                digest: model.fingerprint().to_owned(),
            },
        ];
        inputs.extend(more);
        let identity = Identity {
            stage: stage_name.to_owned(),
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            config: settings.json()?,
            seed: settings.seed,
            inputs,
        };
        let patience = Duration::from_secs(self.patience);
        let work = match resume(&self.output, identity, shard, patience)? {
            Resume::Done(artifact) => {
                stage::already_done(&artifact);
                return Ok(None);
            }
            Resume::Work(work) => work,
        };
        let template = template.or(model.template()).cloned().unwrap_or_default();
        Ok(Some(Derived {
            definitions: read_definitions(&self.definitions, &ReadOptions::default())?,
            dataset,
            model: Embedder(model),
            template,
            work,
        }))
    }
}

impl Derived {
    /// Publishes on the first process; the others leave it to that one.
    ///
    /// # Errors
    /// When the output cannot be published.
    pub fn publish(self, telemetry: &mut Telemetry) -> anyhow::Result<()> {
        let shard = self.work.shard();
        if shard.is_first() {
            stage::publish(self.work, telemetry)?;
        } else {
            tracing::info!("rank {} is done; rank 0 publishes", shard.rank());
        }
        Ok(())
    }
}

/// Copies the Parquet files of `dataset` that `keeps` names, once, on the first process.
pub(crate) fn copy(
    dataset: &Artifact,
    work: &Work,
    keeps: impl Fn(&str) -> bool,
) -> anyhow::Result<()> {
    if !work.shard().is_first() || work.is_finished("copy")? {
        return Ok(());
    }
    let mut copied = Vec::new();
    for name in dataset.manifest().files.keys() {
        if !name.ends_with(".parquet") || !keeps(name) {
            continue;
        }
        let (from, to) = (dataset.path(name), work.path(name)?);
        let failed = || format!("cannot copy {} to {}", from.display(), to.display());
        fs::copy(&from, &to).with_context(failed)?;
        copied.push(to);
    }
    Ok(work.finish("copy", &copied)?)
}

/// How many pairs jobmatch-dataset wrote, which numbers them from 0 without gaps.
pub(crate) fn pairs_of(dataset: &Artifact) -> anyhow::Result<u64> {
    let mut pairs = 0;
    for folder in ["train", "dev"] {
        let blocks = Blocks::<Pair>::open(&dataset.path(folder), "part")?;
        let rows = blocks.groups().iter().map(|group| u64::from(group.rows));
        pairs += rows.sum::<u64>();
    }
    Ok(pairs)
}

/// The number after the highest of the files `part-NUMBER.parquet` in a folder of `dataset`, so that a new file replaces none.
pub(crate) fn next_part(dataset: &Artifact, folder: &str) -> u64 {
    let number = |name: &String| -> Option<u64> {
        let file = name.strip_prefix(folder)?.strip_prefix("/part-")?;
        file.strip_suffix(".parquet")?.parse().ok()
    };
    let numbers = dataset.manifest().files.keys().filter_map(number);
    numbers.max().map_or(0, |highest| highest + 1)
}

/// Ends a unit with what it counted.
pub(crate) fn finish_unit<C: Serialize>(
    work: &Work,
    unit: &str,
    mut files: Vec<PathBuf>,
    counts: &C,
) -> anyhow::Result<()> {
    let path = work.scratch(&format!("{unit}.json"))?;
    fs::write(&path, serde_json::to_vec(counts)?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    files.push(path);
    Ok(work.finish(unit, &files)?)
}

/// What a unit counted, once it is finished.
pub(crate) fn counts_of<C: DeserializeOwned>(work: &Work, unit: &str) -> anyhow::Result<C> {
    work.wait(unit)?;
    let path = work.scratch(&format!("{unit}.json"))?;
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(serde_json::from_slice(&bytes)?)
}
