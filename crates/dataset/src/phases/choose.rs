//! Fourth: which candidates become pairs, text by text.
//!
//! A (text, class) stands at most once in the whole, and no text stands in both halves.

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Context;
use super::place::{self, JobFacts, KeyRow};
use super::plan::{Fate, Plan};
use crate::report::Flow;
use crate::split::Half;
use crate::texts::Key;
use crate::{Result, scratch};

/// A candidate, and the shard it is of.
pub(crate) type Sharded = (KeyRow, u32);

/// One text with the candidates that become pairs.
pub(crate) struct Chosen {
    pub(crate) text: Key,
    /// In the order of the output.
    pub(crate) kept: Vec<Sharded>,
    /// The classes that are known to be right for the text in any job, sorted.
    pub(crate) known: Vec<u32>,
}

/// All that is known of a partition's texts.
pub(crate) struct Partition {
    keys: Vec<Sharded>,
    pub(crate) jobs: HashMap<u32, JobFacts>,
}

impl Partition {
    pub(crate) fn read(context: &Context, plan: &Plan, partition: u32) -> Result<Self> {
        let (mut keys, mut jobs) = (Vec::new(), HashMap::new());
        for shard in 0..plan.shards {
            let section = place::read_section(context, shard, partition)?;
            keys.extend(section.keys.into_iter().map(|key| (key, shard)));
            jobs.extend(section.jobs.into_iter().map(|facts| (facts.row, facts)));
        }
        keys.sort_unstable();
        Ok(Self { keys, jobs })
    }

    /// The texts with what becomes of their candidates, which `flow` counts.
    pub(crate) fn chosen(&self, class: &impl Fn(u32) -> u32, flow: &mut Flow) -> Vec<Chosen> {
        let texts = self.keys.chunk_by(|a, b| a.0.text == b.0.text);
        texts.map(|rows| choose(rows, class, flow)).collect()
    }
}

/// `rows` are of one text: what is known first, then candidates of train, then those of dev.
fn choose(rows: &[Sharded], class: &impl Fn(u32) -> u32, flow: &mut Flow) -> Chosen {
    let right = rows.iter().filter(|(key, _)| !key.is_negative);
    let mut known: Vec<u32> = right.map(|(key, _)| class(key.attribute)).collect();
    known.sort_unstable();
    known.dedup();
    let mut kept: Vec<Sharded> = Vec::new();
    let mut seen: Vec<u32> = Vec::new();
    for &(key, shard) in rows {
        let Some(half) = key.half else { continue };
        let of = class(key.attribute);
        let in_train = || {
            kept.first()
                .is_some_and(|(first, _)| first.half == Some(Half::Train))
        };
        let reason = if key.is_negative && known.binary_search(&of).is_ok() {
            "negative_is_a_known_positive"
        } else if half == Half::Dev && in_train() {
            "dev_text_stands_in_train"
        } else if seen.contains(&of) {
            "repeated"
        } else {
            flow.keep();
            seen.push(of);
            kept.push((key, shard));
            continue;
        };
        flow.remove(reason);
    }
    Chosen {
        text: rows[0].0.text,
        kept,
        known,
    }
}

/// Pairs by attribute, of one side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Positive ones.
    pub(crate) positives: BTreeMap<u32, u64>,
    /// Those that may enter the sample.
    pub(crate) eligible: BTreeMap<u32, u64>,
}

/// Both sides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Weights {
    pub(crate) train: Counts,
    pub(crate) dev: Counts,
    /// Candidates that were chosen from, and those that become pairs.
    pub(crate) flow: Flow,
}

impl Weights {
    pub(crate) fn of(&self, half: Half) -> &Counts {
        match half {
            Half::Train => &self.train,
            Half::Dev => &self.dev,
        }
    }

    fn count(&mut self, key: &KeyRow, fate: Fate) {
        let counts = match key.half {
            Some(Half::Dev) => &mut self.dev,
            _ => &mut self.train,
        };
        if !key.is_negative {
            *counts.positives.entry(key.attribute).or_default() += 1;
        }
        if is_eligible(fate) {
            *counts.eligible.entry(key.attribute).or_default() += 1;
        }
    }

    fn add(&mut self, other: Self) {
        let add = |to: &mut BTreeMap<u32, u64>, from: BTreeMap<u32, u64>| {
            for (attribute, count) in from {
                *to.entry(attribute).or_default() += count;
            }
        };
        self.flow.add(&other.flow);
        add(&mut self.train.positives, other.train.positives);
        add(&mut self.train.eligible, other.train.eligible);
        add(&mut self.dev.positives, other.dev.positives);
        add(&mut self.dev.eligible, other.dev.eligible);
    }
}

/// Whether pairs of such a job may enter a sample: of dev, only the half that selects models.
pub(crate) fn is_eligible(fate: Fate) -> bool {
    matches!(fate, Fate::Train | Fate::DevSelecting)
}

fn unit(partition: u32) -> String {
    format!("choose-{partition:05}")
}

fn name(partition: u32) -> String {
    format!("choose/{partition:05}")
}

/// Counts the pairs of this process's partitions, then all processes' together.
pub(crate) fn choose_all(context: &Context, plan: &Plan) -> Result<Weights> {
    let work = context.work;
    let open = context.open_units(plan.partitions, unit)?;
    open.into_par_iter()
        .try_for_each(|partition| -> Result<()> {
            let rows = Partition::read(context, plan, partition)?;
            let class = |attribute| context.attributes.class(attribute);
            let mut weights = Weights::default();
            let chosen = rows.chosen(&class, &mut weights.flow);
            for text in chosen {
                for (key, _) in &text.kept {
                    weights.count(key, plan.fate(key.job));
                }
            }
            let path = scratch::write(work, &name(partition), &weights)?;
            Ok(work.finish(&unit(partition), &[path])?)
        })?;
    context.once("weigh", || {
        let mut all = Weights::default();
        for partition in 0..plan.partitions {
            work.wait(&unit(partition))?;
            all.add(scratch::read(work, &name(partition))?);
        }
        Ok((all, Vec::new()))
    })
}
