//! Two evaluations of the same jobs, measure by measure and job by job.

mod folder;

use std::collections::BTreeMap;

use jobmatch_metrics::{
    Bootstrap, Counts, Evaluation as Measured, Interval, Measure, Randomization, evaluate,
};
use serde::{Deserialize, Serialize};

use crate::measure::{MAIN, sum};
use crate::ranked::trec_id;
use crate::{Error, Result};

pub use folder::EvaluatedRun;

/// The settings of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompareConfig {
    /// Compare the jobs that both have, where they do not have the same. Default false: such a comparison is refused.
    pub common: bool,
    /// Ranking measures. Default: those of the report's first table, average precision and the hit rate.
    pub measures: Vec<String>,
    /// How often the bootstrap draws for an interval. Default 2000.
    pub resamples: usize,
    /// The intervals' confidence. Default 0.95.
    pub confidence: f64,
    /// How often the randomization test exchanges. Default 10,000.
    pub permutations: usize,
    /// Seed of all draws. Default 42.
    pub seed: u64,
}

impl Default for CompareConfig {
    fn default() -> Self {
        let measures = [
            MAIN,
            Measure::Recall(10),
            Measure::ReciprocalRank,
            Measure::Ndcg(10),
            Measure::AveragePrecision,
            Measure::HitRate(5),
        ];
        Self {
            common: false,
            measures: measures.iter().map(Measure::to_string).collect(),
            resamples: Bootstrap::RESAMPLES,
            confidence: Bootstrap::CONFIDENCE,
            permutations: Randomization::PERMUTATIONS,
            seed: 42,
        }
    }
}

/// How two evaluations differ. Every difference is B minus A.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Version of this file: 1.
    pub schema_version: u32,
    /// The system of each that was decided with.
    pub systems: [String; 2],
    /// Jobs compared.
    pub jobs: usize,
    /// Jobs that only A or only B has.
    pub only_in: [usize; 2],
    /// Groups of the jobs; intervals and tests draw these.
    pub groups: usize,
    /// Each measure.
    pub measures: Vec<Compared>,
    /// Jobs whose [`Measure`] of the verdict (R-precision@5) is higher in B, lower, and the same.
    pub better: usize,
    /// See `better`.
    pub worse: usize,
    /// See `better`.
    pub same: usize,
    /// Jobs that changed in that measure or in what is decided: the greatest losses first, the greatest gains last.
    pub changed: Vec<ChangedJob>,
}

/// One measure of both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// Its name: a ranking measure, a mean over jobs with a positive; or `precision`, `recall` and `f1` of the decisions over all pairs.
    pub measure: String,
    /// Of A.
    pub a: f64,
    /// Of B.
    pub b: f64,
    /// B minus A.
    pub difference: f64,
    /// Its bootstrap interval by group; `None` with fewer than two groups.
    pub interval: Option<Interval>,
    /// How often chance alone gives a difference as large, by the paired randomization test over groups.
    pub p_value: Option<f64>,
}

/// A job that the two evaluations treat differently.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangedJob {
    /// The job.
    pub job_id: String,
    /// Its title, if it has one.
    pub title: Option<String>,
    /// R-precision@5 of A; `None` for a job without positives.
    pub a: Option<f64>,
    /// R-precision@5 of B.
    pub b: Option<f64>,
    /// Attributes that are right and that B decides and A does not, by name where it is known.
    pub found: Vec<String>,
    /// Right ones that A decides and B does not.
    pub lost: Vec<String>,
    /// Wrong ones that B decides and A does not.
    pub wrong: Vec<String>,
    /// Wrong ones that A decides and B does not.
    pub dropped: Vec<String>,
}

impl ChangedJob {
    /// B minus A; 0 for a job without positives.
    pub fn difference(&self) -> f64 {
        self.b.unwrap_or(0.0) - self.a.unwrap_or(0.0)
    }
}

