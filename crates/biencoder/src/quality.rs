//! How well a bi-encoder retrieves, cheap enough to ask in the middle of training.

use jobmatch_retrieval::VectorIndex;
use jobmatch_torch_ext::World;
use jobmatch_training::share;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::{BiEncoder, DevSet, Embeddings, Result};

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

/// The vectors of a dev set.
#[derive(Debug)]
pub(crate) struct DevVectors {
    queries: Embeddings,
    passages: Embeddings,
}

/// Embeds the dev set, each rank a share of its texts; all get all vectors.
pub(crate) fn embed_shares(world: &World, model: &BiEncoder, dev: &DevSet) -> Result<DevVectors> {
    let (rank, size) = (world.rank() as usize, world.size() as usize);
    let mine = |texts: &[String]| -> Vec<String> { texts[share(texts.len(), rank, size)].to_vec() };
    let (queries, passages) = (mine(&dev.queries), mine(&dev.passages));
    fn refs(texts: &[String]) -> Vec<&str> {
        texts.iter().map(String::as_str).collect()
    }
    let (queries, passages) = world.together(|| -> Result<_> {
        Ok((
            model.embed_queries(&refs(&queries), &mut |_| {})?,
            model.embed_passages(&refs(&passages), &mut |_| {})?,
        ))
    })?;
    let all = |mine: Embeddings, texts: usize| -> Result<Embeddings> {
        let rows_of_ranks: Vec<usize> = (0..size).map(|r| share(texts, r, size).len()).collect();
        let dimension = mine.dimension as i64;
        let vectors = Tensor::from_slice(&mine.values).view([-1, dimension]);
        let vectors = vectors.to_device(world.device());
        let all = tch::no_grad(|| world.gather_rows_with_gradient(&vectors, &rows_of_ranks))?;
        Ok(Embeddings {
            dimension: mine.dimension,
            values: Vec::try_from(all.to_device(tch::Device::Cpu).contiguous().view(-1))?,
        })
    };
    Ok(DevVectors {
        queries: all(queries, dev.queries.len())?,
        passages: all(passages, dev.passages.len())?,
    })
}

/// Retrieves by FAISS's exact inner product, and counts. `None` without queries.
///
/// # Errors
/// When the index fails.
pub(crate) fn retrieval_quality(
    vectors: &DevVectors,
    dev: &DevSet,
) -> Result<Option<RetrievalQuality>> {
    if dev.queries.is_empty() {
        return Ok(None);
    }
    let passages = &vectors.passages;
    let index = VectorIndex::build(passages.dimension, "Flat", &passages.values)?;
    let ranked = index.search(&vectors.queries.values, DEPTH.min(dev.passages.len()))?;

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
