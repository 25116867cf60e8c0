//! Dev serves two choices, and no job may serve both.

use jobmatch_records::Job;

/// Each half must hold so many jobs; where one would not, both choices use the whole of dev, since half of so little
/// would choose worse than a whole that is used twice.
pub const MIN_DEV_HALF: usize = 20;

/// Dev in two halves by group: one selects models (early stopping), the other chooses decisions (calibration and
/// thresholds).
///
/// A group decides with the lowest bit of the first byte of its BLAKE3, so the halves are the same for every seed, and
/// a job that is added moves no other. A job without a group is a group of its own.
///
/// ```
/// use jobmatch_dataset::DevHalves;
/// use jobmatch_records::Job;
///
/// let jobs: Vec<Job> = (0..100)
///     .map(|i| Job {
///         job_id: format!("j{i}"),
///         text: String::new(),
///         title: None,
///         split: None,
///         group_id: None,
///     })
///     .collect();
/// let halves = DevHalves::of(&jobs);
/// assert!(jobs.iter().all(|job| halves.selects(job) != halves.calibrates(job)));
/// let few = DevHalves::of(&jobs[..10]);
/// assert!(few.selects(&jobs[0]) && few.calibrates(&jobs[0]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DevHalves {
    halved: bool,
}

impl DevHalves {
    /// The halves of a dev split of these jobs.
    pub fn of<'a>(dev: impl IntoIterator<Item = &'a Job>) -> Self {
        Self::of_selecting(dev.into_iter().map(selecting_half))
    }

    /// The same from what [`selecting_half`] says of each job.
    pub(crate) fn of_selecting(dev: impl Iterator<Item = bool>) -> Self {
        let mut jobs = [0, 0];
        for selects in dev {
            jobs[usize::from(selects)] += 1;
        }
        Self {
            halved: jobs.iter().all(|jobs| *jobs >= MIN_DEV_HALF),
        }
    }

    /// Whether a job of dev, of which [`selecting_half`] says this, may select models.
    pub(crate) fn selects_if(self, selecting_half: bool) -> bool {
        !self.halved || selecting_half
    }

    /// Whether a job of dev may select models.
    pub fn selects(self, job: &Job) -> bool {
        self.selects_if(selecting_half(job))
    }

    /// Whether a job of dev may choose decisions.
    pub fn calibrates(self, job: &Job) -> bool {
        !self.halved || !selecting_half(job)
    }
}

/// Whether the job belongs to the half that selects models, if dev is halved.
pub(crate) fn selecting_half(job: &Job) -> bool {
    blake3::hash(group_or_job(job).as_bytes()).as_bytes()[0] & 1 == 0
}

/// What never parts ways and is resampled as one: the job's group, else the job alone.
pub fn group_or_job(job: &Job) -> &str {
    group(job).unwrap_or(&job.job_id)
}

/// The job's group; an empty one is none.
pub(crate) fn group(job: &Job) -> Option<&str> {
    job.group_id.as_deref().filter(|group| !group.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: usize, group: usize) -> Job {
        Job {
            job_id: format!("j{id}"),
            text: String::new(),
            title: None,
            split: None,
            group_id: Some(format!("g{group}")),
        }
    }

    #[test]
    fn groups_stay_together_and_no_job_is_in_both() {
        let jobs: Vec<Job> = (0..200).map(|i| job(i, i / 4)).collect();
        let halves = DevHalves::of(&jobs);
        for group in jobs.chunks(4) {
            assert!(
                group
                    .iter()
                    .all(|job| halves.selects(job) == halves.selects(&group[0]))
            );
        }
        let selecting = jobs.iter().filter(|job| halves.selects(job)).count();
        let calibrating = jobs.iter().filter(|job| halves.calibrates(job)).count();
        assert_eq!(selecting + calibrating, jobs.len());
        assert!(selecting >= MIN_DEV_HALF && calibrating >= MIN_DEV_HALF);
    }

    #[test]
    fn a_half_that_would_be_too_small_is_no_half() {
        // Many jobs of one group: all would fall on one side.
        let jobs: Vec<Job> = (0..200).map(|i| job(i, 0)).collect();
        let halves = DevHalves::of(&jobs);
        assert!(
            jobs.iter()
                .all(|job| halves.selects(job) && halves.calibrates(job))
        );
    }
}
