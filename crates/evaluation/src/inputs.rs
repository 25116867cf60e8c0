//! Which jobs are evaluated, and what is known to be right about them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

use jobmatch_dataset::{DevHalves, group_or_job};
use jobmatch_records::{Definition, Evidence, Job, Label, Sentence, Split};

use crate::error::LabelPlace;
use crate::passages::PassageIndex;
use crate::{Error, Result};

/// What is evaluated. All jobs and labels may be given: the split picks its own, and what is labelled in `train` gives
/// the popularity floor and tells which attributes were never trained on.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The split that is evaluated.
    pub split: Split,
    /// Jobs of this and of other splits. When no job names a split, all are evaluated, but none may choose.
    pub jobs: &'a [Job],
    /// The sentences of the jobs, by the `segment` stage; `None` cuts them here.
    pub sentences: Option<&'a [Sentence]>,
    /// Labels of the jobs, of every split; several rows of one pair are several pieces of evidence.
    pub labels: &'a [Label],
    /// Files with the fingerprints of the jobs that the models learned from; without any, leaks cannot be told.
    pub learned: &'a [PathBuf],
    /// The definitions, for the kinds of attributes; without them there are no numbers by kind.
    pub definitions: Option<&'a [Definition]>,
}

/// The jobs under evaluation with their judgements.
pub(crate) struct Prepared<'a> {
    /// In byte order of their ids, so that no sum depends on the order in which they are given.
    pub jobs: Vec<&'a Job>,
    /// Of each job: judged rows.
    pub judgements: Vec<BTreeMap<u32, Judgement>>,
    /// Jobs of the split, before any were set aside.
    pub jobs_in_split: usize,
    /// Jobs of dev that selected models, and so choose no decision.
    pub set_aside: usize,
    /// Jobs left out by `limit_jobs`.
    pub left_out: usize,
    /// For each row, in how many training jobs it is positive, and the number of labelled training jobs; `None`
    /// without labels of training jobs.
    pub training: Option<Training>,
}

/// What the training labels say about attributes.
pub(crate) struct Training {
    /// By row: training jobs that have the attribute.
    pub frequency: Vec<u32>,
    /// Training jobs with at least one positive.
    pub jobs: usize,
}

/// What people said about one pair.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Judgement {
    /// Above 0 is relevant.
    pub grade: i32,
    /// Half-open byte ranges of the text that prove it.
    pub evidence: Vec<(u64, u64)>,
}

impl<'a> Prepared<'a> {
    /// Picks the jobs of the split (of its calibration half, when a decision is to be chosen) and judges them.
    pub(crate) fn new(
        inputs: &Inputs<'a>,
        passages: &PassageIndex,
        choose: bool,
        limit: Option<usize>,
        seed: u64,
    ) -> Result<Self> {
        let split = inputs.split;
        let mut of_split = HashMap::with_capacity(inputs.jobs.len());
        for job in inputs.jobs {
            if of_split.insert(job.job_id.as_str(), job.split).is_some() {
                return Err(Error::DuplicateJob {
                    job: job.job_id.clone(),
                });
            }
        }
        let named = inputs.jobs.iter().any(|job| job.split.is_some());
        if !named && choose {
            return Err(Error::NoSplits {
                jobs: inputs.jobs.len(),
            });
        }
        let mut jobs: Vec<&Job> = inputs
            .jobs
            .iter()
            .filter(|job| !named || job.split == Some(split))
            .collect();
        jobs.sort_by(|a, b| a.job_id.cmp(&b.job_id));
        let jobs_in_split = jobs.len();
        if jobs.is_empty() {
            return Err(Error::NoJobs {
                split,
                jobs: inputs.jobs.len(),
            });
        }
        if choose {
            let halves = DevHalves::of(jobs.iter().copied());
            jobs.retain(|job| halves.calibrates(job));
        }
        let set_aside = jobs_in_split - jobs.len();
        let before = jobs.len();
        if let Some(limit) = limit {
            jobs = drawn(&jobs, limit, seed);
        }
        let left_out = before - jobs.len();

        let places: HashMap<&str, usize> = jobs
            .iter()
            .enumerate()
            .map(|(place, job)| (job.job_id.as_str(), place))
            .collect();
        let mut judgements = vec![BTreeMap::new(); jobs.len()];
        let mut trained: Vec<HashSet<&str>> = vec![HashSet::new(); passages.attributes().len()];
        let mut training_jobs = BTreeSet::new();
        for label in inputs.labels {
            let place = || LabelPlace::of(label);
            let Some(row) = passages.row(&label.attribute_id) else {
                return Err(Error::UnknownAttribute { label: place() });
            };
            let Some(of_job) = of_split.get(label.job_id.as_str()) else {
                return Err(Error::UnknownJob { label: place() });
            };
            if label.label && *of_job == Some(Split::Train) {
                trained[row as usize].insert(&label.job_id);
                training_jobs.insert(&label.job_id);
            }
            let Some(&job) = places.get(label.job_id.as_str()) else {
                continue;
            };
            let known: Option<&Judgement> = judgements[job].get(&row);
            if known.is_some_and(|known| (known.grade > 0) != label.label) {
                return Err(Error::ConflictingLabels { label: place() });
            }
            let judgement: &mut Judgement = judgements[job].entry(row).or_default();
            if !label.label {
                continue;
            }
            let grade = label.grade.unwrap_or(1.0);
            if !(grade.fract() == 0.0 && (1.0..=1000.0).contains(&grade)) {
                return Err(Error::Grade {
                    label: place(),
                    grade,
                });
            }
            judgement.grade = judgement.grade.max(grade as i32);
            if let Some(span) = evidence(jobs[job], label) {
                judgement.evidence.push(span);
            }
        }
        if !judgements
            .iter()
            .flat_map(BTreeMap::values)
            .any(|judgement| judgement.grade > 0)
        {
            return Err(Error::NoPositives {
                split,
                jobs: jobs.len(),
            });
        }
        Ok(Self {
            jobs,
            judgements,
            jobs_in_split,
            set_aside,
            left_out,
            training: (!training_jobs.is_empty()).then(|| Training {
                frequency: trained.iter().map(|jobs| jobs.len() as u32).collect(),
                jobs: training_jobs.len(),
            }),
        })
    }

