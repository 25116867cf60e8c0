//! Sixth: the first number of each shard's pairs, and the samples.

use serde::{Deserialize, Serialize};

use super::Context;
use super::choose::Weights;
use super::draw::{Drawing, read_drawing};
use super::plan::Plan;
use crate::report::Flow;
use crate::split::Half;
use crate::{Result, sample};

/// What all shards' pairs have to agree on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Numbers {
    /// The number of the first row of train and of dev, by shard.
    pub(crate) first: Vec<[u64; 2]>,
    /// Rows of train and dev in all.
    pub(crate) rows: [u64; 2],
    /// The samples of train and dev: shard and candidate, sorted.
    pub(crate) samples: [Vec<(u32, u32)>; 2],
    pub(crate) negatives: Flow,
    pub(crate) texts: [u64; 2],
}

/// Numbers the pairs: all of train, then all of dev, each by shard.
pub(crate) fn number(context: &Context, plan: &Plan, weights: &Weights) -> Result<Numbers> {
    context.once("number", || {
        let mut numbers = Numbers::default();
        let mut rows = vec![[0u64; 2]; plan.shards as usize];
        let mut tickets = [Vec::new(), Vec::new()];
        for partition in 0..plan.partitions {
            let drawing: Drawing = read_drawing(context, partition)?;
            for (sum, of_partition) in rows.iter_mut().zip(&drawing.rows) {
                sum[0] += of_partition[0];
                sum[1] += of_partition[1];
            }
            for (all, more) in tickets.iter_mut().zip(drawing.tickets) {
                all.extend(more);
            }
            numbers.negatives.add(&drawing.negatives);
            numbers.texts[0] += drawing.texts[0];
            numbers.texts[1] += drawing.texts[1];
        }
        numbers.first = vec![[0; 2]; rows.len()];
        let mut next = 0;
        for half in [Half::Train, Half::Dev] {
            let half = half as usize;
            for (first, rows) in numbers.first.iter_mut().zip(&rows) {
                first[half] = next;
                next += rows[half];
            }
            numbers.rows[half] = rows.iter().map(|rows| rows[half]).sum();
        }
        let config = context.config;
        let limits = [config.train_sample, config.dev_sample];
        for (half, tickets) in [Half::Train, Half::Dev].into_iter().zip(tickets) {
            numbers.samples[half as usize] = sample::choose(
                context.seed,
                context.attributes,
                &weights.of(half).eligible,
                limits[half as usize],
                tickets.into_iter(),
            );
        }
        Ok((numbers, Vec::new()))
    })
}
