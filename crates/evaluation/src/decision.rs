//! The decision: how scores become a yes, chosen on dev and applied elsewhere.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jobmatch_metrics::Calibrator;
use jobmatch_records::Split;
use serde::{Deserialize, Serialize};

use crate::config::RetrievalSettings;
use crate::models::{PairScorer, QueryEmbedder};
use crate::promises::RecallPromise;
use crate::{Error, Result};

/// The file of a decision.
pub const DECISION_JSON: &str = "decision.json";

/// How the scores of a job's sentences become the job's score.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// The maximum.
    #[default]
    Max,
}

/// How candidates are found, scored and decided. Chosen on dev by [`evaluate`](crate::evaluate); golden evaluation and
/// matching take it as it is.
///
/// The final score of a candidate is `alpha * b + (1 - alpha) * c`, with `b` the calibrated cosine and `c` the
/// calibrated score of the cross-encoder. A candidate that the cross-encoder did not see ranks below those it saw, in
/// the order of `b`: [`Decision::scores`] says how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Version of this file: 2.
    pub schema_version: u32,
    /// How candidates are found.
    pub retrieval: RetrievalSettings,
    /// How sentences become a job.
    pub aggregation: Aggregation,
    /// The bi-encoder's share in the final score, from 0 to 1; 1 without a cross-encoder.
    pub alpha: f64,
    /// Cosine to probability.
    pub bi_calibrator: Calibrator,
    /// The cross-encoder's score to probability.
    pub cross_calibrator: Option<Calibrator>,
    /// A candidate is decided yes when its final score is this or more.
    pub threshold: f32,
    /// The same for each system of the report, on its own scale, so that all are compared at their best.
    pub system_thresholds: BTreeMap<String, f32>,
    /// Thresholds on the final score that promise a recall of new groups of jobs.
    pub recall_promises: Vec<RecallPromise>,
    /// What the threshold gave where it was chosen.
    pub promise: Promise,
    /// Fingerprint of the bi-encoder.
    pub bi_encoder: String,
    /// Fingerprint of the cross-encoder.
    pub cross_encoder: Option<String>,
}

/// What a decision gave on the jobs that chose it. It is no guarantee for others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promise {
    /// The split.
    pub split: Split,
    /// Which of its jobs, in words.
    pub part: String,
    /// How many jobs.
    pub jobs: usize,
    /// Their positives.
    pub positives: u64,
    /// How `alpha` was chosen, in words.
    pub alpha_rule: String,
    /// How `threshold` was chosen, in words.
    pub threshold_rule: String,
    /// Micro precision at the threshold.
    pub precision: f64,
    /// Micro recall at the threshold.
    pub recall: f64,
    /// Micro F1 at the threshold.
    pub f1: f64,
}

impl Decision {
    /// The only version of `decision.json` there is.
    pub const SCHEMA_VERSION: u32 = 2;

