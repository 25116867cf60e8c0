//! How well a cross-encoder tells right from wrong, cheap enough to ask in the middle of training.

use jobmatch_metrics::{Counts, average_precision, best_f1, threshold_curve};
use serde::{Deserialize, Serialize};

use crate::{CrossEncoder, LabelledPair, Result};

/// Numbers over dev pairs, each pair by itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PairQuality {
    /// Pairs evaluated.
    pub pairs: usize,
    /// Area under the precision-recall steps.
    pub average_precision: f64,
    /// F1 when a probability of 0.5 or more decides yes.
    pub f1_at_half: f64,
    /// The best F1 that any threshold gives.
    pub best_f1: f64,
    /// The probability at which F1 is best.
    pub best_threshold: f32,
}

/// Scores the pairs and counts. `None` when no pair is positive.
///
/// # Errors
/// When scoring fails.
pub fn pair_quality(model: &CrossEncoder, pairs: &[LabelledPair]) -> Result<Option<PairQuality>> {
    let texts: Vec<(&str, &str)> = pairs
        .iter()
        .map(|pair| (pair.text.as_str(), pair.passage.as_str()))
        .collect();
    let logits = model.score(&texts, &mut |_| {})?;
    let scored: Vec<(f32, bool)> = logits
        .iter()
        .zip(pairs)
        .map(|(logit, pair)| (1.0 / (1.0 + (-logit).exp()), pair.label > 0.5))
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
    Ok(Some(PairQuality {
        pairs: pairs.len(),
        average_precision,
        f1_at_half: at_half.f1(),
        best_f1: best.counts.f1(),
        best_threshold: best.threshold,
    }))
}
