//! Second: what becomes of each job, and which labels each shard has to place.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use jobmatch_records::{OnBadRow, Rejected};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Context;
use super::scan::{self, Counted, JobKey, Scanned};
use crate::dev_halves::DevHalves;
pub(crate) use crate::fates::Fate;
use crate::fates::fates;
use crate::inputs::repeated;
use crate::labels::{self, Routing};
use crate::minhash::BANDS;
use crate::near_copies::{Leak, NearCopies};
use crate::report::{Flow, NearCopyCounts};
use crate::shards::jobs_at;
use crate::split::{Half, Unsplit, halves};
use crate::texts::Key;
use crate::{Error, Result};

/// What all processes must agree on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) fates: Vec<Fate>,
    /// Copies and the kept job of each, by row.
    pub(crate) copies: Vec<(u32, u32)>,
    pub(crate) shards: u32,
    pub(crate) partitions: u32,
    pub(crate) jobs: Flow,
    /// Label rows that were removed for their job or their file.
    pub(crate) labels: Flow,
    pub(crate) hard_negatives: Flow,
    /// The names of the label files.
    pub(crate) sources: Vec<String>,
    pub(crate) near_copies: NearCopyCounts,
    pub(crate) leaks: Vec<LeakNamed>,
    pub(crate) groups_with_golden: u64,
    pub(crate) rejected: Vec<(PathBuf, u64, String)>,
}

/// A golden job that is a near copy of a job to be learned from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LeakNamed {
    pub(crate) golden_job: String,
    pub(crate) job: String,
    pub(crate) similarity: f64,
}

impl Plan {
    /// The job that stands for this one: of a copy the kept job.
    pub(crate) fn kept(&self, row: u32) -> u32 {
        let at = self.copies.binary_search_by_key(&row, |(copy, _)| *copy);
        at.map_or(row, |at| self.copies[at].1)
    }

    pub(crate) fn fate(&self, row: u32) -> Fate {
        self.fates[row as usize]
    }
}

/// Makes the plan, or reads the one that was made.
pub(crate) fn plan(context: &Context, counted: &Counted) -> Result<Plan> {
    context.once("plan", || make(context, counted))
}

fn make(context: &Context, counted: &Counted) -> Result<(Plan, Vec<PathBuf>)> {
    let config = context.config;
    let shards = config.shards(counted.jobs);
    let mut jobs: Vec<Scanned> = Vec::with_capacity(counted.jobs as usize);
    for shard in 0..shards {
        jobs.extend(scan::read(context, shard)?);
    }
    let mut rejected = counted.rejected();
    let ids = Ids::new(&jobs);
    let is_repeated = repeated_ids(context, &ids, &jobs, &mut rejected)?;
    let golden = golden(context, &ids, &jobs)?;
    let fresh: Vec<bool> = (golden.iter().zip(&is_repeated))
        .zip(&jobs)
        .map(|((golden, repeated), job)| !golden && !repeated && !job.is_empty)
        .collect();

    let Sides {
        halves,
        leaks,
        near_copies,
    } = sides(context, &jobs, &golden, &fresh, shards)?;
    let (mut fates, copies) = fates(&jobs, &golden, &is_repeated, &halves);
    let in_dev = (0..jobs.len()).filter(|&row| !golden[row] && halves[row] == Half::Dev);
    let dev = DevHalves::of_selecting(in_dev.map(|row| jobs[row].selects));
    for (fate, job) in fates.iter_mut().zip(&jobs) {
        if *fate == Fate::DevDeciding && dev.selects_if(job.selects) {
            *fate = Fate::DevSelecting;
        }
    }
    let leaks = leaks_named(context, leaks)?;
    let mut flow = Flow::of(jobs.len());
    for fate in &fates {
        match fate {
            Fate::Train | Fate::DevSelecting | Fate::DevDeciding => flow.keep(),
            Fate::Golden => flow.remove("golden"),
            Fate::GoldenCopy => flow.remove("copy_of_golden_job"),
            Fate::Copy => flow.remove("copy_of_other_job"),
            Fate::Empty => flow.remove("empty_text"),
            Fate::Repeated => flow.remove("repeated_id"),
        }
    }
    let mut plan = Plan {
        groups_with_golden: groups_with_golden(&jobs, &golden),
        fates,
        copies,
        shards,
        partitions: config.partitions(shards),
        jobs: flow,
        labels: Flow::default(),
        hard_negatives: Flow::default(),
        sources: Vec::new(),
        near_copies,
        leaks,
        rejected: Vec::new(),
    };
    drop(jobs);
    let Routing {
        hard_negatives,
        flow,
        sources,
        rejected: more,
    } = labels::route(context, &plan, &|job_id| ids.row(job_id))?;
    (plan.labels, plan.sources) = (flow, sources);
    plan.hard_negatives = hard_negatives;
    rejected.extend(more);
    plan.rejected = (rejected.into_iter())
        .map(|row| (row.path, row.number, row.reason))
        .collect();
    let files = labels::files(context, plan.shards)?;
    Ok((plan, files))
}

