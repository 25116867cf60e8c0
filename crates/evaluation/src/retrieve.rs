//! The two stages: candidates by vectors, then their scores by the cross-encoder.

use std::collections::HashMap;

use jobmatch_records::Sentence;
use jobmatch_retrieval::Hit;

use crate::config::RetrievalSettings;
use crate::models::{PairScorer, Progress, QueryEmbedder, Step};
use crate::passages::{CHUNK, PassageIndex, check_embeddings};
use crate::queries::{Queries, Query};
use crate::{Error, Result};

/// An attribute found for a job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    /// The attribute's row.
    pub row: u32,
    /// The best cosine over the job's queries.
    pub bi: f32,
    /// The query that gave it; the earlier one where two are equal.
    pub proof: Query,
    /// The cross-encoder's score of proof and passage, where it was asked.
    pub cross: Option<f32>,
}

/// The candidates of every job: its queries searched `sentence_top_k` deep, each attribute with its maximum over
/// queries, the best `candidates` kept, best first (equal cosines by attribute id descending, as measures rank ties).
pub(crate) fn retrieve(
    queries: &Queries,
    passages: &PassageIndex,
    embedder: &dyn QueryEmbedder,
    settings: &RetrievalSettings,
    progress: Progress<'_>,
) -> Result<Vec<Vec<Candidate>>> {
    retrieve_and(queries, passages, embedder, settings, progress, |_, _| {
        Ok(())
    })
}

/// The same; `also` gets the vectors of the texts from a place in [`Queries::texts`] on, chunk by chunk.
pub(crate) fn retrieve_and(
    queries: &Queries,
    passages: &PassageIndex,
    embedder: &dyn QueryEmbedder,
    settings: &RetrievalSettings,
    progress: Progress<'_>,
    mut also: impl FnMut(usize, &[f32]) -> Result<()>,
) -> Result<Vec<Vec<Candidate>>> {
    passages.check_model(embedder)?;
    let texts: Vec<&str> = queries.texts.iter().map(String::as_str).collect();
    let mut hits: Vec<Vec<Hit>> = Vec::with_capacity(texts.len());
    progress(Step::Retrieve, 0, texts.len());
    for chunk in texts.chunks(CHUNK) {
        let before = hits.len();
        let mut heard = |done| progress(Step::Retrieve, before + done, texts.len());
        let doing = "embedding queries";
        let embedded = embedder
            .embed_queries(chunk, &mut heard)
            .map_err(|source| Error::Model { doing, source })?;
        check_embeddings(doing, chunk, embedder.dimension(), &embedded)?;
        hits.extend(
            passages
                .vectors()
                .search(&embedded, settings.sentence_top_k)?,
        );
        also(before, &embedded)?;
    }
    Ok(queries
        .of_job
        .iter()
        .map(|of_job| merged(of_job, &hits, passages, settings.candidates))
        .collect())
}

/// A passage that the bi-encoder finds for a job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// The passage's row in the index.
    pub row: u32,
    /// The best cosine over the job's sentences.
    pub score: f32,
    /// Which of the job's sentences gave it: their place, from 0; the earlier one where two are equal.
    pub sentence: usize,
}

/// What an evaluation at sentence unit retrieves for jobs, given as their sentences in the order of the text: each job's first
/// `candidates` passages, best first.
///
/// # Errors
/// An index of another model; a model that fails.
pub fn candidates(
    jobs: &[Vec<Sentence>],
    passages: &PassageIndex,
    embedder: &dyn QueryEmbedder,
    settings: &RetrievalSettings,
    progress: Progress<'_>,
) -> Result<Vec<Vec<Found>>> {
    let queries = Queries::of_sentences(jobs);
    let found = retrieve(&queries, passages, embedder, settings, progress)?;
    let sentence = |job: usize, query: &Query| {
        let same = |sentence: &Sentence| (sentence.start, sentence.end) == (query.start, query.end);
        jobs[job].iter().position(same).unwrap_or_default()
    };
    let of_job = |(job, list): (usize, Vec<Candidate>)| {
        let found = list.into_iter().map(|candidate| Found {
            row: candidate.row,
            score: candidate.bi,
            sentence: sentence(job, &candidate.proof),
        });
        found.collect()
    };
    Ok(found.into_iter().enumerate().map(of_job).collect())
}

fn merged(
    of_job: &[Query],
    hits: &[Vec<Hit>],
    passages: &PassageIndex,
    keep: usize,
) -> Vec<Candidate> {
    let mut best: HashMap<u32, Candidate> = HashMap::new();
    for query in of_job {
        for hit in &hits[query.text as usize] {
            let found = Candidate {
                row: hit.row as u32,
                bi: hit.score,
                proof: *query,
                cross: None,
            };
            let known = best.entry(found.row).or_insert(found);
            if found.bi > known.bi {
                *known = found;
            }
        }
    }
    let mut candidates: Vec<Candidate> = best.into_values().collect();
    candidates.sort_unstable_by(|a, b| {
        let ties = passages.order(b.row).cmp(&passages.order(a.row));
        b.bi.total_cmp(&a.bi).then(ties)
    });
    candidates.truncate(keep);
    candidates
}

/// Pairs scored between two progress reports: the scorer sorts them by length.
const PAIRS: usize = 8192;

/// Asks the cross-encoder about each job's first `rerank_depth` candidates, each distinct pair of texts once. Returns how
/// many pairs that were.
pub(crate) fn rerank(
    candidates: &mut [Vec<Candidate>],
    queries: &Queries,
    passages: &PassageIndex,
    scorer: &dyn PairScorer,
    settings: &RetrievalSettings,
    progress: Progress<'_>,
) -> Result<usize> {
    let mut numbers: HashMap<(u32, u32), usize> = HashMap::new();
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for candidate in candidates
        .iter()
        .flat_map(|list| list.iter().take(settings.rerank_depth))
    {
        numbers
            .entry((candidate.proof.text, candidate.row))
            .or_insert_with(|| {
                let passage = &passages.attributes()[candidate.row as usize].passage;
                pairs.push((queries.text(&candidate.proof), passage));
                pairs.len() - 1
            });
    }
    let doing = "scoring pairs";
    let mut scores = Vec::with_capacity(pairs.len());
    progress(Step::Rerank, 0, pairs.len());
    for chunk in pairs.chunks(PAIRS) {
        let before = scores.len();
        let mut heard = |done| progress(Step::Rerank, before + done, pairs.len());
        let scored = scorer
            .score(chunk, &mut heard)
            .map_err(|source| Error::Model { doing, source })?;
        if scored.len() != chunk.len() {
            let (found, expected) = (scored.len(), chunk.len());
            return Err(Error::ModelShape {
                doing,
                found,
                expected,
            });
        }
        if let Some((pair, &value)) = chunk
            .iter()
            .zip(&scored)
            .find(|(_, value)| !value.is_finite())
        {
            let text = format!("{} | {}", pair.0, pair.1);
            return Err(Error::ModelValue { value, text });
        }
        scores.extend(scored);
    }
    for candidate in candidates
        .iter_mut()
        .flat_map(|list| list.iter_mut().take(settings.rerank_depth))
    {
        let number = numbers.get(&(candidate.proof.text, candidate.row));
        candidate.cross = number.map(|number| scores[*number]);
    }
    Ok(pairs.len())
}
