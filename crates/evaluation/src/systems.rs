//! The systems that are measured side by side, each as scored attributes per job.

use jobmatch_lexical::Bm25;
use jobmatch_metrics::{Candidate as Scored, Pool};

use crate::Result;
use crate::config::Unit;
use crate::decision::{Decision, blend};
use crate::inputs::{Prepared, Training};
use crate::passages::PassageIndex;
use crate::retrieve::Candidate;

/// The name of a system in every output.
pub mod name {
    /// Attributes by how many training jobs have them, the same for every job.
    pub const POPULARITY: &str = "popularity";
    /// BM25 of the whole job text over passages.
    pub const BM25: &str = "bm25";
    /// Cosine alone.
    pub const BI_ENCODER: &str = "bi-encoder";
    /// Cosine alone, of windows over the whole job, beside a decision at sentence unit.
    pub const BI_ENCODER_BY_JOB: &str = "bi-encoder-by-job";
    /// Cosine alone, of each sentence, beside a decision at job unit.
    pub const BI_ENCODER_BY_SENTENCE: &str = "bi-encoder-by-sentence";
    /// The bi-encoder's candidates, ranked by the cross-encoder alone.
    pub const CROSS_ENCODER: &str = "cross-encoder";
    /// The bi-encoder's candidates, ranked by both.
    pub const TWO_STAGE: &str = "two-stage";
}

/// A system's scores of some attributes (by row) for each job.
pub(crate) struct System {
    /// One of [`name`].
    pub name: &'static str,
    /// What it does, in words.
    pub what: &'static str,
    /// Of each job: row and score, in any order.
    pub scores: Vec<Vec<(u32, f32)>>,
}

impl System {
    /// The scores beside the judgements.
    pub(crate) fn pool(&self, prepared: &Prepared<'_>, passages: &PassageIndex) -> Result<Pool> {
        pool(&self.scores, prepared, passages)
    }
}

/// Numbers documents in byte order of their ids, so that ties fall as in the TREC files.
pub(crate) fn pool(
    scores: &[Vec<(u32, f32)>],
    prepared: &Prepared<'_>,
    passages: &PassageIndex,
) -> Result<Pool> {
    let mut scored = Vec::with_capacity(scores.iter().map(Vec::len).sum());
    for ((query, job), list) in (0u32..).zip(0..).zip(scores) {
        scored.extend(list.iter().map(|&(row, score)| Scored {
            query,
            document: passages.order(row),
            score,
            grade: prepared.grade(job, row),
        }));
    }
    Ok(Pool::new(scored, &prepared.positive_grades())?)
}

/// The floors that need no model.
pub(crate) fn floors(prepared: &Prepared<'_>, passages: &PassageIndex, keep: usize) -> Vec<System> {
    let popularity = prepared.training.as_ref().map(|training| System {
        name: name::POPULARITY,
        what: "attributes by their share of the training jobs, the same for every job",
        scores: vec![popular(training, passages, keep); prepared.jobs.len()],
    });
    let texts: Vec<&str> = passages
        .attributes()
        .iter()
        .map(|row| row.passage.as_str())
        .collect();
    let bm25 = Bm25::new(&texts);
    let found = prepared.jobs.iter().map(|job| {
        let hits = bm25.top_k(&job.text, keep).into_iter();
        hits.map(|(row, score)| (row as u32, score)).collect()
    });
    let bm25 = System {
        name: name::BM25,
        what: "BM25 of the whole job text over the passages",
        scores: found.collect(),
    };
    popularity.into_iter().chain([bm25]).collect()
}

fn popular(training: &Training, passages: &PassageIndex, keep: usize) -> Vec<(u32, f32)> {
    let mut rows: Vec<(u32, u32)> = (0u32..)
        .zip(training.frequency.iter().copied())
        .filter(|(_, count)| *count > 0)
        .collect();
    rows.sort_unstable_by(|a, b| {
        b.1.cmp(&a.1)
            .then(passages.order(b.0).cmp(&passages.order(a.0)))
    });
    rows.truncate(keep);
    rows.into_iter()
        .map(|(row, count)| (row, (f64::from(count) / training.jobs as f64) as f32))
        .collect()
}

/// The bi-encoder by the unit that the decision is not about.
pub(crate) fn by_unit(unit: Unit, candidates: &[Vec<Candidate>]) -> System {
    let (name, what) = match unit {
        Unit::Job => (
            name::BI_ENCODER_BY_JOB,
            "the best cosine over windows of the whole job text",
        ),
        Unit::Sentence => (
            name::BI_ENCODER_BY_SENTENCE,
            "the best cosine over the job's sentences",
        ),
    };
    let cosines = candidates
        .iter()
        .map(|list| list.iter().map(|found| (found.row, found.bi)).collect());
    System {
        name,
        what,
        scores: cosines.collect(),
    }
}

/// The systems with models. The last one is the one that the decision is about.
pub(crate) fn modelled(decision: &Decision, candidates: &[Vec<Candidate>]) -> Vec<System> {
    let system = |name, what, alpha| System {
        name,
        what,
        scores: blended(alpha, decision, candidates),
    };
    let bi = system(
        name::BI_ENCODER,
        "the best cosine over the job's sentences, calibrated",
        1.0,
    );
    if decision.cross_calibrator.is_none() {
        return vec![bi];
    }
    let cross = system(
        name::CROSS_ENCODER,
        "the bi-encoder's first candidates, ranked by the cross-encoder alone",
        0.0,
    );
    let both = system(
        name::TWO_STAGE,
        "the bi-encoder's first candidates, ranked by the weighted mean of both calibrated scores",
        decision.alpha,
    );
    vec![bi, cross, both]
}

fn blended(alpha: f64, decision: &Decision, candidates: &[Vec<Candidate>]) -> Vec<Vec<(u32, f32)>> {
    let (bi, cross) = (&decision.bi_calibrator, decision.cross_calibrator.as_ref());
    candidates
        .iter()
        .map(|list| {
            let pairs: Vec<_> = list.iter().map(|found| (found.bi, found.cross)).collect();
            let scores = blend(alpha, bi, cross, &pairs);
            list.iter().map(|found| found.row).zip(scores).collect()
        })
        .collect()
}