    /// The grade of a row for a job; 0 when nobody judged it.
    pub(crate) fn grade(&self, job: usize, row: u32) -> i32 {
        self.judgements[job]
            .get(&row)
            .map_or(0, |judgement| judgement.grade)
    }

    /// The positive rows of a job.
    pub(crate) fn positives(&self, job: usize) -> impl Iterator<Item = (u32, &Judgement)> {
        let judged = self.judgements[job]
            .iter()
            .map(|(row, judgement)| (*row, judgement));
        judged.filter(|(_, judgement)| judgement.grade > 0)
    }

    /// The grades of every job's positives, as measures take them.
    pub(crate) fn positive_grades(&self) -> Vec<Vec<i32>> {
        (0..self.jobs.len())
            .map(|job| {
                self.positives(job)
                    .map(|(_, judgement)| judgement.grade)
                    .collect()
            })
            .collect()
    }
}

/// The bytes a label's evidence stands in; a quote that the text does not hold proves nothing.
fn evidence(job: &Job, label: &Label) -> Option<(u64, u64)> {
    match label.evidence.as_ref()? {
        Evidence::Span { start, end } => Some((*start, *end)),
        Evidence::Quote(words) => {
            let start = job.text.find(words.as_str())?;
            Some((start as u64, (start + words.len()) as u64))
        }
    }
}

/// A fixed part of the jobs, as even over groups as can be: groups in the order of a seeded hash take turns, each
/// giving its next job in the order of a seeded hash. The result keeps the order of the jobs.
fn drawn<'a>(jobs: &[&'a Job], limit: usize, seed: u64) -> Vec<&'a Job> {
    let hash = |what: &str, id: &str| {
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(&seed.to_le_bytes())
            .update(what.as_bytes())
            .update(&[0])
            .update(id.as_bytes());
        *hasher.finalize().as_bytes()
    };
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, job) in jobs.iter().enumerate() {
        groups.entry(group_or_job(job)).or_default().push(place);
    }
    // Sorting by turn first makes the groups take turns.
    let mut turns: Vec<(usize, [u8; 32], usize)> = Vec::with_capacity(jobs.len());
    for (id, mut places) in groups {
        places.sort_by_key(|place| hash("job", &jobs[*place].job_id));
        let of_group = hash("group", id);
        turns.extend(
            places
                .into_iter()
                .enumerate()
                .map(|(turn, place)| (turn, of_group, place)),
        );
    }
    turns.sort_unstable();
    turns.truncate(limit);
    let mut places: Vec<usize> = turns.into_iter().map(|(_, _, place)| place).collect();
    places.sort_unstable();
    places.into_iter().map(|place| jobs[place]).collect()
}