/// Compares two evaluations of the same jobs and labels.
///
/// # Errors
/// Measures that are not known; jobs that only one of the two has, unless the settings allow them; a job that the two have different
/// labels for; no job in both.
pub fn compare(a: &EvaluatedRun, b: &EvaluatedRun, config: &CompareConfig) -> Result<Comparison> {
    let jobs = common(a, b, config)?;
    let mut measures: Vec<Measure> = Vec::new();
    for name in &config.measures {
        measures.push(name.parse()?);
    }
    let group = |id: &str| {
        let about = &a.jobs[id].about;
        about
            .group_id
            .as_deref()
            .unwrap_or(&about.job_id)
            .to_owned()
    };
    let draws = Draws {
        bootstrap: Bootstrap {
            resamples: config.resamples,
            confidence: config.confidence,
            seed: config.seed,
        },
        randomization: Randomization {
            permutations: config.permutations,
            seed: config.seed,
        },
    };
    let of_a = Values::new(&evaluate(&a.run, &a.qrels, &measures)?);
    let of_b = Values::new(&evaluate(&b.run, &b.qrels, &measures)?);
    let mut compared = Vec::new();
    for (place, measure) in measures.iter().enumerate() {
        let samples: Vec<(String, f64, f64)> = jobs
            .iter()
            .filter_map(|id| {
                let (a, b) = (of_a.get(id, place)?, of_b.get(id, place)?);
                Some((group(id), a, b))
            })
            .collect();
        compared.push(draws.means(measure.to_string(), &samples)?);
    }
    let mut counts: BTreeMap<String, [Counts; 2]> = BTreeMap::new();
    for id in &jobs {
        let sums = counts.entry(group(id)).or_default();
        for (sum, run) in sums.iter_mut().zip([a, b]) {
            let about = &run.jobs[*id].about;
            sum.true_positives += u64::from(about.true_positives);
            sum.decided += u64::from(about.decided);
            sum.positives += u64::from(about.positives);
        }
    }
    let counts: Vec<[Counts; 2]> = counts.into_values().collect();
    let of_counts: [(&str, OfCounts); 3] = [
        ("precision", Counts::precision),
        ("recall", Counts::recall),
        ("f1", Counts::f1),
    ];
    for (name, of) in of_counts {
        compared.push(draws.decisions(name, &counts, of)?);
    }

    let main = [a, b].map(|run| evaluate(&run.run, &run.qrels, &[MAIN]));
    let [main_a, main_b] = main;
    let (main_a, main_b) = (Values::new(&main_a?), Values::new(&main_b?));
    let mut changed = Vec::new();
    let (mut better, mut worse) = (0, 0);
    for id in &jobs {
        let job = changed_job(a, b, id, [main_a.get(id, 0), main_b.get(id, 0)]);
        better += usize::from(job.difference() > 0.0);
        worse += usize::from(job.difference() < 0.0);
        let decided = [&job.found, &job.lost, &job.wrong, &job.dropped];
        if job.difference() != 0.0 || decided.iter().any(|list| !list.is_empty()) {
            changed.push(job);
        }
    }
    changed.sort_by(|a, b| {
        let decided = |job: &ChangedJob| job.found.len() as i64 - job.lost.len() as i64;
        (a.difference().total_cmp(&b.difference()))
            .then(decided(a).cmp(&decided(b)))
            .then(a.job_id.cmp(&b.job_id))
    });
    Ok(Comparison {
        schema_version: 1,
        systems: [a.system.clone(), b.system.clone()],
        jobs: jobs.len(),
        only_in: [a, b].map(|run| run.jobs.len() - jobs.len()),
        groups: counts.len(),
        measures: compared,
        better,
        worse,
        same: jobs.len() - better - worse,
        changed,
    })
}

/// The jobs of both, in byte order of their ids.
fn common<'a>(
    a: &'a EvaluatedRun,
    b: &EvaluatedRun,
    config: &CompareConfig,
) -> Result<Vec<&'a str>> {
    let ids = a.jobs.keys().map(String::as_str);
    let jobs: Vec<&str> = ids.filter(|id| b.jobs.contains_key(*id)).collect();
    let of = [a.jobs.len(), b.jobs.len()];
    if jobs.is_empty() || (!config.common && of != [jobs.len(); 2]) {
        return Err(Error::OtherJobs {
            a: of[0],
            b: of[1],
            common: jobs.len(),
        });
    }
    if let Some(job) = jobs.iter().find(|id| !a.agrees(b, id)) {
        return Err(Error::OtherLabels {
            job: (*job).to_owned(),
        });
    }
    Ok(jobs)
}

