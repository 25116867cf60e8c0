//! Train or dev.

use std::collections::HashMap;

use jobmatch_records::Split;
use serde::{Deserialize, Serialize};

use crate::near_copies::NearCopies;
use crate::phases::scan::Scanned;
use crate::{Config, SplitBy};

/// A side of the split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Half {
    Train,
    Dev,
}

/// Why jobs cannot be split; the rows say which.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Unsplit {
    NoSplit { row: u32 },
    GroupOnBothSides { train: u32, dev: u32 },
    LargeCluster { row: u32, jobs: usize, of: usize },
}

/// A cluster of fewer jobs is never too large: in a small data set each is a large share.
const SMALL_CLUSTER: usize = 20;

/// What the near copies came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Clusters {
    /// Clusters of more than one job, and the jobs in them.
    pub(crate) clusters: u64,
    pub(crate) jobs: u64,
    pub(crate) largest: u64,
    /// Jobs of dev in clusters that have jobs of train, too: the input's own splits or groups put them there.
    pub(crate) dev_near_train: u64,
}

/// The side of each job that is `in_play`; what it says of others means nothing.
///
/// A job's own split decides, else its group's, else that of the first such job among its near copies, else chance: one
/// number for each group, and one for each cluster of near copies.
pub(crate) fn halves(
    config: &Config,
    jobs: &[Scanned],
    in_play: &[bool],
    copies: &mut NearCopies,
) -> Result<(Vec<Half>, Clusters), Unsplit> {
    let decided = decided(config, jobs, in_play)?;
    let shared = shared(in_play, copies);
    let mut clusters: HashMap<u32, Cluster> = HashMap::new();
    for row in rows(in_play) {
        let root = copies.root(row);
        if !shared[root as usize] {
            continue;
        }
        let decided = decided[row as usize];
        // The member with the lowest id stands for all: another order of the file changes nothing.
        clusters
            .entry(root)
            .and_modify(|cluster| cluster.add(row, decided, jobs))
            .or_insert_with(|| Cluster::of(row, decided));
    }
    let of = in_play.iter().filter(|on| **on).count();
    let largest = clusters
        .values()
        .max_by_key(|cluster| (cluster.free, std::cmp::Reverse(cluster.first)));
    if let Some(largest) = largest
        && largest.free >= SMALL_CLUSTER
        && largest.free as f64 > config.max_cluster_share * of as f64
    {
        return Err(Unsplit::LargeCluster {
            row: largest.first,
            jobs: largest.free,
            of,
        });
    }
    let halves: Vec<Half> = (0u32..)
        .zip(&decided)
        .map(|(row, decided)| {
            decided.unwrap_or_else(|| match clusters.get(&copies.root(row)) {
                None => by_chance(config, jobs[row as usize].chance),
                Some(cluster) => cluster
                    .decided
                    .unwrap_or_else(|| by_chance(config, jobs[cluster.lowest as usize].chance)),
            })
        })
        .collect();
    Ok((halves.clone(), summary(&halves, in_play, &clusters, copies)))
}

fn rows(in_play: &[bool]) -> impl Iterator<Item = u32> {
    (0u32..)
        .zip(in_play)
        .filter(|(_, on)| **on)
        .map(|(row, _)| row)
}

/// Which rows are the root of a cluster of several: most are alone, and need no entry in a table.
fn shared(in_play: &[bool], copies: &mut NearCopies) -> Vec<bool> {
    let mut shared = vec![false; in_play.len()];
    for row in rows(in_play) {
        let root = copies.root(row);
        shared[root as usize] |= root != row;
    }
    shared
}

/// The jobs that are near copies of each other.
struct Cluster {
    /// The first row.
    first: u32,
    /// The row with the lowest id.
    lowest: u32,
    /// Jobs that nothing else decides.
    free: usize,
    /// The side of the first job that has one.
    decided: Option<Half>,
}

