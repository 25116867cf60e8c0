//! Hard negatives: passages that a model takes for right, and that are not known to be.

use std::collections::HashMap;

use jobmatch_records::{Definition, Pair, PassageTemplate};
use jobmatch_retrieval::VectorIndex;
use serde::{Deserialize, Serialize};

use crate::passages::Passages;
use crate::{BiEncoder, Error, KnownPositives, Result};

/// Which of the passages that a model retrieves for a query become its hard negatives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MiningConfig {
    /// Negatives of each positive: the first that the other settings leave. 1 or more.
    pub negatives: usize,
    /// Passages at the top of the ranking that are left out, whatever they are: there stand the ones that are right, but
    /// nobody labelled.
    pub skip: usize,
    /// The last rank that is looked at, counted from 1; more than `skip`.
    pub depth: usize,
    /// A negative's cosine is at most the positive's less this; absent: it does not matter.
    pub absolute_margin: Option<f64>,
    /// A negative's cosine is at most the positive's less this share of it (positive-aware mining; Moreira et al. 2024,
    /// "NV-Retriever"); absent: it does not matter.
    pub relative_margin: Option<f64>,
}

impl Default for MiningConfig {
    /// Four of the first fifty, each at most 80 % as similar as the positive. Of fifty read on O*NET, whose labels have many gaps,
    /// six were right all the same; at 95 %, the margin of the paper, thirteen.
    fn default() -> Self {
        Self {
            negatives: 4,
            skip: 0,
            depth: 50,
            absolute_margin: None,
            relative_margin: Some(0.2),
        }
    }
}

impl MiningConfig {
    /// Refuses nonsense.
    ///
    /// # Errors
    /// Names the first setting that makes no sense.
    pub fn validate(&self) -> Result<()> {
        let refuse = |setting, value: String, expected| {
            Err(Error::Setting {
                setting,
                value,
                expected,
            })
        };
        if self.negatives == 0 {
            return refuse("negatives", "0".to_owned(), "1 or more");
        }
        if self.depth <= self.skip {
            return refuse("depth", self.depth.to_string(), "more than `skip`");
        }
        for (setting, margin) in [
            ("absolute_margin", self.absolute_margin),
            ("relative_margin", self.relative_margin),
        ] {
            let margin = margin.unwrap_or(0.0);
            if !(0.0..=1.0).contains(&margin) {
                return refuse(setting, margin.to_string(), "between 0 and 1, or absent");
            }
        }
        Ok(())
    }

    /// The highest cosine of a negative, for a positive of cosine `positive`.
    fn highest(&self, positive: f64) -> f64 {
        let absolute = self.absolute_margin.map(|margin| positive - margin);
        // A share of a negative cosine would raise it.
        let relative = self
            .relative_margin
            .map(|margin| positive - margin * positive.abs());
        let highest = absolute.unwrap_or(f64::INFINITY);
        highest.min(relative.unwrap_or(f64::INFINITY))
    }
}

/// What became of the passages that were retrieved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct MiningCounts {
    /// Positives mined for.
    pub positives: u64,
    /// Negatives found.
    pub negatives: u64,
    /// Positives without any.
    pub without: u64,
    /// Passages passed over because they are known to be right for the job or the text, or read like the positive's own.
    pub known: u64,
    /// Passages passed over because they are too near the positive.
    pub too_near: u64,
    /// Sum of the positives' cosines.
    pub positive_cosines: f64,
    /// Sum of the negatives' cosines.
    pub negative_cosines: f64,
}

impl std::ops::AddAssign for MiningCounts {
    fn add_assign(&mut self, other: Self) {
        self.positives += other.positives;
        self.negatives += other.negatives;
        self.without += other.without;
        self.known += other.known;
        self.too_near += other.too_near;
        self.positive_cosines += other.positive_cosines;
        self.negative_cosines += other.negative_cosines;
    }
}

/// Finds hard negatives with a bi-encoder. Its memory is that of the passages' vectors and of what [`mine`](Self::mine) is
/// given at once.
#[derive(Debug)]
pub struct Miner<'a> {
    model: &'a BiEncoder,
    known: &'a KnownPositives,
    config: MiningConfig,
    passages: Passages,
    index: VectorIndex,
}

