//! The settings of an evaluation.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What is searched for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Each sentence of a job.
    #[default]
    Sentence,
    /// The whole text of a job, in windows of whole sentences where it is long.
    Job,
}

impl Unit {
    /// The one that it is not.
    pub fn other(self) -> Self {
        match self {
            Self::Sentence => Self::Job,
            Self::Job => Self::Sentence,
        }
    }
}

impl std::fmt::Display for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sentence => "sentence",
            Self::Job => "job",
        })
    }
}

/// How a job's candidates are found: part of a decision, since scores chosen for one way do not fit another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetrievalSettings {
    /// What is searched for.
    pub unit: Unit,
    /// Attributes found for each sentence or window.
    pub sentence_top_k: usize,
    /// Attributes kept for each job, the best of all its sentences.
    pub candidates: usize,
    /// How many of a job's candidates the cross-encoder scores, the best first.
    pub rerank_depth: usize,
    /// Words in a window at job unit; a longer sentence is a window by itself.
    pub window_words: usize,
}

/// The settings of an evaluation. With a decision given, the decision's [`RetrievalSettings`] hold, not these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluationConfig {
    /// What is searched for: `sentence` (default) or `job`.
    pub unit: Unit,
    /// Attributes found for each sentence or window. Default 50.
    pub sentence_top_k: usize,
    /// Attributes kept for each job. Default 100: measures at a cut-off above it cannot be taken.
    pub candidates: usize,
    /// How many of a job's candidates the cross-encoder scores. Default 20.
    pub rerank_depth: usize,
    /// Words in a window at job unit. Default 160, which suits models that read 256 tokens.
    pub window_words: usize,
    /// Thresholds on the job's best cosine, for the table of what a threshold set by hand gives.
    /// Default 0.5 to 0.95 in steps of 0.05.
    pub cosine_thresholds: Vec<f32>,
    /// For the table of what the first N attributes of each job give. Default 1, 3, 5, 10, 20.
    pub top_n: Vec<usize>,
    /// Evaluates this many jobs, a fixed part drawn evenly over groups, instead of all. Default all.
    pub limit_jobs: Option<usize>,
    /// How often the bootstrap draws for an interval. Default 2000.
    pub resamples: usize,
    /// How many of the worst jobs the report shows. Default 10.
    pub worst_jobs: usize,
    /// Measure the bi-encoder by the other unit too, beside the systems of the decision's own. Default true.
    pub other_unit: bool,
    /// Choose the threshold that promises this recall of new groups of jobs; `None`, the default, chooses the one with the best F1.
    pub promise_recall: Option<f64>,
    /// The confidence of promises. Default 0.95.
    pub promise_confidence: f64,
    /// For the table of what can be promised. Default 0.1 to 0.9 in steps of 0.1.
    pub promised_recalls: Vec<f64>,
    /// Estimated Jaccard similarity (0 to 1) of three-word shingles from which an evaluated job is a near copy of one that the models
    /// learned from. Default 0.7, as in the data set.
    pub near_copy: f64,
    /// Measure golden jobs all the same that are near copies of such. Default false.
    pub allow_leak: bool,
    /// Seed of the drawn part and of the bootstrap. Default 42.
    pub seed: u64,
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self {
            unit: Unit::Sentence,
            sentence_top_k: 50,
            candidates: 100,
            rerank_depth: 20,
            window_words: 160,
            cosine_thresholds: (10u8..20).map(|step| f32::from(step) / 20.0).collect(),
            top_n: vec![1, 3, 5, 10, 20],
            limit_jobs: None,
            resamples: jobmatch_metrics::Bootstrap::RESAMPLES,
            worst_jobs: 10,
            other_unit: true,
            promise_recall: None,
            promise_confidence: 0.95,
            promised_recalls: (1u8..10).map(|step| f64::from(step) / 10.0).collect(),
            near_copy: jobmatch_dataset::NEAR_COPY,
            allow_leak: false,
            seed: 42,
        }
    }
}