impl Cluster {
    fn of(row: u32, decided: Option<Half>) -> Self {
        Self {
            first: row,
            lowest: row,
            free: usize::from(decided.is_none()),
            decided,
        }
    }

    fn add(&mut self, row: u32, decided: Option<Half>, jobs: &[Scanned]) {
        if jobs[row as usize].id < jobs[self.lowest as usize].id {
            self.lowest = row;
        }
        self.free += usize::from(decided.is_none());
        self.decided = self.decided.or(decided);
    }
}

/// What the jobs' own columns decide.
fn decided(
    config: &Config,
    jobs: &[Scanned],
    in_play: &[bool],
) -> Result<Vec<Option<Half>>, Unsplit> {
    let mut groups: HashMap<u64, (Half, u32)> = HashMap::new();
    if config.split_by == SplitBy::Auto {
        for (row, job) in (0u32..).zip(jobs).filter(|(row, _)| in_play[*row as usize]) {
            let (Some(group), Some(half)) = (job.group, carried(job)) else {
                continue;
            };
            let (first, first_row) = *groups.entry(group).or_insert((half, row));
            if first != half {
                let (train, dev) = match half {
                    Half::Train => (row, first_row),
                    Half::Dev => (first_row, row),
                };
                return Err(Unsplit::GroupOnBothSides { train, dev });
            }
        }
    }
    let of_group = |job: &Scanned| {
        let group = job.group?;
        let carried = groups.get(&group).map(|(half, _)| *half);
        Some(carried.unwrap_or_else(|| by_chance(config, job.chance)))
    };
    (0u32..)
        .zip(jobs)
        .map(|(row, job)| match config.split_by {
            SplitBy::Auto => Ok(carried(job).or_else(|| of_group(job))),
            SplitBy::Group => Ok(of_group(job)),
            SplitBy::Column if !in_play[row as usize] => Ok(None),
            SplitBy::Column => match carried(job) {
                None => Err(Unsplit::NoSplit { row }),
                half => Ok(half),
            },
        })
        .collect()
}

fn carried(job: &Scanned) -> Option<Half> {
    match job.split {
        Some(Split::Train) => Some(Half::Train),
        Some(Split::Dev) => Some(Half::Dev),
        Some(Split::Golden) | None => None,
    }
}

fn by_chance(config: &Config, chance: u32) -> Half {
    if f64::from(chance) / 2f64.powi(32) < config.dev_share {
        Half::Dev
    } else {
        Half::Train
    }
}