/// The measures of each job with a positive.
struct Values(BTreeMap<String, Vec<f64>>);

impl Values {
    fn new(measured: &Measured) -> Self {
        let queries = measured.queries.iter();
        Self(
            queries
                .map(|query| (query.query.clone(), query.values.clone()))
                .collect(),
        )
    }

    fn get(&self, job_id: &str, measure: usize) -> Option<f64> {
        self.0.get(&trec_id(job_id))?.get(measure).copied()
    }
}

/// Precision, recall or F1.
type OfCounts = fn(&Counts) -> f64;

struct Draws {
    bootstrap: Bootstrap,
    randomization: Randomization,
}

impl Draws {
    /// A mean over jobs, from samples of group, A and B.
    fn means(&self, measure: String, samples: &[(String, f64, f64)]) -> Result<Compared> {
        let count = samples.len().max(1) as f64;
        let a = samples.iter().map(|(_, a, _)| a).sum::<f64>() / count;
        let b = samples.iter().map(|(_, _, b)| b).sum::<f64>() / count;
        let differences: Vec<(&str, f64, f64)> = samples
            .iter()
            .map(|(group, a, b)| (group.as_str(), *b, *a))
            .collect();
        let tested = self.randomization.paired_difference(&differences)?;
        Ok(Compared {
            measure,
            a,
            b,
            difference: b - a,
            interval: self.bootstrap.paired_difference(&differences)?,
            p_value: tested.map(|tested| tested.p_value),
        })
    }

    /// A measure of summed counts, from the counts of each group.
    fn decisions(&self, name: &str, groups: &[[Counts; 2]], of: OfCounts) -> Result<Compared> {
        let all: Vec<usize> = (0..groups.len()).collect();
        let side =
            |drawn: &[usize], side: usize| of(&sum(drawn.iter().map(|group| groups[*group][side])));
        let interval = self
            .bootstrap
            .of_statistic(groups.len(), |drawn| side(drawn, 1) - side(drawn, 0))?;
        let tested = self.randomization.of_statistic(groups.len(), |exchanged| {
            let of_side = |side: usize| {
                let sides = exchanged
                    .iter()
                    .map(|exchanged| side ^ usize::from(*exchanged));
                of(&sum(groups
                    .iter()
                    .zip(sides)
                    .map(|(counts, side)| counts[side])))
            };
            of_side(1) - of_side(0)
        })?;
        let (a, b) = (side(&all, 0), side(&all, 1));
        Ok(Compared {
            measure: name.to_owned(),
            a,
            b,
            difference: b - a,
            interval,
            p_value: tested.map(|tested| tested.p_value),
        })
    }
}

fn changed_job(
    a: &EvaluatedRun,
    b: &EvaluatedRun,
    id: &str,
    [of_a, of_b]: [Option<f64>; 2],
) -> ChangedJob {
    let (in_a, in_b) = (&a.jobs[id], &b.jobs[id]);
    let only = |one: &folder::RunJob, other: &folder::RunJob, right: bool| -> Vec<String> {
        let only = one.decided.difference(&other.decided);
        only.filter(|attribute| (a.grade(id, attribute) > 0) == right)
            .map(|attribute| {
                let name = b.names.get(attribute).or_else(|| a.names.get(attribute));
                name.unwrap_or(attribute).clone()
            })
            .collect()
    };
    ChangedJob {
        job_id: id.to_owned(),
        title: in_b.about.title.clone(),
        a: of_a,
        b: of_b,
        found: only(in_b, in_a, true),
        lost: only(in_a, in_b, true),
        wrong: only(in_b, in_a, false),
        dropped: only(in_a, in_b, false),
    }
}
