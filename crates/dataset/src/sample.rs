//! A small part of a half that looks like the whole.
//!
//! The sample is stratified by the attribute of the pair: each attribute gets its share, rounded up for some and down for
//! others by chance. Inside an attribute chance decides. The n pairs of an attribute stand at (0 + u) / n, (1 + u) / n
//! and so on, in the order of their chances: a limit that takes a share of the whole takes that share of each attribute.

use std::collections::{BTreeMap, BinaryHeap};

use serde::{Deserialize, Serialize};

use crate::attributes::Attributes;
use crate::random;

/// A pair that may enter a sample, with its negatives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ticket {
    pub(crate) attribute: u32,
    pub(crate) chance: u64,
    pub(crate) shard: u32,
    pub(crate) candidate: u32,
    /// The rows that it brings.
    pub(crate) rows: u64,
}

impl Ticket {
    /// What tells it from all others of its side.
    fn rank(&self) -> (u64, u32, u32) {
        (self.chance, self.shard, self.candidate)
    }
}

impl PartialOrd for Ticket {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ticket {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

/// Of each attribute the tickets with the lowest chances: more than the sample can take, and far fewer than all.
pub(crate) struct Strata {
    most: BTreeMap<u32, usize>,
    lowest: BTreeMap<u32, BinaryHeap<Ticket>>,
}

impl Strata {
    /// `sizes` are those of all strata, `limit` the rows of the sample.
    pub(crate) fn new(sizes: &BTreeMap<u32, u64>, limit: usize) -> Self {
        let total: u64 = sizes.values().sum();
        // All tickets up to twice the place where the sample is full.
        let share = 2.0 * (limit + sizes.len()) as f64 / total.max(1) as f64;
        let most = |size: u64| size.min((share * size as f64).ceil() as u64 + 2) as usize;
        Self {
            most: sizes.iter().map(|(id, size)| (*id, most(*size))).collect(),
            lowest: BTreeMap::new(),
        }
    }

    pub(crate) fn offer(&mut self, ticket: Ticket) {
        let most = self.most.get(&ticket.attribute).copied().unwrap_or(0);
        let heap = self.lowest.entry(ticket.attribute).or_default();
        heap.push(ticket);
        if heap.len() > most {
            heap.pop();
        }
    }

    pub(crate) fn tickets(self) -> Vec<Ticket> {
        let heaps = self.lowest.into_values();
        heaps.flat_map(BinaryHeap::into_sorted_vec).collect()
    }
}

/// The tickets that enter the sample of `limit` rows, by (shard, candidate). `sizes` are those of the strata.
pub(crate) fn choose(
    seed: u64,
    attributes: &Attributes,
    sizes: &BTreeMap<u32, u64>,
    limit: usize,
    tickets: impl Iterator<Item = Ticket>,
) -> Vec<(u32, u32)> {
    let mut strata: BTreeMap<u32, Vec<Ticket>> = BTreeMap::new();
    for ticket in tickets {
        strata.entry(ticket.attribute).or_default().push(ticket);
    }
    let mut places: Vec<(f64, Ticket)> = Vec::new();
    for (attribute, mut stratum) in strata {
        stratum.sort_unstable();
        let id = attributes.id(attribute).as_bytes();
        let offset = random::fraction(seed, "sample stratum", &[id]);
        let size = sizes.get(&attribute).copied().unwrap_or(1) as f64;
        for (rank, ticket) in stratum.into_iter().enumerate() {
            places.push(((rank as f64 + offset) / size, ticket));
        }
    }
    places.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut chosen = Vec::new();
    let mut taken = 0;
    for (_, ticket) in places {
        if taken + ticket.rows <= limit as u64 {
            taken += ticket.rows;
            chosen.push((ticket.shard, ticket.candidate));
        }
    }
    chosen.sort_unstable();
    chosen
}