/// The rows of the jobs by their ids.
struct Ids(Vec<(JobKey, u32)>);

impl Ids {
    fn new(jobs: &[Scanned]) -> Self {
        let mut ids: Vec<(JobKey, u32)> = jobs.iter().map(|job| job.id).zip(0..).collect();
        ids.par_sort_unstable();
        Self(ids)
    }

    /// The first row with this id.
    fn row(&self, job_id: &str) -> Option<u32> {
        let key = JobKey::of(job_id);
        let at = self.0.partition_point(|(id, _)| *id < key);
        let (id, row) = self.0.get(at)?;
        (*id == key).then_some(*row)
    }
}

/// Which jobs have an id that stood before.
fn repeated_ids(
    context: &Context,
    ids: &Ids,
    jobs: &[Scanned],
    rejected: &mut Vec<Rejected>,
) -> Result<Vec<bool>> {
    let mut repeats: Vec<(u32, u32)> = Vec::new();
    for same in ids.0.chunk_by(|a, b| a.0 == b.0) {
        let first = same[0].1;
        repeats.extend(same[1..].iter().map(|(_, row)| (*row, first)));
    }
    repeats.sort_unstable();
    let mut is_repeated = vec![false; jobs.len()];
    let rows: Vec<u32> = match context.source.on_bad_row() {
        OnBadRow::Stop => repeats.iter().take(1).map(|(row, _)| *row).collect(),
        OnBadRow::Skip => repeats.iter().map(|(row, _)| *row).collect(),
    };
    let named = jobs_at(context.source, &rows)?;
    for (&(row, first), job) in repeats.iter().zip(&named) {
        let (number, first) = (jobs[row as usize].number, jobs[first as usize].number);
        let error = context.source.repeated_id(&job.job_id, number, first);
        if context.source.on_bad_row() == OnBadRow::Stop {
            return Err(error);
        }
        if let Error::Records(jobmatch_records::Error::BadRow { path, place, .. }) = error {
            rejected.push(Rejected {
                path: path.file_name().unwrap_or_default().into(),
                number,
                reason: repeated(&job.job_id, place, first),
            });
        }
        is_repeated[row as usize] = true;
    }
    Ok(is_repeated)
}

/// Which jobs are golden: by their split, or because a golden label names them.
fn golden(context: &Context, ids: &Ids, jobs: &[Scanned]) -> Result<Vec<bool>> {
    let split = Some(jobmatch_records::Split::Golden);
    let mut golden: Vec<bool> = jobs.iter().map(|job| job.split == split).collect();
    for label in context.source.golden_labels()? {
        if let Some(row) = ids.row(&label?.job_id) {
            golden[row as usize] = true;
        }
    }
    Ok(golden)
}

struct Sides {
    halves: Vec<Half>,
    leaks: Vec<Leak>,
    near_copies: NearCopyCounts,
}

/// Finds the near copies, and the side of each job with them.
fn sides(
    context: &Context,
    jobs: &[Scanned],
    golden: &[bool],
    fresh: &[bool],
    shards: u32,
) -> Result<Sides> {
    let of_shard = |shard: u32| context.config.jobs_of_shard(shard, jobs.len());
    let mut signatures = Vec::with_capacity(jobs.len() * crate::minhash::BINS);
    for shard in 0..shards {
        signatures.extend(scan::read_signatures(context, shard, of_shard(shard))?);
    }
    let mut copies = NearCopies::new(&signatures, context.config.near_copy);
    let firsts = join_equal(jobs, golden, fresh, &mut copies);
    for band in 0..BANDS {
        let mut rows: Vec<(u32, u32)> = Vec::with_capacity(jobs.len());
        let mut row = 0;
        for shard in 0..shards {
            for key in scan::read_band(context, shard, of_shard(shard), band)? {
                if firsts[row as usize] {
                    rows.push((key, row));
                }
                row += 1;
            }
        }
        rows.par_sort_unstable();
        for bucket in rows
            .chunk_by(|a, b| a.0 == b.0)
            .filter(|bucket| bucket.len() > 1)
        {
            copies.bucket(bucket, |row| golden[row as usize]);
        }
    }
    let leaks = copies.leaks();
    let split = halves(context.config, jobs, fresh, &mut copies);
    let (halves, clusters) = split.map_err(|problem| unsplit(context, problem))?;
    Ok(Sides {
        halves,
        near_copies: NearCopyCounts {
            clusters: clusters.clusters,
            jobs: clusters.jobs,
            largest_cluster: clusters.largest,
            dev_near_train: clusters.dev_near_train,
            golden_near_others: leaks.len() as u64,
        },
        leaks,
    })
}

