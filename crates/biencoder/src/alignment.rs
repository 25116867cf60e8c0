//! Which sentence of a job shows an attribute, where the label does not say: the one that a model finds most like the passage.

use std::collections::HashMap;

use jobmatch_records::{Definition, Kind, Pair, PairSource, PassageTemplate, Sentence};
use serde::{Deserialize, Serialize};

use crate::passages::Passages;
use crate::{BiEncoder, Result};

/// What an alignment changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct AlignmentCounts {
    /// Positives without evidence.
    pub positives: u64,
    /// Those that went to another sentence.
    pub moved: u64,
    /// Sum of the cosines of the sentences that were picked.
    pub cosines: f64,
}

impl std::ops::AddAssign for AlignmentCounts {
    fn add_assign(&mut self, other: Self) {
        self.positives += other.positives;
        self.moved += other.moved;
        self.cosines += other.cosines;
    }
}

/// Aligns positives with a bi-encoder. Its memory is that of the passages' vectors and of what [`align`](Self::align) is given
/// at once.
#[derive(Debug)]
pub struct Aligner<'a> {
    model: &'a BiEncoder,
    passages: Passages,
}

impl<'a> Aligner<'a> {
    /// Embeds the passages of `definitions`.
    ///
    /// # Errors
    /// When embedding fails.
    pub fn new(
        model: &'a BiEncoder,
        definitions: &[Definition],
        template: &PassageTemplate,
    ) -> Result<Self> {
        let passages = Passages::embed(model, definitions, template)?;
        Ok(Self { model, passages })
    }

    /// Moves each aligned positive of `pairs` to the sentence of its job, by `sentences`, that has the highest cosine with
    /// its passage; of equals to the first. That cosine is its `alignment_score` then. Headings are taken only in a job that
    /// has nothing else. Other pairs, and positives of jobs without sentences, stay as they are.
    ///
    /// # Errors
    /// When a positive names an attribute that has no definition, and when embedding fails.
    pub fn align(
        &self,
        pairs: &mut [Pair],
        sentences: &HashMap<String, Vec<Sentence>>,
    ) -> Result<AlignmentCounts> {
        let mut first_row: HashMap<&str, (usize, Vec<&Sentence>)> = HashMap::new();
        let mut texts: Vec<&str> = Vec::new();
        for pair in pairs.iter().filter(|pair| is_aligned(pair)) {
            let Some((job_id, all)) = sentences.get_key_value(&pair.job_id) else {
                continue;
            };
            first_row.entry(job_id).or_insert_with(|| {
                let candidates = candidates(all);
                texts.extend(candidates.iter().map(|sentence| sentence.clean.as_str()));
                (texts.len() - candidates.len(), candidates)
            });
        }
        let queries = self.model.embed_queries(&texts, &mut |_| {})?;
        let mut counts = AlignmentCounts::default();
        for pair in pairs.iter_mut().filter(|pair| is_aligned(pair)) {
            let Some((first, candidates)) = first_row.get(pair.job_id.as_str()) else {
                continue;
            };
            let own = self.passages.row(pair)?;
            let mut best: Option<(f32, &Sentence)> = None;
            for (row, sentence) in (*first..).zip(candidates) {
                let cosine = queries.similarity(row, &self.passages.vectors, own);
                if best.is_none_or(|(highest, _)| cosine > highest) {
                    best = Some((cosine, sentence));
                }
            }
            let Some((cosine, sentence)) = best else {
                continue;
            };
            counts.positives += 1;
            counts.cosines += f64::from(cosine);
            counts.moved += u64::from(pair.sentence_index != Some(sentence.index));
            pair.sentence_index = Some(sentence.index);
            (pair.start, pair.end) = (Some(sentence.start), Some(sentence.end));
            sentence.clean.clone_into(&mut pair.text);
            pair.alignment_score = Some(cosine);
        }
        Ok(counts)
    }
}

fn is_aligned(pair: &Pair) -> bool {
    pair.source == PairSource::Aligned && pair.label > 0.5
}

/// The sentences that may show an attribute.
fn candidates(sentences: &[Sentence]) -> Vec<&Sentence> {
    let with_text = || {
        sentences
            .iter()
            .filter(|each| !each.clean.trim().is_empty())
    };
    let bodies: Vec<&Sentence> = with_text()
        .filter(|each| each.kind != Kind::Heading)
        .collect();
    if bodies.is_empty() {
        with_text().collect()
    } else {
        bodies
    }
}
