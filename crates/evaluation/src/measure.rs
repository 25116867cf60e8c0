//! Measuring: from scores and judgements to the numbers of `metrics.json`.

use std::collections::{BTreeMap, BTreeSet};

use jobmatch_dataset::group_or_job;
use jobmatch_metrics::{
    Bootstrap, Counts, Interval, Measure, Pool, Quality, average_precision, threshold_curve,
};
use jobmatch_records::Split;

use crate::config::{RetrievalSettings, Unit};
use crate::inputs::Prepared;
use crate::numbers::{
    AtThreshold, AtTop, Ceiling, CurveRow, Difference, Evaluated, Proof, QualityRow, SystemMetrics,
    Unseen,
};
use crate::passages::PassageIndex;
use crate::queries::Queries;
use crate::retrieve::Candidate;
use crate::systems::System;
use crate::{EvaluationConfig, Result};

/// R-precision at the first five: what the verdict speaks of.
pub(crate) const MAIN: Measure = Measure::RPrecision(5);

const MEASURES: [Measure; 11] = [
    MAIN,
    Measure::Recall(1),
    Measure::Recall(5),
    Measure::Recall(10),
    Measure::Recall(50),
    Measure::Recall(100),
    Measure::Precision(5),
    Measure::Precision(10),
    Measure::ReciprocalRank,
    Measure::AveragePrecision,
    Measure::Ndcg(10),
];

const WITH_INTERVAL: [Measure; 4] = [
    MAIN,
    Measure::Recall(10),
    Measure::ReciprocalRank,
    Measure::Ndcg(10),
];

/// Points of a curve in `metrics.json`, at most.
const CURVE_POINTS: usize = 100;

fn cut_off(measure: Measure) -> usize {
    match measure {
        Measure::Precision(k)
        | Measure::Recall(k)
        | Measure::RPrecision(k)
        | Measure::HitRate(k)
        | Measure::Ndcg(k) => k,
        Measure::ReciprocalRank | Measure::AveragePrecision => 0,
    }
}

/// Measures one system.
pub(crate) fn system(
    system: &System,
    pool: &Pool,
    threshold: Option<f32>,
    prepared: &Prepared<'_>,
    passages: &PassageIndex,
    candidates: usize,
    config: &EvaluationConfig,
) -> Result<SystemMetrics> {
    let taken = |measure: &&Measure| cut_off(**measure) <= candidates;
    let means = MEASURES
        .iter()
        .filter(taken)
        .filter_map(|measure| Some((measure.to_string(), measure.mean(pool.rankings())?)));
    let bootstrap = bootstrap(config);
    let mut intervals = BTreeMap::new();
    for measure in WITH_INTERVAL.iter().filter(taken) {
        let samples: Vec<(&str, f64)> = by_job(pool, *measure, prepared);
        if let Some(interval) = bootstrap.mean(&samples)? {
            intervals.insert(measure.to_string(), interval);
        }
    }
    let mut decided = None;
    if let Some(threshold) = threshold {
        let counts = by_group(&pool.counts_at_threshold(threshold)?, prepared);
        let f1 = |drawn: &[usize]| sum(drawn.iter().map(|group| counts[*group])).f1();
        if let Some(interval) = bootstrap.of_statistic(counts.len(), f1)? {
            intervals.insert("f1".to_owned(), interval);
        }
        let quality = row(&pool.at_threshold(threshold)?);
        decided = Some(AtThreshold { threshold, quality });
    }
    let scored: Vec<(f32, bool)> = pool.scored().collect();
    let points = threshold_curve(&scored, pool.positives())?;
    let curve = sampled(points.len()).into_iter().map(|place| CurveRow {
        threshold: points[place].threshold,
        precision: points[place].counts.precision(),
        recall: points[place].counts.recall(),
        f1: points[place].counts.f1(),
    });
    Ok(SystemMetrics {
        name: system.name.to_owned(),
        what: system.what.to_owned(),
        ranking: means.collect(),
        intervals,
        decided,
        top_n: config
            .top_n
            .iter()
            .map(|&n| AtTop {
                n,
                quality: row(&pool.at_top(n)),
            })
            .collect(),
        pooled_average_precision: average_precision(&scored, pool.positives())?.unwrap_or(0.0),
        unseen: unseen(pool, prepared, passages),
        curve: curve.collect(),
    })
}

/// The bootstrap of every interval here.
pub(crate) fn bootstrap(config: &EvaluationConfig) -> Bootstrap {
    Bootstrap {
        resamples: config.resamples,
        ..Bootstrap::new(config.seed)
    }
}