/// Joins the jobs of one text; the first of them alone is compared with others. A golden job is compared by itself,
/// unless its very text is a fresh job's.
fn join_equal(
    jobs: &[Scanned],
    golden: &[bool],
    fresh: &[bool],
    copies: &mut NearCopies,
) -> Vec<bool> {
    let mut order: Vec<(Key, bool, u32)> = (0u32..)
        .zip(jobs)
        .filter(|(row, job)| fresh[*row as usize] || (golden[*row as usize] && !job.is_empty))
        .map(|(row, job)| (job.text, golden[row as usize], row))
        .collect();
    order.par_sort_unstable();
    let mut firsts = vec![false; jobs.len()];
    for same in order.chunk_by(|a, b| a.0 == b.0) {
        for side in same.chunk_by(|a, b| a.1 == b.1) {
            let (_, is_golden, first) = side[0];
            firsts[first as usize] = true;
            for &(_, _, row) in &side[1..] {
                if is_golden {
                    firsts[row as usize] = true;
                } else {
                    copies.join(first, row);
                }
            }
        }
    }
    firsts
}

fn unsplit(context: &Context, problem: Unsplit) -> Error {
    let named = |rows: &[u32]| jobs_at(context.source, rows);
    let error = || -> Result<Error> {
        Ok(match problem {
            Unsplit::NoSplit { row } => Error::NoSplit {
                job_id: id(&named(&[row])?, 0),
            },
            Unsplit::GroupOnBothSides { train, dev } => {
                let jobs = named(&[train.min(dev), train.max(dev)])?;
                let (train, dev) = if train < dev { (0, 1) } else { (1, 0) };
                Error::GroupOnBothSides {
                    group_id: jobs
                        .first()
                        .and_then(|job| job.group_id.clone())
                        .unwrap_or_default(),
                    train_job: id(&jobs, train),
                    dev_job: id(&jobs, dev),
                }
            }
            Unsplit::LargeCluster { row, jobs, of } => Error::LargeCluster {
                job_id: id(&named(&[row])?, 0),
                jobs,
                of,
                limit: context.config.max_cluster_share,
            },
        })
    };
    error().unwrap_or_else(|error| error)
}

fn id(jobs: &[jobmatch_records::Job], at: usize) -> String {
    jobs.get(at)
        .map(|job| job.job_id.clone())
        .unwrap_or_default()
}

/// Names the golden jobs that are near copies of others; refuses them unless that is allowed.
fn leaks_named(context: &Context, leaks: Vec<Leak>) -> Result<Vec<LeakNamed>> {
    let rows: HashSet<u32> = leaks
        .iter()
        .flat_map(|leak| [leak.golden, leak.other])
        .collect();
    let mut rows: Vec<u32> = rows.into_iter().collect();
    rows.sort_unstable();
    let jobs = jobs_at(context.source, &rows)?;
    let ids: BTreeMap<u32, String> = rows
        .into_iter()
        .zip(jobs.into_iter().map(|job| job.job_id))
        .collect();
    let name = |row: u32| ids.get(&row).cloned().unwrap_or_default();
    let named: Vec<LeakNamed> = leaks
        .into_iter()
        .map(|leak| LeakNamed {
            golden_job: name(leak.golden),
            job: name(leak.other),
            similarity: (leak.similarity * 1000.0).round() / 1000.0,
        })
        .collect();
    if named.is_empty() || context.config.allow_leak {
        return Ok(named);
    }
    let lines = named.iter().map(|leak| {
        format!(
            "golden job `{}` is a near copy of job `{}` (similarity {:.2})",
            leak.golden_job, leak.job, leak.similarity
        )
    });
    Err(Error::GoldenLeak {
        count: named.len(),
        list: lines.collect::<Vec<_>>().join("\n"),
    })
}

fn groups_with_golden(jobs: &[Scanned], golden: &[bool]) -> u64 {
    let mut sides: HashMap<u64, (bool, bool)> = HashMap::new();
    let of_golden: HashSet<u64> = (jobs.iter().zip(golden))
        .filter(|(_, golden)| **golden)
        .filter_map(|(job, _)| job.group)
        .collect();
    for (job, golden) in jobs.iter().zip(golden) {
        if let Some(group) = job.group.filter(|group| of_golden.contains(group)) {
            let (in_golden, elsewhere) = sides.entry(group).or_default();
            *in_golden |= golden;
            *elsewhere |= !golden;
        }
    }
    sides
        .values()
        .filter(|(golden, elsewhere)| *golden && *elsewhere)
        .count() as u64
}
