//! What evaluation asks of models: two small traits, so that it runs with any of them and links none.

/// A model's own error, whatever it is.
pub type ModelError = Box<dyn std::error::Error + Send + Sync>;

/// Turns texts into vectors whose inner product says how well they match.
///
/// Vectors have length 1, so that the inner product is the cosine.
pub trait QueryEmbedder {
    /// Numbers per vector.
    fn dimension(&self) -> usize;

    /// What tells this model from every other: a digest of weights and tokenizer.
    fn fingerprint(&self) -> &str;

    /// One vector per query, row-major, in input order. `progress` hears how many texts of this call are done.
    ///
    /// # Errors
    /// Whatever the model cannot do.
    fn embed_queries(
        &self,
        texts: &[&str],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<f32>, ModelError>;

    /// The same for passages, which some models mark with another prefix.
    ///
    /// # Errors
    /// Whatever the model cannot do.
    fn embed_passages(
        &self,
        texts: &[&str],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<f32>, ModelError>;
}

/// Scores a text and a passage together: the higher, the better they match. The scale is free (a logit, say).
pub trait PairScorer {
    /// What tells this model from every other: a digest of weights and tokenizer.
    fn fingerprint(&self) -> &str;

    /// One score per (text, passage) pair, in input order. `progress` hears how many pairs of this call are done.
    ///
    /// # Errors
    /// Whatever the model cannot do.
    fn score(
        &self,
        pairs: &[(&str, &str)],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<f32>, ModelError>;
}

/// A part of the work, for progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Passages are embedded.
    EmbedPassages,
    /// Distinct sentences (or windows) are embedded and searched.
    Retrieve,
    /// The same by the other unit, for comparison.
    RetrieveByOtherUnit,
    /// Pairs are scored by the cross-encoder.
    Rerank,
    /// Systems are measured.
    Measure,
}

impl Step {
    /// What is done, and the unit that is counted.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::EmbedPassages => ("embedding", "passages"),
            Self::Retrieve => ("retrieving", "texts"),
            Self::RetrieveByOtherUnit => ("retrieving by the other unit", "texts"),
            Self::Rerank => ("re-ranking", "pairs"),
            Self::Measure => ("measuring", "systems"),
        }
    }
}

/// Hears the step, how many of its units are done, and how many there are. The first call of a step says 0 done.
pub type Progress<'a> = &'a mut dyn FnMut(Step, usize, usize);
