//! How well a cross-encoder tells right from wrong, cheap enough to ask in the middle of training.

use std::collections::BTreeSet;

use jobmatch_encoder::CutCounts;
use jobmatch_metrics::{
    Candidate, Counts, Measure, Pool, average_precision, best_f1, expected_calibration_error,
    threshold_curve,
};
use jobmatch_torch_ext::World;
use jobmatch_training::share;
use serde::{Deserialize, Serialize};

use crate::{CrossEncoder, DevPairs, LabelledPair, Result};

/// Intervals of the calibration error.
const BINS: usize = 15;

/// Numbers over dev pairs, each pair by itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PairQuality {
    /// Pairs evaluated.
    pub pairs: usize,
    /// Those whose label is above 0.5.
    pub positives: usize,
    /// Area under the precision-recall steps.
    pub average_precision: f64,
    /// F1 when a probability of 0.5 or more decides yes.
    pub f1_at_half: f64,
    /// The best F1 that any threshold gives.
    pub best_f1: f64,
    /// The probability at which F1 is best.
    pub best_threshold: f32,
    /// Expected calibration error of the probabilities, over 15 intervals: what a positive weighs in the loss moves it.
    pub calibration_error: f64,
    /// The order of each job's candidates, where the pairs are a retriever's candidates.
    pub reranking: Option<RerankingQuality>,
    /// What was cut off the pairs.
    pub cut: CutCounts,
}

/// How well candidates are ordered, over jobs with a right one among them; only the candidates count, so a perfect order reaches 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RerankingQuality {
    /// Jobs evaluated.
    pub jobs: usize,
    /// nDCG@10, ordered by the cross-encoder.
    pub ndcg_at_10: f64,
    /// Mean reciprocal rank of the first right one, ordered by the cross-encoder.
    pub mrr: f64,
    /// nDCG@10, ordered by the retriever.
    pub retriever_ndcg_at_10: f64,
    /// Mean reciprocal rank, ordered by the retriever.
    pub retriever_mrr: f64,
}

/// Logits of dev pairs, and what was cut off the pairs.
#[derive(Debug)]
pub(crate) struct DevLogits {
    logits: Vec<f32>,
    cut: CutCounts,
}

/// Scores the dev pairs, each rank a share of them; all get all logits.
pub(crate) fn score_shares(
    world: &World,
    model: &CrossEncoder,
    pairs: &[LabelledPair],
) -> Result<DevLogits> {
    let mine = &pairs[share(pairs.len(), world.rank() as usize, world.size() as usize)];
    let scores = world.together(|| model.score_with_counts(&texts(mine), &mut |_| {}))?;
    let CutCounts {
        pairs,
        tokens,
        windowed,
    } = scores.cut;
    let mut bytes: Vec<u8> = [pairs, tokens, windowed]
        .into_iter()
        .flat_map(u64::to_le_bytes)
        .collect();
    bytes.extend(scores.logits.into_iter().flat_map(f32::to_le_bytes));
    let mut all = DevLogits {
        logits: Vec::new(),
        cut: CutCounts::default(),
    };
    for bytes in world.gather_bytes(&bytes)? {
        let (counts, logits) = bytes.split_at(24.min(bytes.len()));
        let number = |place: usize| {
            let bytes = counts.get(place * 8..place * 8 + 8);
            bytes.and_then(|bytes| Some(u64::from_le_bytes(bytes.try_into().ok()?)))
        };
        all.cut += CutCounts {
            pairs: number(0).unwrap_or(0),
            tokens: number(1).unwrap_or(0),
            windowed: number(2).unwrap_or(0),
        };
        let logits = logits.as_chunks::<4>().0.iter();
        all.logits
            .extend(logits.map(|bytes| f32::from_le_bytes(*bytes)));
    }
    Ok(all)
}

/// The pairs' texts, as a model takes them.
pub(crate) fn texts(pairs: &[LabelledPair]) -> Vec<(&str, &str)> {
    pairs
        .iter()
        .map(|pair| (pair.text.as_str(), pair.passage.as_str()))
        .collect()
}

/// Counts. `None` when no pair is positive.
pub(crate) fn pair_quality(scores: &DevLogits, dev: &DevPairs) -> Result<Option<PairQuality>> {
    let pairs = &dev.pairs;
    let is_right = |pair: &LabelledPair| pair.label > 0.5;
    let scored: Vec<(f32, bool)> = scores
        .logits
        .iter()
        .zip(pairs)
        .map(|(logit, pair)| (sigmoid(*logit), is_right(pair)))
        .collect();
    let positives = scored.iter().filter(|(_, relevant)| *relevant).count();
    let Some(average_precision) = average_precision(&scored, positives)? else {
        return Ok(None);
    };
    let Some(best) = best_f1(&threshold_curve(&scored, positives)?) else {
        return Ok(None);
    };
    let decided = |(probability, _): &&(f32, bool)| *probability >= 0.5;
    let at_half = Counts {
        decided: scored.iter().filter(decided).count() as u64,
        true_positives: scored
            .iter()
            .filter(decided)
            .filter(|(_, relevant)| *relevant)
            .count() as u64,
        positives: positives as u64,
    };
    let exact: Vec<(f64, bool)> = scored
        .iter()
        .map(|(probability, relevant)| (f64::from(*probability), *relevant))
        .collect();
    Ok(Some(PairQuality {
        pairs: pairs.len(),
        positives,
        average_precision,
        f1_at_half: at_half.f1(),
        best_f1: best.counts.f1(),
        best_threshold: best.threshold,
        calibration_error: expected_calibration_error(&exact, BINS)?.unwrap_or(0.0),
        reranking: if dev.are_candidates {
            reranking(&scores.logits, pairs)?
        } else {
            None
        },
        cut: scores.cut,
    }))
}

