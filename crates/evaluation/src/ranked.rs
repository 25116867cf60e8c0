//! What the last system says of each job, as rows and as TREC files.

use jobmatch_metrics::{Pool, Qrels, Run};
use jobmatch_records::{EvaluatedJob, Prediction};

use crate::Result;
use crate::inputs::Prepared;
use crate::passages::PassageIndex;
use crate::queries::Queries;
use crate::retrieve::Candidate;
use crate::systems::System;

/// A candidate with its final score.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ranked {
    pub found: Candidate,
    pub score: f32,
}

/// Each job's candidates in the order that is measured.
pub(crate) fn ranked(
    system: &System,
    pool: &Pool,
    candidates: &[Vec<Candidate>],
    passages: &PassageIndex,
) -> Vec<Vec<Ranked>> {
    let jobs = candidates.iter().zip(&system.scores).enumerate();
    jobs.map(|(job, (list, scores))| {
        let mut ranked: Vec<Ranked> = list
            .iter()
            .zip(scores)
            .map(|(found, (_, score))| Ranked {
                found: *found,
                score: *score,
            })
            .collect();
        let places: std::collections::HashMap<u32, usize> = pool
            .ranked(job)
            .iter()
            .enumerate()
            .map(|(place, candidate)| (candidate.document, place))
            .collect();
        ranked.sort_by_key(|ranked| places.get(&passages.order(ranked.found.row)).copied());
        ranked
    })
    .collect()
}

/// Every candidate of every job.
pub(crate) fn predictions(
    ranked: &[Vec<Ranked>],
    prepared: &Prepared<'_>,
    passages: &PassageIndex,
    threshold: f32,
) -> Vec<Prediction> {
    let mut rows = Vec::with_capacity(ranked.iter().map(Vec::len).sum());
    for (job, list) in prepared.jobs.iter().zip(ranked) {
        rows.extend((1u32..).zip(list).map(|(rank, Ranked { found, score })| {
            Prediction {
                job_id: job.job_id.clone(),
                attribute_id: passages.attributes()[found.row as usize]
                    .attribute_id
                    .clone(),
                rank,
                score: *score,
                bi_score: found.bi,
                cross_score: found.cross,
                decided: *score >= threshold,
                sentence_start: Some(found.proof.start),
                sentence_end: Some(found.proof.end),
            }
        }));
    }
    rows
}

/// What it came to for each job.
pub(crate) fn jobs(
    ranked: &[Vec<Ranked>],
    prepared: &Prepared<'_>,
    queries: &Queries,
    threshold: f32,
) -> Vec<EvaluatedJob> {
    let numbered = prepared.jobs.iter().enumerate().zip(ranked);
    let evaluated = numbered.map(|((number, job), list)| {
        let decided = list.iter().filter(|ranked| ranked.score >= threshold);
        let right = |ranked: &&Ranked| prepared.grade(number, ranked.found.row) > 0;
        EvaluatedJob {
            job_id: job.job_id.clone(),
            group_id: job.group_id.clone(),
            title: job.title.clone(),
            queries: queries.of_job[number].len() as u32,
            positives: prepared.positives(number).count() as u32,
            decided: decided.clone().count() as u32,
            true_positives: decided.filter(right).count() as u32,
        }
    });
    evaluated.collect()
}

/// The ranking as TREC has it.
pub(crate) fn run(
    ranked: &[Vec<Ranked>],
    prepared: &Prepared<'_>,
    passages: &PassageIndex,
) -> Result<Run> {
    let mut run = Run::new();
    for (job, list) in prepared.jobs.iter().zip(ranked) {
        let documents = list.iter().map(|Ranked { found, score }| {
            let attribute = &passages.attributes()[found.row as usize];
            (trec_id(&attribute.attribute_id), *score)
        });
        run.insert(&trec_id(&job.job_id), documents)?;
    }
    Ok(run)
}

/// The judgements as TREC has them.
pub(crate) fn qrels(prepared: &Prepared<'_>, passages: &PassageIndex) -> Result<Qrels> {
    let mut qrels = Qrels::new();
    for (job, judgements) in prepared.jobs.iter().zip(&prepared.judgements) {
        for (row, judgement) in judgements {
            let attribute = &passages.attributes()[*row as usize];
            qrels.insert(
                &trec_id(&job.job_id),
                &trec_id(&attribute.attribute_id),
                judgement.grade,
            )?;
        }
    }
    Ok(qrels)
}

/// The id as TREC files can hold it: their columns are separated by white space, so white space, and the percent sign
/// that marks it, stand there as the hexadecimal numbers of their bytes.
pub(crate) fn trec_id(id: &str) -> String {
    let mut written = String::with_capacity(id.len());
    for character in id.chars() {
        if character.is_whitespace() || character == '%' {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                written.push_str(&format!("%{byte:02X}"));
            }
        } else {
            written.push(character);
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_with_white_space_fit_into_trec_files() {
        assert_eq!(trec_id("4.A.1"), "4.A.1");
        assert_eq!(
            trec_id("Project Management\u{a0}100%"),
            "Project%20Management%C2%A0100%25"
        );
    }
}