/// A measure of every job with a positive, with the job's group.
fn by_job<'a>(pool: &Pool, measure: Measure, prepared: &Prepared<'a>) -> Vec<(&'a str, f64)> {
    let jobs = prepared.jobs.iter().zip(pool.rankings());
    jobs.filter(|(_, ranking)| ranking.positives() > 0)
        .map(|(job, ranking)| (group_or_job(job), measure.of(ranking)))
        .collect()
}

/// Counts summed over each group, in byte order of the groups.
fn by_group(counts: &[Counts], prepared: &Prepared<'_>) -> Vec<Counts> {
    let mut groups: BTreeMap<&str, Vec<Counts>> = BTreeMap::new();
    for (job, counts) in prepared.jobs.iter().zip(counts) {
        groups.entry(group_or_job(job)).or_default().push(*counts);
    }
    groups
        .into_values()
        .map(|counts| sum(counts.into_iter()))
        .collect()
}

pub(crate) fn sum(counts: impl Iterator<Item = Counts>) -> Counts {
    counts.fold(Counts::default(), |sum, counts| Counts {
        true_positives: sum.true_positives + counts.true_positives,
        decided: sum.decided + counts.decided,
        positives: sum.positives + counts.positives,
    })
}

pub(crate) fn row(quality: &Quality) -> QualityRow {
    QualityRow {
        precision: quality.micro.precision(),
        recall: quality.micro.recall(),
        f1: quality.micro.f1(),
        macro_precision: quality.macro_precision,
        macro_recall: quality.macro_recall,
        macro_f1: quality.macro_f1,
        true_positives: quality.micro.true_positives,
        decided: quality.micro.decided,
        positives: quality.micro.positives,
    }
}

/// Quality at each of some thresholds.
pub(crate) fn at_thresholds(pool: &Pool, thresholds: &[f32]) -> Result<Vec<AtThreshold>> {
    let at = |&threshold: &f32| {
        let quality = row(&pool.at_threshold(threshold)?);
        Ok(AtThreshold { threshold, quality })
    };
    thresholds.iter().map(at).collect()
}

/// Places of at most [`CURVE_POINTS`] of `count` points: the first and the last, and denser towards the first, where the
/// scores are that matter.
fn sampled(count: usize) -> BTreeSet<usize> {
    if count <= CURVE_POINTS {
        return (0..count).collect();
    }
    let last = (CURVE_POINTS - 1) as f64;
    (0..CURVE_POINTS)
        .map(|point| ((point as f64 / last).powi(2) * (count - 1) as f64).round() as usize)
        .collect()
}

fn unseen(pool: &Pool, prepared: &Prepared<'_>, passages: &PassageIndex) -> Option<Unseen> {
    let training = prepared.training.as_ref()?;
    let is_unseen = |row: u32| training.frequency[row as usize] == 0;
    let mut attributes = BTreeSet::new();
    let mut positives = 0;
    let (mut early, mut found) = (0, 0);
    for job in 0..prepared.jobs.len() {
        let wanted: BTreeSet<u32> = prepared
            .positives(job)
            .map(|(row, _)| row)
            .filter(|row| is_unseen(*row))
            .collect();
        positives += wanted.len();
        let documents: BTreeSet<u32> = wanted.iter().map(|row| passages.order(*row)).collect();
        for (place, candidate) in pool.ranked(job).iter().enumerate() {
            if documents.contains(&candidate.document) {
                found += 1;
                early += usize::from(place < 10);
            }
        }
        attributes.extend(wanted);
    }
    (positives > 0).then(|| Unseen {
        attributes: attributes.len(),
        positives,
        recall_at_10: early as f64 / positives as f64,
        recall: found as f64 / positives as f64,
    })
}

/// The last system against each other one, on [`MAIN`].
pub(crate) fn differences(
    systems: &[(&str, &Pool)],
    prepared: &Prepared<'_>,
    config: &EvaluationConfig,
) -> Result<Vec<Difference>> {
    let Some(((last, pool), others)) = systems.split_last() else {
        return Ok(Vec::new());
    };
    let own = by_job(pool, MAIN, prepared);
    let mut differences = Vec::new();
    for (other, pool) in others {
        let samples: Vec<(&str, f64, f64)> = own
            .iter()
            .zip(by_job(pool, MAIN, prepared))
            .map(|((group, a), (_, b))| (*group, *a, b))
            .collect();
        let mean = samples.iter().map(|(_, a, b)| a - b).sum::<f64>() / samples.len().max(1) as f64;
        differences.push(Difference {
            system: (*last).to_owned(),
            with: (*other).to_owned(),
            measure: MAIN.to_string(),
            difference: mean,
            interval: bootstrap(config).paired_difference(&samples)?,
        });
    }
    Ok(differences)
}