fn summary(
    halves: &[Half],
    in_play: &[bool],
    clusters: &HashMap<u32, Cluster>,
    copies: &mut NearCopies,
) -> Clusters {
    let mut sides: HashMap<u32, (u64, u64)> = HashMap::new();
    for row in rows(in_play) {
        let root = copies.root(row);
        if clusters.contains_key(&root) {
            let (train, dev) = sides.entry(root).or_default();
            match halves[row as usize] {
                Half::Train => *train += 1,
                Half::Dev => *dev += 1,
            }
        }
    }
    Clusters {
        clusters: sides.len() as u64,
        jobs: sides.values().map(|(train, dev)| train + dev).sum(),
        largest: (sides.values().map(|(train, dev)| train + dev).max()).unwrap_or(1),
        dev_near_train: (sides.values())
            .map(|(train, dev)| if *train > 0 { *dev } else { 0 })
            .sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::minhash::{BINS, Signature};
    use crate::phases::scan::JobKey;
    use crate::texts::key_of;

    fn job(id: &str, split: Option<Split>, group: Option<&str>) -> Scanned {
        let name = group.unwrap_or(id);
        Scanned {
            id: JobKey::of(id),
            number: 0,
            text: key_of(id),
            is_empty: false,
            split,
            group: group.map(|group| u64::from(blake3::hash(group.as_bytes()).as_bytes()[0])),
            selects: true,
            chance: crate::random::number(1, "test", &[name.as_bytes()]) as u32,
        }
    }

    /// Jobs of unlike texts.
    fn by(split_by: SplitBy, jobs: &[Scanned]) -> Result<Vec<Half>, Unsplit> {
        let signatures: Vec<u8> = (0..jobs.len() as u64)
            .flat_map(|row| Signature::of(&format!("{row} {}", row * 7)).bytes)
            .collect();
        with(split_by, jobs, &mut NearCopies::new(&signatures, 0.7))
    }

    fn with(
        split_by: SplitBy,
        jobs: &[Scanned],
        copies: &mut NearCopies,
    ) -> Result<Vec<Half>, Unsplit> {
        let config = Config {
            split_by,
            dev_share: 0.5,
            ..Config::default()
        };
        let in_play: Vec<bool> = jobs
            .iter()
            .map(|job| job.split != Some(Split::Golden))
            .collect();
        halves(&config, jobs, &in_play, copies).map(|(halves, _)| halves)
    }

    #[test]
    fn the_column_decides_where_it_is() {
        let jobs = [
            job("a", Some(Split::Train), None),
            job("b", Some(Split::Dev), Some("g")),
            job("c", None, Some("g")),
        ];
        assert_eq!(
            by(SplitBy::Auto, &jobs).unwrap(),
            [Half::Train, Half::Dev, Half::Dev]
        );
        assert_eq!(
            by(SplitBy::Column, &jobs).unwrap_err(),
            Unsplit::NoSplit { row: 2 }
        );
    }

    #[test]
    fn a_group_on_both_sides_is_refused() {
        let jobs = [
            job("a", Some(Split::Dev), Some("g")),
            job("b", Some(Split::Golden), Some("g")),
            job("c", Some(Split::Train), Some("g")),
        ];
        assert_eq!(
            by(SplitBy::Auto, &jobs).unwrap_err(),
            Unsplit::GroupOnBothSides { train: 2, dev: 0 }
        );
        assert!(by(SplitBy::Column, &jobs).is_ok());
        let halves = by(SplitBy::Group, &jobs).unwrap();
        assert_eq!(halves[0], halves[2]);
    }

    #[test]
    fn chance_keeps_groups_together_and_the_share() {
        let jobs: Vec<Scanned> = (0..2000)
            .map(|i| {
                job(
                    &format!("j{i}"),
                    None,
                    (i % 3 > 0).then(|| format!("g{}", i / 3)).as_deref(),
                )
            })
            .collect();
        let halves = by(SplitBy::Auto, &jobs).unwrap();
        let together = |three: &[Half]| three.len() < 3 || three[1] == three[2];
        assert!(halves.chunks(3).all(together));
        let dev = halves.iter().filter(|half| **half == Half::Dev).count();
        assert!((850..1150).contains(&dev), "{dev}");
    }

    #[test]
    fn near_copies_go_together_and_too_many_are_refused() {
        let mut jobs: Vec<Scanned> = (0..400)
            .map(|i| job(&format!("j{i}"), None, None))
            .collect();
        let signatures = vec![0; jobs.len() * BINS];
        let mut copies = NearCopies::new(&signatures, 0.7);
        for row in 1..10 {
            copies.join(0, row);
        }
        let sides = with(SplitBy::Auto, &jobs, &mut copies).unwrap();
        assert!(sides[..10].iter().all(|half| *half == sides[0]));
        // A job that brings its split decides for its near copies.
        for (split, half) in [(Split::Train, Half::Train), (Split::Dev, Half::Dev)] {
            jobs[7].split = Some(split);
            let sides = with(SplitBy::Auto, &jobs, &mut copies).unwrap();
            assert!(sides[..10].iter().all(|side| *side == half));
        }
        for row in 100..130 {
            copies.join(100, row);
        }
        assert_eq!(
            with(SplitBy::Auto, &jobs, &mut copies).unwrap_err(),
            Unsplit::LargeCluster {
                row: 100,
                jobs: 30,
                of: 400
            }
        );
    }
}