impl<'a> Miner<'a> {
    /// Embeds the passages of `definitions`.
    ///
    /// # Errors
    /// A setting that makes no sense; when embedding or the index fails.
    pub fn new(
        model: &'a BiEncoder,
        definitions: &[Definition],
        template: &PassageTemplate,
        known: &'a KnownPositives,
        config: MiningConfig,
    ) -> Result<Self> {
        config.validate()?;
        let passages = Passages::embed(model, definitions, template)?;
        let vectors = &passages.vectors;
        Ok(Self {
            model,
            known,
            config,
            index: VectorIndex::build(vectors.dimension, "Flat", &vectors.values)?,
            passages,
        })
    }

    /// The hard negatives of each of `positives`, the hardest first, as pairs of label 0. Their `pair_id` is left at 0.
    ///
    /// # Errors
    /// When a positive names an attribute that has no definition, and when embedding or the search fails.
    pub fn mine(&self, positives: &[Pair]) -> Result<(Vec<Vec<Pair>>, MiningCounts)> {
        // A sentence with several attributes is embedded and searched once.
        let mut row_of_text = HashMap::new();
        let mut texts: Vec<&str> = Vec::new();
        for pair in positives {
            row_of_text.entry(pair.text.as_str()).or_insert_with(|| {
                texts.push(&pair.text);
                texts.len() - 1
            });
        }
        let queries = self.model.embed_queries(&texts, &mut |_| {})?;
        let (ids, passages) = (&self.passages.ids, &self.passages.texts);
        let depth = self.config.depth.min(ids.len());
        let ranked = self.index.search(&queries.values, depth)?;
        let mut counts = MiningCounts::default();
        let mut mined = Vec::with_capacity(positives.len());
        for pair in positives {
            let query = row_of_text[pair.text.as_str()];
            let own = self.passages.row(pair)?;
            let cosine = f64::from(queries.similarity(query, &self.passages.vectors, own));
            let highest = self.config.highest(cosine);
            let digest = blake3::hash(pair.text.as_bytes()).to_hex();
            let mut negatives = Vec::new();
            for hit in ranked[query].iter().skip(self.config.skip) {
                if negatives.len() == self.config.negatives {
                    break;
                }
                let attribute_id = &ids[hit.row];
                let is_known = self.known.contains(&pair.job_id, &digest, attribute_id);
                let score = f64::from(hit.score);
                if hit.row == own || is_known || passages[hit.row] == passages[own] {
                    counts.known += 1;
                } else if score > highest {
                    counts.too_near += 1;
                } else {
                    counts.negative_cosines += score;
                    negatives.push(Pair {
                        pair_id: 0,
                        attribute_id: attribute_id.clone(),
                        passage: passages[hit.row].clone(),
                        label: 0.0,
                        source: jobmatch_records::PairSource::Hard,
                        alignment_score: None,
                        positive_id: Some(pair.pair_id),
                        ..pair.clone()
                    });
                }
            }
            counts.positives += 1;
            counts.positive_cosines += cosine;
            counts.negatives += negatives.len() as u64;
            counts.without += u64::from(negatives.is_empty());
            mined.push(negatives);
        }
        Ok((mined, counts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused_by_name() {
        assert!(MiningConfig::default().validate().is_ok());
        let refused = |config: MiningConfig| config.validate().unwrap_err().to_string();
        let config = MiningConfig {
            skip: 50,
            ..MiningConfig::default()
        };
        assert_eq!(refused(config), "setting `depth` is 50: more than `skip`");
        let config = MiningConfig {
            relative_margin: Some(f64::NAN),
            ..MiningConfig::default()
        };
        assert!(refused(config).starts_with("setting `relative_margin` is NaN"));
    }

    #[test]
    fn the_stricter_margin_counts() {
        let highest = |absolute_margin, relative_margin, positive| {
            let config = MiningConfig {
                absolute_margin,
                relative_margin,
                ..MiningConfig::default()
            };
            config.highest(positive)
        };
        assert_eq!(highest(None, None, 0.5), f64::INFINITY);
        assert_eq!(highest(Some(0.1), None, 0.5), 0.4);
        assert_eq!(highest(Some(0.1), Some(0.5), 0.5), 0.25);
        assert_eq!(highest(None, Some(0.5), -0.5), -0.75);
    }
}