/// The share of positives among the candidates.
pub(crate) fn ceiling(
    candidates: &[Vec<Candidate>],
    prepared: &Prepared<'_>,
    settings: &RetrievalSettings,
) -> Ceiling {
    let (mut total, mut found, mut seen) = (0usize, 0usize, 0usize);
    let mut shares = Vec::new();
    for (job, list) in candidates.iter().enumerate() {
        let positives = prepared.positives(job).count();
        let hits = list
            .iter()
            .filter(|found| prepared.grade(job, found.row) > 0);
        let of_job = hits.clone().count();
        seen += hits.filter(|found| found.cross.is_some()).count();
        found += of_job;
        total += positives;
        if positives > 0 {
            shares.push(of_job as f64 / positives as f64);
        }
    }
    let total = total.max(1) as f64;
    Ceiling {
        candidates: settings.candidates,
        recall: found as f64 / total,
        macro_recall: shares.iter().sum::<f64>() / shares.len().max(1) as f64,
        reranked_recall: seen as f64 / total,
    }
}

/// How often a proof overlaps the labelled evidence; `None` at job unit, where the proof is a window, and without
/// evidence.
pub(crate) fn proof(
    candidates: &[Vec<Candidate>],
    prepared: &Prepared<'_>,
    unit: Unit,
) -> Option<Proof> {
    if unit != Unit::Sentence {
        return None;
    }
    let (mut pairs, mut right) = (0, 0);
    for (job, list) in candidates.iter().enumerate() {
        for found in list {
            let Some(judgement) = prepared.judgements[job].get(&found.row) else {
                continue;
            };
            if judgement.grade > 0 && !judgement.evidence.is_empty() {
                pairs += 1;
                let overlaps =
                    |&(start, end): &(u64, u64)| found.proof.start < end && start < found.proof.end;
                right += usize::from(judgement.evidence.iter().any(overlaps));
            }
        }
    }
    (pairs > 0).then(|| Proof {
        pairs,
        right,
        share: right as f64 / pairs as f64,
    })
}

/// The counts of what was evaluated.
pub(crate) fn evaluated(
    split: Split,
    prepared: &Prepared<'_>,
    queries: &Queries,
    candidates: &[Vec<Candidate>],
    attributes: usize,
    reranked_pairs: usize,
    seed: u64,
) -> Evaluated {
    let positives: Vec<usize> = (0..prepared.jobs.len())
        .map(|job| prepared.positives(job).count())
        .collect();
    let groups: BTreeSet<&str> = prepared.jobs.iter().map(|job| group_or_job(job)).collect();
    Evaluated {
        split,
        jobs: prepared.jobs.len(),
        jobs_in_split: prepared.jobs_in_split,
        jobs_set_aside: prepared.set_aside,
        jobs_left_out: prepared.left_out,
        seed,
        groups: groups.len(),
        jobs_without_sentences: queries.of_job.iter().filter(|list| list.is_empty()).count(),
        jobs_without_positives: positives.iter().filter(|count| **count == 0).count(),
        attributes,
        positives: positives.iter().sum(),
        queries: queries.of_job.iter().map(Vec::len).sum(),
        distinct_texts: queries.texts.len(),
        candidates: candidates.iter().map(Vec::len).sum(),
        reranked_pairs,
        training_jobs: prepared
            .training
            .as_ref()
            .map_or(0, |training| training.jobs),
    }
}

/// The result in one sentence.
pub(crate) fn verdict(evaluated: &Evaluated, systems: &[SystemMetrics]) -> String {
    let Some((last, others)) = systems.split_last() else {
        return String::new();
    };
    let percent = |value: f64| format!("{:.1} %", value * 100.0);
    let main = MAIN.to_string();
    let mut sentence = format!("On {} {} jobs", evaluated.jobs, evaluated.split.name());
    if let Some(reached) = last.ranking.get(&main) {
        sentence.push_str(&format!(
            ", {} reaches an R-precision@5 of {}",
            last.name,
            percent(*reached)
        ));
        if let Some(Interval { lower, upper, .. }) = last.intervals.get(&main) {
            sentence.push_str(&format!(
                " (95 % interval {:.1} to {:.1})",
                lower * 100.0,
                upper * 100.0
            ));
        }
        let others: Vec<String> = others
            .iter()
            .filter_map(|system| {
                Some(format!(
                    "{} {}",
                    system.name,
                    percent(*system.ranking.get(&main)?)
                ))
            })
            .collect();
        if !others.is_empty() {
            sentence.push_str(&format!(", against {}", others.join(", ")));
        }
    }
    if let Some(decided) = &last.decided {
        sentence.push_str(&format!(
            "; decided by the threshold chosen on dev, {} of what it says is right and it finds {} of what there is \
             (F1 {})",
            percent(decided.quality.precision),
            percent(decided.quality.recall),
            percent(decided.quality.f1)
        ));
    }
    sentence.push('.');
    sentence
}
