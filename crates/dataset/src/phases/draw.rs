//! Fifth: the negatives of each pair, and what may enter the samples.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Context;
use super::choose::{Chosen, Partition, Weights, is_eligible};
use super::plan::Plan;
use crate::negatives::Urn;
use crate::report::Flow;
use crate::sample::{Strata, Ticket};
use crate::split::Half;
use crate::{Result, random, scratch};

/// A candidate that becomes a pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Drawn {
    /// Its number among the candidates of its shard.
    pub(crate) candidate: u32,
    /// The attributes of its negatives, hard ones first.
    pub(crate) negatives: Vec<u32>,
    /// How many of them are hard.
    pub(crate) hard: u32,
}

/// What a partition came to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Drawing {
    pub(crate) negatives: Flow,
    /// Rows of the output by shard, of train and dev.
    pub(crate) rows: Vec<[u64; 2]>,
    /// Distinct texts of train and dev.
    pub(crate) texts: [u64; 2],
    /// What may enter the samples of train and dev.
    pub(crate) tickets: [Vec<Ticket>; 2],
}

fn unit(partition: u32) -> String {
    format!("draw-{partition:05}")
}

fn name(partition: u32, what: &str) -> String {
    format!("draw/{partition:05}.{what}")
}

/// Draws for this process's partitions.
pub(crate) fn draw(context: &Context, plan: &Plan, weights: &Weights) -> Result<()> {
    let Context { work, config, .. } = *context;
    let urn = Urn::new(config.negative_sampling, context.attributes, weights);
    let progress = context.progress("drawing", "parts");
    let open = context.open_units(plan.partitions, unit)?;
    open.into_par_iter()
        .try_for_each(|partition| -> Result<()> {
            let rows = Partition::read(context, plan, partition)?;
            let (drawing, shards) = draw_partition(context, plan, weights, &urn, &rows);
            let files = [
                scratch::write_sections(work, &name(partition, "pairs"), &shards)?,
                scratch::write(work, &name(partition, "report"), &drawing)?,
            ];
            work.finish(&unit(partition), &files)?;
            progress(1);
            Ok(())
        })
}

fn draw_partition(
    context: &Context,
    plan: &Plan,
    weights: &Weights,
    urn: &Urn,
    partition: &Partition,
) -> (Drawing, Vec<Vec<Drawn>>) {
    let Context {
        config,
        attributes,
        seed,
        ..
    } = *context;
    let mut drawing = Drawing {
        rows: vec![[0; 2]; plan.shards as usize],
        ..Drawing::default()
    };
    let mut shards = vec![Vec::new(); plan.shards as usize];
    let mut strata = [
        Strata::new(&weights.train.eligible, config.train_sample),
        Strata::new(&weights.dev.eligible, config.dev_sample),
    ];
    let class = |attribute| attributes.class(attribute);
    let chosen = partition.chosen(&class, &mut Flow::default());
    for text in chosen.iter().filter(|text| !text.kept.is_empty()) {
        let mut excluded = excluded(text, partition, &class);
        let mut sides = [false; 2];
        for (key, shard) in &text.kept {
            let half = key.half.unwrap_or(Half::Train) as usize;
            let id = attributes.id(key.attribute).as_bytes();
            let (mut negatives, mut of_hard) = (Vec::new(), 0);
            if !key.is_negative {
                let hard = partition
                    .jobs
                    .get(&key.job)
                    .map_or(&[][..], |facts| &facts.hard);
                let most = config.hard_negatives.min(config.negatives);
                negatives = take_hard(hard, most, &class, &mut excluded);
                of_hard = negatives.len() as u32;
                let mut rng = random::stream(seed, "negatives", &[&text.text.0, id]);
                let left = config.negatives - negatives.len();
                negatives.extend(urn.draw(&mut rng, left, &mut excluded));
                drawing.negatives.rows_in += config.negatives as u64;
                drawing.negatives.rows_out += negatives.len() as u64;
            }
            let rows = 1 + negatives.len() as u64;
            drawing.rows[*shard as usize][half] += rows;
            sides[half] = true;
            if is_eligible(plan.fate(key.job)) {
                strata[half].offer(Ticket {
                    attribute: key.attribute,
                    chance: random::number(seed, "sample", &[&text.text.0, id]),
                    shard: *shard,
                    candidate: key.candidate,
                    rows,
                });
            }
            shards[*shard as usize].push(Drawn {
                candidate: key.candidate,
                negatives,
                hard: of_hard,
            });
        }
        drawing.texts[0] += u64::from(sides[0]);
        drawing.texts[1] += u64::from(sides[1]);
    }
    let left = drawing.negatives.rows_in - drawing.negatives.rows_out;
    drawing.negatives.remove_many("no_attribute_left", left);
    drawing.tickets = strata.map(Strata::tickets);
    (drawing, shards)
}

/// The first hard negatives, at most so many, whose classes are not in `excluded`, which then holds them.
fn take_hard(
    hard: &[u32],
    most: usize,
    class: &impl Fn(u32) -> u32,
    excluded: &mut Vec<u32>,
) -> Vec<u32> {
    let mut taken = Vec::new();
    for attribute in hard {
        if taken.len() == most {
            break;
        }
        if let Err(place) = excluded.binary_search(&class(*attribute)) {
            excluded.insert(place, class(*attribute));
            taken.push(*attribute);
        }
    }
    taken
}

/// The classes that are not to be drawn for a text, sorted: those known to be right for it in any job, or for any job
/// whose pairs it makes; those that a label calls wrong there; those of its own pairs.
fn excluded(text: &Chosen, partition: &Partition, class: &impl Fn(u32) -> u32) -> Vec<u32> {
    let mut classes = text.known.clone();
    let mut last = None;
    for (key, _) in &text.kept {
        classes.push(class(key.attribute));
        if last.replace(key.job) != Some(key.job) {
            let facts = partition.jobs.get(&key.job);
            classes.extend(facts.into_iter().flat_map(|facts| &facts.excluded));
        }
    }
    classes.sort_unstable();
    classes.dedup();
    classes
}

/// What was drawn for a shard in a partition.
pub(crate) fn read_drawn(context: &Context, partition: u32, shard: u32) -> Result<Vec<Drawn>> {
    context.work.wait(&unit(partition))?;
    scratch::read_section(context.work, &name(partition, "pairs"), shard)
}

pub(crate) fn read_drawing(context: &Context, partition: u32) -> Result<Drawing> {
    context.work.wait(&unit(partition))?;
    scratch::read(context.work, &name(partition, "report"))
}
