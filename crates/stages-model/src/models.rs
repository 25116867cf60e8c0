//! The models as evaluation asks for them.

use jobmatch_biencoder::BiEncoder;
use jobmatch_crossencoder::CrossEncoder;
use jobmatch_evaluation::{ModelError, PairScorer, QueryEmbedder};

/// A bi-encoder as evaluation asks for it.
#[derive(Debug)]
pub struct Embedder(pub BiEncoder);

impl QueryEmbedder for Embedder {
    fn dimension(&self) -> usize {
        self.0.dimension()
    }

    fn fingerprint(&self) -> &str {
        self.0.fingerprint()
    }

    fn embed_queries(
        &self,
        texts: &[&str],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<f32>, ModelError> {
        Ok(self.0.embed_queries(texts, progress)?.values)
    }

    fn embed_passages(
        &self,
        texts: &[&str],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<f32>, ModelError> {
        Ok(self.0.embed_passages(texts, progress)?.values)
    }
}

/// A cross-encoder as evaluation asks for it.
#[derive(Debug)]
pub struct Scorer(pub CrossEncoder);

impl PairScorer for Scorer {
    fn fingerprint(&self) -> &str {
        self.0.fingerprint()
    }

    fn score(
        &self,
        pairs: &[(&str, &str)],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<f32>, ModelError> {
        Ok(self.0.score(pairs, progress)?)
    }
}