fn reranking(logits: &[f32], pairs: &[LabelledPair]) -> Result<Option<RerankingQuality>> {
    let jobs: BTreeSet<&str> = pairs.iter().map(|pair| pair.job_id.as_str()).collect();
    let jobs: Vec<&str> = jobs.into_iter().collect();
    let attributes: BTreeSet<&str> = pairs.iter().map(|p| p.attribute_id.as_str()).collect();
    let attributes: Vec<&str> = attributes.into_iter().collect();
    let number = |names: &[&str], name: &str| names.partition_point(|other| *other < name);
    let mut positives = vec![Vec::new(); jobs.len()];
    for pair in pairs.iter().filter(|pair| pair.label > 0.5) {
        positives[number(&jobs, &pair.job_id)].push(1);
    }
    let pool = |scores: &mut dyn Iterator<Item = f32>| -> Result<Pool> {
        let candidates = pairs.iter().zip(scores).map(|(pair, score)| Candidate {
            query: number(&jobs, &pair.job_id) as u32,
            document: number(&attributes, &pair.attribute_id) as u32,
            score,
            grade: i32::from(pair.label > 0.5),
        });
        Ok(Pool::new(candidates.collect(), &positives)?)
    };
    let ours = pool(&mut logits.iter().copied())?;
    let theirs = pool(&mut pairs.iter().map(|p| p.retriever_score.unwrap_or(f32::MIN)))?;
    let mean = |pool: &Pool, measure: Measure| measure.mean(pool.rankings());
    let numbers = [
        mean(&ours, Measure::Ndcg(10)),
        mean(&ours, Measure::ReciprocalRank),
        mean(&theirs, Measure::Ndcg(10)),
        mean(&theirs, Measure::ReciprocalRank),
    ];
    let [
        Some(ndcg_at_10),
        Some(mrr),
        Some(retriever_ndcg_at_10),
        Some(retriever_mrr),
    ] = numbers
    else {
        return Ok(None);
    };
    Ok(Some(RerankingQuality {
        jobs: positives.iter().filter(|grades| !grades.is_empty()).count(),
        ndcg_at_10,
        mrr,
        retriever_ndcg_at_10,
        retriever_mrr,
    }))
}

/// The probability that a logit stands for.
pub fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(job: &str, attribute: &str, label: f32, cosine: f32) -> LabelledPair {
        LabelledPair {
            job_id: job.to_owned(),
            attribute_id: attribute.to_owned(),
            text: String::new(),
            passage: String::new(),
            label,
            retriever_score: Some(cosine),
        }
    }

    fn quality(
        pairs: Vec<LabelledPair>,
        logits: Vec<f32>,
        are_candidates: bool,
    ) -> Result<Option<PairQuality>> {
        let dev = DevPairs {
            pairs,
            are_candidates,
        };
        let cut = CutCounts::default();
        pair_quality(&DevLogits { logits, cut }, &dev)
    }

    #[test]
    fn computed_by_hand() {
        let pairs = vec![
            pair("j1", "a", 1.0, 0.2),
            pair("j1", "b", 0.0, 0.9),
            pair("j2", "a", 0.0, 0.1),
            pair("j2", "b", 1.0, 0.8),
            pair("j3", "a", 0.0, 0.5),
        ];
        let logits = vec![2.0, -1.0, 1.0, 0.5, -3.0];
        let found = quality(pairs.clone(), logits.clone(), true)
            .unwrap()
            .unwrap();
        assert_eq!((found.pairs, found.positives), (5, 2));
        // In order: right, wrong, right, wrong, wrong.
        assert!((found.average_precision - (1.0 + 2.0 / 3.0) / 2.0).abs() < 1e-12);
        assert!((found.f1_at_half - 2.0 * 2.0 / 5.0).abs() < 1e-12);
        assert!((found.best_f1 - 0.8).abs() < 1e-12);
        assert!((found.best_threshold - sigmoid(0.5)).abs() < 1e-7);
        let reranking = found.reranking.unwrap();
        assert_eq!(reranking.jobs, 2);
        assert!((reranking.mrr - (1.0 + 0.5) / 2.0).abs() < 1e-12);
        assert!((reranking.retriever_mrr - (0.5 + 1.0) / 2.0).abs() < 1e-12);
        assert!((reranking.ndcg_at_10 - (1.0 + 1.0 / 3f64.log2()) / 2.0).abs() < 1e-9);
        assert_eq!(
            quality(pairs, logits, false).unwrap().unwrap().reranking,
            None
        );
    }

    #[test]
    fn nothing_right_has_no_quality() {
        let wrong = vec![pair("j1", "a", 0.0, 0.1)];
        assert_eq!(quality(wrong, vec![1.0], true).unwrap(), None);
        assert_eq!(quality(Vec::new(), Vec::new(), false).unwrap(), None);
    }
}
