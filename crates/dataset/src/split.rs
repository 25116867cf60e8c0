//! Train or dev.

use std::collections::HashMap;

use jobmatch_records::{Job, Split};

use crate::dev_halves::group;
use crate::random;
use crate::{Config, Error, Result, SplitBy};

/// A side of the split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Half {
    Train,
    Dev,
}

/// The side of each job. What it says of golden jobs means nothing.
pub(crate) fn halves(
    config: &Config,
    seed: u64,
    jobs: &[Job],
    golden: &[bool],
) -> Result<Vec<Half>> {
    // The split that the jobs of a group carry, and the first job that carried it.
    let mut groups: HashMap<&str, (Half, &Job)> = HashMap::new();
    if config.split_by == SplitBy::Auto {
        for (job, golden) in jobs.iter().zip(golden) {
            let (Some(group), Some(half), false) = (group(job), carried(job), *golden) else {
                continue;
            };
            let (first, first_job) = *groups.entry(group).or_insert((half, job));
            if first != half {
                let (train, dev) = match half {
                    Half::Train => (job, first_job),
                    Half::Dev => (first_job, job),
                };
                return Err(Error::GroupOnBothSides {
                    group_id: group.to_owned(),
                    train_job: train.job_id.clone(),
                    dev_job: dev.job_id.clone(),
                });
            }
        }
    }
    jobs.iter()
        .zip(golden)
        .map(|(job, golden)| match config.split_by {
            SplitBy::Auto => Ok(carried(job)
                .or_else(|| groups.get(group(job)?).map(|(half, _)| *half))
                .unwrap_or_else(|| hashed(config, seed, job))),
            SplitBy::Column if *golden => Ok(Half::Train),
            SplitBy::Column => carried(job).ok_or_else(|| Error::NoSplit {
                job_id: job.job_id.clone(),
            }),
            SplitBy::Group => Ok(hashed(config, seed, job)),
        })
        .collect()
}

fn carried(job: &Job) -> Option<Half> {
    match job.split {
        Some(Split::Train) => Some(Half::Train),
        Some(Split::Dev) => Some(Half::Dev),
        Some(Split::Golden) | None => None,
    }
}

fn hashed(config: &Config, seed: u64, job: &Job) -> Half {
    let share = match group(job) {
        Some(group) => random::fraction(seed, "split by group", &[group.as_bytes()]),
        None => random::fraction(seed, "split by job", &[job.job_id.as_bytes()]),
    };
    if share < config.dev_share {
        Half::Dev
    } else {
        Half::Train
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: &str, split: Option<Split>, group: Option<&str>) -> Job {
        Job {
            job_id: id.to_owned(),
            text: String::new(),
            title: None,
            split,
            group_id: group.map(str::to_owned),
        }
    }

    fn by(split_by: SplitBy, jobs: &[Job]) -> Result<Vec<Half>> {
        let config = Config {
            split_by,
            dev_share: 0.5,
            ..Config::default()
        };
        let golden: Vec<bool> = jobs
            .iter()
            .map(|job| job.split == Some(Split::Golden))
            .collect();
        halves(&config, 1, jobs, &golden)
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
            by(SplitBy::Column, &jobs).unwrap_err().to_string(),
            "job `c` has no split; fill in the column, or set split_by to `auto`"
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
            by(SplitBy::Auto, &jobs).unwrap_err().to_string(),
            "group `g` is in train (job `c`) and in dev (job `a`); give it one split, or set split_by to \
             `column` (groups are ignored) or to `group` (the split column is ignored)"
        );
        assert!(by(SplitBy::Column, &jobs).is_ok());
        let halves = by(SplitBy::Group, &jobs).unwrap();
        assert!(halves.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn hashing_keeps_groups_together_and_the_share() {
        let jobs: Vec<Job> = (0..2000)
            .map(|i| job(&format!("j{i}"), None, Some(&format!("g{}", i / 2))))
            .collect();
        let halves = by(SplitBy::Auto, &jobs).unwrap();
        assert!(halves.chunks(2).all(|pair| pair[0] == pair[1]));
        let dev = halves.iter().filter(|half| **half == Half::Dev).count();
        assert!((900..1100).contains(&dev), "{dev}");
    }
}
