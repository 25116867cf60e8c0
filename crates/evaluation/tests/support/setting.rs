//! Jobs of all splits, an embedder and its index, ready to be evaluated.

use std::path::PathBuf;

use jobmatch_evaluation::{
    Decision, Error, Evaluation, EvaluationConfig, How, Inputs, Models, PairScorer, PassageIndex,
    evaluate,
};
use jobmatch_records::{Definition, Job, Label, Split};

use super::*;

pub fn config() -> EvaluationConfig {
    EvaluationConfig {
        resamples: 50,
        ..EvaluationConfig::default()
    }
}

pub struct Setting {
    pub jobs: Vec<Job>,
    pub labels: Vec<Label>,
    pub definitions: Vec<Definition>,
    pub embedder: Words,
    pub passages: PassageIndex,
    pub learned: Vec<PathBuf>,
}

impl Setting {
    pub fn new() -> Self {
        let (jobs, labels) = everything();
        let embedder = Words::new("words");
        let definitions = definitions();
        let passages = index(&definitions, &embedder);
        Self {
            jobs,
            labels,
            definitions,
            embedder,
            passages,
            learned: Vec::new(),
        }
    }

    pub fn run(
        &self,
        split: Split,
        scorer: Option<&dyn PairScorer>,
        how: How<'_>,
        config: &EvaluationConfig,
    ) -> Result<Evaluation, Error> {
        let inputs = Inputs {
            split,
            jobs: &self.jobs,
            sentences: None,
            labels: &self.labels,
            learned: &self.learned,
            definitions: Some(&self.definitions),
        };
        let models = Models {
            passages: &self.passages,
            embedder: &self.embedder,
            scorer,
        };
        evaluate(&inputs, &models, how, config, &mut |_, _, _| {})
    }
}

pub fn cosine(a: &str, b: &str) -> f32 {
    vector(a).iter().zip(vector(b)).map(|(a, b)| a * b).sum()
}

pub fn dev_decision(setting: &Setting, scorer: Option<&dyn PairScorer>) -> Decision {
    setting
        .run(Split::Dev, scorer, How::Choose, &config())
        .unwrap()
        .decision
}

pub fn labelled<'a>(setting: &'a Setting, split: &'a str) -> impl Iterator<Item = &'a Label> {
    setting
        .labels
        .iter()
        .filter(move |label| label.job_id.starts_with(split))
}
