//! How well a bi-encoder retrieves, cheap enough to ask in the middle of training.

use jobmatch_retrieval::VectorIndex;
use serde::{Deserialize, Serialize};

use crate::{BiEncoder, DevSet, Result};

/// Depth to which passages are retrieved.
const DEPTH: usize = 50;

/// Means over dev queries, each with all passages as candidates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RetrievalQuality {
    /// Queries evaluated.
    pub queries: usize,
    /// Share of a query's right passages that stand first.
    pub recall_at_1: f64,
    /// Share of a query's right passages among the first 5.
    pub recall_at_5: f64,
    /// Share of a query's right passages among the first 10.
    pub recall_at_10: f64,
    /// Share of a query's right passages among the first 50.
    pub recall_at_50: f64,
    /// Mean reciprocal rank of the first right passage, 0 when it is not among the first 50.
    pub mrr: f64,
}

/// Embeds queries and passages, retrieves by FAISS's exact inner product, and counts. `None` without queries.
///
/// # Errors
/// When embedding or the index fails.
pub fn retrieval_quality(model: &BiEncoder, dev: &DevSet) -> Result<Option<RetrievalQuality>> {
    if dev.queries.is_empty() {
        return Ok(None);
    }
    let texts = |texts: &[String]| -> Vec<String> { texts.to_vec() };
    let embed = |texts: Vec<String>, queries: bool| {
        let refs: Vec<&str> = texts.iter().map(String::as_str).collect();
        if queries {
            model.embed_queries(&refs, &mut |_| {})
        } else {
            model.embed_passages(&refs, &mut |_| {})
        }
    };
    let passages = embed(texts(&dev.passages), false)?;
    let queries = embed(texts(&dev.queries), true)?;
    let index = VectorIndex::build(passages.dimension, "Flat", &passages.values)?;
    let ranked = index.search(&queries.values, DEPTH.min(dev.passages.len()))?;

    let mut sums = [0.0; 5];
    for (hits, relevant) in ranked.iter().zip(&dev.relevant) {
        let is_relevant = |row: usize| relevant.contains(&row);
        let recall = |k: usize| {
            let found = hits
                .iter()
                .take(k)
                .filter(|hit| is_relevant(hit.row))
                .count();
            found as f64 / relevant.len() as f64
        };
        let first = hits.iter().position(|hit| is_relevant(hit.row));
        let reciprocal = first.map_or(0.0, |at| 1.0 / (at + 1) as f64);
        let numbers = [recall(1), recall(5), recall(10), recall(50), reciprocal];
        for (sum, number) in sums.iter_mut().zip(numbers) {
            *sum += number;
        }
    }
    let [recall_at_1, recall_at_5, recall_at_10, recall_at_50, mrr] =
        sums.map(|sum| sum / dev.queries.len() as f64);
    Ok(Some(RetrievalQuality {
        queries: dev.queries.len(),
        recall_at_1,
        recall_at_5,
        recall_at_10,
        recall_at_50,
        mrr,
    }))
}