impl EvaluationConfig {
    /// The part that a decision keeps.
    pub fn retrieval(&self) -> RetrievalSettings {
        RetrievalSettings {
            unit: self.unit,
            sentence_top_k: self.sentence_top_k,
            candidates: self.candidates,
            rerank_depth: self.rerank_depth,
            window_words: self.window_words,
        }
    }

    /// Refuses nonsense.
    ///
    /// # Errors
    /// [`Error::Setting`] names the first setting that makes no sense.
    pub fn validate(&self) -> Result<()> {
        self.retrieval().validate()?;
        let cosines = &self.cosine_thresholds;
        if let Some(bad) = cosines
            .iter()
            .find(|cosine| !(-1.0..=1.0).contains(*cosine))
        {
            return Err(refused("cosine_thresholds", bad, "numbers from -1 to 1"));
        }
        if let Some(bad) = self.top_n.iter().find(|n| **n == 0) {
            return Err(refused("top_n", bad, "whole numbers from 1"));
        }
        if self.limit_jobs == Some(0) {
            return Err(refused("limit_jobs", 0, "a whole number from 1"));
        }
        if self.resamples == 0 {
            return Err(refused("resamples", 0, "a whole number from 1"));
        }
        let inside = |value: &f64| *value > 0.0 && *value < 1.0;
        let between = "a number between 0 and 1, both excluded";
        for (setting, values) in [
            ("promised_recalls", self.promised_recalls.as_slice()),
            ("promise_recall", self.promise_recall.as_slice()),
            ("promise_confidence", &[self.promise_confidence]),
        ] {
            if let Some(bad) = values.iter().find(|value| !inside(value)) {
                return Err(refused(setting, bad, between));
            }
        }
        if !(self.near_copy > 0.0 && self.near_copy <= 1.0) {
            return Err(refused(
                "near_copy",
                self.near_copy,
                "a number above 0, up to 1",
            ));
        }
        Ok(())
    }
}

impl RetrievalSettings {
    /// Refuses nonsense.
    ///
    /// # Errors
    /// [`Error::Setting`] names the first setting that makes no sense.
    pub fn validate(&self) -> Result<()> {
        for (setting, value) in [
            ("sentence_top_k", self.sentence_top_k),
            ("candidates", self.candidates),
            ("rerank_depth", self.rerank_depth),
            ("window_words", self.window_words),
        ] {
            if value == 0 {
                return Err(refused(setting, value, "a whole number from 1"));
            }
        }
        Ok(())
    }
}

fn refused(setting: &'static str, value: impl ToString, expected: &'static str) -> Error {
    Error::Setting {
        setting,
        value: value.to_string(),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_make_sense_and_nonsense_is_named() {
        let config = EvaluationConfig::default();
        config.validate().unwrap();
        assert_eq!(config.cosine_thresholds.len(), 10);
        assert_eq!(
            (config.cosine_thresholds[0], config.cosine_thresholds[9]),
            (0.5, 0.95)
        );

        let bad = EvaluationConfig {
            candidates: 0,
            ..config.clone()
        };
        assert_eq!(
            bad.validate().unwrap_err().to_string(),
            "candidates is 0, expected a whole number from 1"
        );
        let bad = EvaluationConfig {
            cosine_thresholds: vec![0.5, f32::NAN],
            ..config.clone()
        };
        assert_eq!(
            bad.validate().unwrap_err().to_string(),
            "cosine_thresholds is NaN, expected numbers from -1 to 1"
        );
        let bad = EvaluationConfig {
            limit_jobs: Some(0),
            ..config
        };
        assert!(bad.validate().is_err());
    }

    #[test]
    fn unknown_settings_are_refused() {
        let error = serde_json::from_str::<EvaluationConfig>(r#"{"candidate": 5}"#).unwrap_err();
        assert!(error.to_string().contains("unknown field `candidate`"));
    }
}