    /// Reads and checks a decision.
    ///
    /// # Errors
    /// A file that is missing, is no JSON, has an unknown or missing field, another version, or values out of range.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|source| Error::Io {
            action: "read",
            path: path.to_path_buf(),
            source,
        })?;
        let json = |source| Error::Json {
            path: path.to_path_buf(),
            source,
        };
        let bad = |why| Error::BadDecision {
            path: path.to_path_buf(),
            why,
        };
        // The version first: a later one may have other fields, and that is the thing to say then.
        let value: serde_json::Value = serde_json::from_str(&text).map_err(json)?;
        let version = &value["schema_version"];
        if *version != serde_json::json!(Self::SCHEMA_VERSION) {
            let wanted = Self::SCHEMA_VERSION;
            return Err(bad(format!(
                "it has schema version {version}, this program reads {wanted}"
            )));
        }
        let decision: Self = serde_json::from_value(value).map_err(json)?;
        decision.validate().map_err(bad)?;
        Ok(decision)
    }

    /// Writes the decision as JSON.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        crate::output::write_json(path, self)
    }

    fn validate(&self) -> std::result::Result<(), String> {
        self.retrieval
            .validate()
            .map_err(|error| error.to_string())?;
        if !(0.0..=1.0).contains(&self.alpha) {
            return Err(format!(
                "alpha is {}, expected a number from 0 to 1",
                self.alpha
            ));
        }
        if self.cross_encoder.is_some() != self.cross_calibrator.is_some() {
            return Err("`cross_encoder` and `cross_calibrator` go together".to_owned());
        }
        if self.cross_encoder.is_none() && self.alpha != 1.0 {
            return Err(format!(
                "alpha is {} without a cross-encoder, expected 1",
                self.alpha
            ));
        }
        Ok(())
    }

    /// Refuses models that the decision was not chosen with.
    ///
    /// # Errors
    /// [`Error::ForeignDecision`].
    pub fn check_models(
        &self,
        embedder: &dyn QueryEmbedder,
        scorer: Option<&dyn PairScorer>,
    ) -> Result<()> {
        let foreign = |why| Err(Error::ForeignDecision { why });
        if self.bi_encoder != embedder.fingerprint() {
            return foreign(format!(
                "it was chosen with the bi-encoder {}, and this is {}",
                self.bi_encoder,
                embedder.fingerprint()
            ));
        }
        match (&self.cross_encoder, scorer.map(PairScorer::fingerprint)) {
            (Some(chosen), Some(given)) if chosen != given => foreign(format!(
                "it was chosen with the cross-encoder {chosen}, and this is {given}"
            )),
            (Some(chosen), None) => foreign(format!(
                "it was chosen with the cross-encoder {chosen}, and none is given"
            )),
            (None, Some(_)) => {
                foreign("it was chosen without a cross-encoder, and one is given".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// The final scores of one job's candidates, given best cosine first as (cosine, the cross-encoder's score).
    ///
    /// The candidates that the cross-encoder saw must come first. The others continue where those end: each gets the
    /// lowest final score among the seen ones times `b / b_last`, with `b_last` the calibrated cosine of the last
    /// candidate seen. So they stay below, in the order of the cosine, and at `alpha` 1 all scores are `b`.
    pub fn scores(&self, candidates: &[(f32, Option<f32>)]) -> Vec<f32> {
        blend(
            self.alpha,
            &self.bi_calibrator,
            self.cross_calibrator.as_ref(),
            candidates,
        )
    }
}

/// [`Decision::scores`] for any `alpha`.
pub(crate) fn blend(
    alpha: f64,
    bi: &Calibrator,
    cross: Option<&Calibrator>,
    candidates: &[(f32, Option<f32>)],
) -> Vec<f32> {
    let mut lowest: Option<f64> = None;
    let mut last = 1.0;
    let scores = candidates.iter().map(|&(cosine, logit)| {
        let b = bi.probability(cosine);
        let score = match (cross, logit) {
            (Some(cross), Some(logit)) => {
                let score = alpha * b + (1.0 - alpha) * cross.probability(logit);
                lowest = Some(lowest.map_or(score, |lowest| lowest.min(score)));
                last = b;
                score
            }
            _ => match lowest {
                Some(lowest) if last > 0.0 => b * (lowest / last),
                Some(_) => 0.0,
                None => b,
            },
        };
        score as f32
    });
    scores.collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::config::EvaluationConfig;
    use jobmatch_metrics::Promised;

    pub(crate) fn platt(slope: f64, intercept: f64) -> Calibrator {
        Calibrator::Platt { slope, intercept }
    }

    fn decision() -> Decision {
        Decision {
            schema_version: 2,
            retrieval: EvaluationConfig::default().retrieval(),
            aggregation: Aggregation::Max,
            alpha: 0.35,
            bi_calibrator: platt(17.123_456_789_012_345, -9.1),
            cross_calibrator: Some(platt(0.9, -1.0 / 3.0)),
            threshold: 0.412_345_67,
            system_thresholds: BTreeMap::from([("bm25".to_owned(), 12.5)]),
            recall_promises: vec![RecallPromise {
                recall: 0.6,
                confidence: 0.95,
                promised: Promised::Threshold {
                    threshold: 0.1,
                    bound: 2.0 / 3.0,
                    recall: 0.7,
                    groups: 5,
                },
            }],
            promise: Promise {
                split: Split::Dev,
                part: "all".to_owned(),
                jobs: 7,
                positives: 31,
                alpha_rule: "r".to_owned(),
                threshold_rule: "r".to_owned(),
                precision: 0.5,
                recall: 0.25,
                f1: 1.0 / 3.0,
            },
            bi_encoder: "b".to_owned(),
            cross_encoder: Some("c".to_owned()),
        }
    }

    #[test]
    fn comes_back_bit_by_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(DECISION_JSON);
        decision().write(&path).unwrap();
        assert_eq!(Decision::read(&path).unwrap(), decision());
    }

    #[test]
    fn what_it_does_not_know_it_refuses() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(DECISION_JSON);
        let check = |change: &dyn Fn(&mut serde_json::Value), expected: &str| {
            let mut value = serde_json::to_value(decision()).unwrap();
            change(&mut value);
            fs::write(&path, value.to_string()).unwrap();
            let error = Decision::read(&path).unwrap_err();
            let source = std::error::Error::source(&error).map(|source| source.to_string());
            let message = format!("{error}: {}", source.unwrap_or_default());
            assert!(
                message.contains("decision.json") && message.contains(expected),
                "{message}"
            );
        };
        check(&|value| value["extra"] = 1.into(), "unknown field `extra`");
        check(
            &|value| value["retrieval"]["extra"] = 1.into(),
            "unknown field `extra`",
        );
        check(
            &|value| value["schema_version"] = 3.into(),
            "schema version 3, this program reads 2",
        );
        check(&|value| value["alpha"] = 1.5.into(), "alpha is 1.5");
        check(
            &|value| value["cross_encoder"] = serde_json::Value::Null,
            "go together",
        );
        check(
            &|value| value["retrieval"]["candidates"] = 0.into(),
            "candidates is 0",
        );
        fs::write(&path, "{").unwrap();
        assert!(matches!(Decision::read(&path), Err(Error::Json { .. })));
    }

    #[test]
    fn the_unseen_tail_stays_below_and_in_order() {
        let (bi, cross) = (platt(10.0, -5.0), platt(1.0, 0.0));
        let candidates = [
            (0.9, Some(-3.0)),
            (0.8, Some(2.0)),
            (0.7, None),
            (0.6, None),
        ];
        for alpha in [0.0, 0.3, 1.0] {
            let scores = blend(alpha, &bi, Some(&cross), &candidates);
            let lowest = scores[0].min(scores[1]);
            assert!(
                lowest > scores[2] && scores[2] > scores[3],
                "{alpha}: {scores:?}"
            );
        }
        // At 1 the cross-encoder has no say at all.
        let alone: Vec<_> = candidates
            .iter()
            .map(|(cosine, _)| (*cosine, None))
            .collect();
        assert_eq!(
            blend(1.0, &bi, Some(&cross), &candidates),
            blend(1.0, &bi, None, &alone)
        );
    }
}
