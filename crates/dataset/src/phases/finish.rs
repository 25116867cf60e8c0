//! Last: the samples' files, what was set aside, and the report.

use jobmatch_records::{OnBadRow, Pair, Positive, Record, Rejected};

use super::Context;
use super::choose::Weights;
use super::number::Numbers;
use super::place::{Placing, read_placing};
use super::plan::Plan;
use super::write::read_writing;
use crate::report::{Definitions, Flow, Report, Side};
use crate::write::write_rows;
use crate::{Error, Result};

/// Refuses to go on when nothing can be learned.
pub(crate) fn check_positives(context: &Context, plan: &Plan, weights: &Weights) -> Result<()> {
    if !weights.train.positives.is_empty() {
        return Ok(());
    }
    let placing = placing(context, plan)?;
    let labels = labels(plan, &placing);
    Err(Error::NoPositives {
        counts: format!(
            "jobs: {}; labels: {labels}; placed: {}; pairs: {}",
            plan.jobs,
            placing.placed,
            pairs(&placing, weights)
        ),
    })
}

/// Writes what is left to write once every shard is written; the report.
pub(crate) fn finish(
    context: &Context,
    plan: &Plan,
    weights: &Weights,
    numbers: &Numbers,
) -> Result<Report> {
    let work = context.work;
    let placing = placing(context, plan)?;
    let mut sides = [Side::default(), Side::default()];
    let mut samples: [Vec<Pair>; 2] = Default::default();
    for shard in 0..plan.shards {
        let writing = read_writing(context, shard)?;
        for (half, (side, sample)) in writing.sides.into_iter().zip(writing.samples).enumerate() {
            sides[half].add(&side);
            samples[half].extend(sample);
        }
    }
    for (half, side) in sides.iter_mut().enumerate() {
        side.jobs = placing.jobs[half];
        side.texts = numbers.texts[half];
        side.pairs = numbers.rows[half];
    }
    let mut files = vec![
        write_rows(work, "train_sample", 0, &samples[0])?,
        write_rows(work, "dev_sample", 0, &samples[1])?,
    ];
    // A folder that got no part gets one without rows.
    for (folder, rows) in ["train", "dev"].into_iter().zip(numbers.rows) {
        files.extend(write_none::<Pair>(context, folder, rows)?);
    }
    files.extend(write_none::<Positive>(
        context,
        "positives",
        placing.positives,
    )?);

    let [train, dev] = sides;
    let mut report = Report {
        unit: context.config.unit,
        template: context.config.template.to_string(),
        jobs: plan.jobs.clone(),
        labels: labels(plan, &placing),
        placed: placing.placed.clone(),
        pairs: pairs(&placing, weights),
        negatives: numbers.negatives.clone(),
        hard_negatives: plan.hard_negatives.clone(),
        near_copies: plan.near_copies,
        alignment: placing.alignment.clone(),
        definitions: definitions(context, weights),
        train,
        dev,
        train_sample: samples[0].len() as u64,
        dev_sample: samples[1].len() as u64,
        positives: placing.positives,
        rejected: plan.rejected.len() as u64,
        warnings: Vec::new(),
    };
    report.alignment.score_percentiles = percentiles(placing.scores);
    report.warnings = warnings(plan, &report);
    for warning in &report.warnings {
        tracing::warn!("{warning}");
    }
    work.write_json("report.json", &report)?;
    if context.source.on_bad_row() == OnBadRow::Skip {
        let rejected = plan.rejected.iter().cloned();
        let rejected = rejected.map(|(path, number, reason)| Rejected {
            path,
            number,
            reason,
        });
        work.write_json_lines("rejected.jsonl", &rejected.collect::<Vec<_>>())?;
    }
    if !plan.leaks.is_empty() {
        work.write_json_lines("leaks.jsonl", &plan.leaks)?;
    }
    Ok(report)
}

fn write_none<R: Record>(
    context: &Context,
    folder: &str,
    rows: u64,
) -> Result<Option<std::path::PathBuf>> {
    match rows {
        0 => write_rows::<R>(context.work, folder, 0, &[]).map(Some),
        _ => Ok(None),
    }
}

fn placing(context: &Context, plan: &Plan) -> Result<Placing> {
    let mut all = Placing::default();
    for shard in 0..plan.shards {
        all.add(read_placing(context, shard)?);
    }
    Ok(all)
}

fn labels(plan: &Plan, placing: &Placing) -> Flow {
    let mut labels = plan.labels.clone();
    labels.add(&placing.labels);
    labels
}

/// Candidates in, pairs out: some were removed when they were placed, others when they were chosen.
fn pairs(placing: &Placing, weights: &Weights) -> Flow {
    let mut pairs = placing.pairs.clone();
    pairs.add(&weights.flow);
    pairs
}

fn definitions(context: &Context, weights: &Weights) -> Definitions {
    let (train, dev) = (&weights.train.positives, &weights.dev.positives);
    Definitions {
        attributes: context.attributes.len() as u64,
        same_passage: context.attributes.same_passage() as u64,
        with_train_positives: train.len() as u64,
        only_in_dev: dev.keys().filter(|id| !train.contains_key(id)).count() as u64,
    }
}

fn percentiles(mut scores: Vec<f32>) -> Vec<f32> {
    scores.sort_unstable_by(f32::total_cmp);
    match scores.len().checked_sub(1) {
        None => Vec::new(),
        Some(last) => [0, 10, 50, 90, 100]
            .map(|percent| scores[last * percent / 100])
            .to_vec(),
    }
}

fn warnings(plan: &Plan, report: &Report) -> Vec<String> {
    let mut warnings = Vec::new();
    if report.dev.positives == 0 {
        warnings.push(
            "no positive pair is in dev: nothing can be chosen on it; give jobs the split `dev`, or raise dev_share"
                .to_owned(),
        );
    }
    if !plan.leaks.is_empty() {
        warnings.push(format!(
            "{} golden jobs are near copies of jobs to be learned from (leaks.jsonl): what is measured on them says little",
            plan.leaks.len()
        ));
    }
    if plan.groups_with_golden > 0 {
        warnings.push(format!(
            "{} groups have golden jobs and others: what is learned from the others may help on the golden ones",
            plan.groups_with_golden
        ));
    }
    if plan.near_copies.dev_near_train > 0 {
        warnings.push(format!(
            "{} dev jobs are near copies of train jobs, since their own splits or groups put them there",
            plan.near_copies.dev_near_train
        ));
    }
    if report.rejected > 0 {
        warnings.push(format!(
            "{} bad rows were set aside in rejected.jsonl",
            report.rejected
        ));
    }
    if let Some(rows) = report.labels.removed.get("conflict") {
        warnings.push(format!(
            "{rows} label rows lost against rows that say the opposite of the same pair"
        ));
    }
    if report.alignment.quotes_not_found > 0 {
        warnings.push(format!(
            "{} quotes do not stand in their job's text; those labels were aligned by BM25",
            report.alignment.quotes_not_found
        ));
    }
    if report.definitions.same_passage > 0 {
        warnings.push(format!(
            "{} attributes have the passage of another; pairs count them as one",
            report.definitions.same_passage
        ));
    }
    warnings
}
