use std::fmt;
use std::str::FromStr;

use crate::{Error, Ranking, Result};

/// A ranking measure by name, with its cut-off: what settings and reports hold.
///
/// Written and parsed as `recall@10`, `average_precision` and so on. The formulas stand at the methods of
/// [`Ranking`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// `precision@k`: [`Ranking::precision_at`].
    Precision(usize),
    /// `recall@k`: [`Ranking::recall_at`].
    Recall(usize),
    /// `r_precision@k`: [`Ranking::r_precision_at`].
    RPrecision(usize),
    /// `hit_rate@k`: [`Ranking::hit_rate_at`].
    HitRate(usize),
    /// `ndcg@k`: [`Ranking::ndcg_at`].
    Ndcg(usize),
    /// `reciprocal_rank`: [`Ranking::reciprocal_rank`]; its mean is MRR.
    ReciprocalRank,
    /// `average_precision`: [`Ranking::average_precision`]; its mean is MAP.
    AveragePrecision,
}

impl Measure {
    /// The measure of one query, between 0 and 1; 0 for a query without positives.
    pub fn of(self, ranking: &Ranking) -> f64 {
        match self {
            Self::Precision(k) => ranking.precision_at(k),
            Self::Recall(k) => ranking.recall_at(k),
            Self::RPrecision(k) => ranking.r_precision_at(k),
            Self::HitRate(k) => ranking.hit_rate_at(k),
            Self::Ndcg(k) => ranking.ndcg_at(k),
            Self::ReciprocalRank => ranking.reciprocal_rank(),
            Self::AveragePrecision => ranking.average_precision(),
        }
    }

    /// The mean over the queries with at least one positive, whether or not anything was retrieved for them;
    /// `None` when there is no such query.
    pub fn mean<'a>(self, rankings: impl IntoIterator<Item = &'a Ranking>) -> Option<f64> {
        let judged = rankings
            .into_iter()
            .filter(|ranking| ranking.positives() > 0);
        let (sum, count) = judged.fold((0.0, 0u64), |(sum, count), ranking| {
            (sum + self.of(ranking), count + 1)
        });
        (count > 0).then(|| sum / count as f64)
    }

    fn parts(self) -> (&'static str, Option<usize>) {
        match self {
            Self::Precision(k) => ("precision", Some(k)),
            Self::Recall(k) => ("recall", Some(k)),
            Self::RPrecision(k) => ("r_precision", Some(k)),
            Self::HitRate(k) => ("hit_rate", Some(k)),
            Self::Ndcg(k) => ("ndcg", Some(k)),
            Self::ReciprocalRank => ("reciprocal_rank", None),
            Self::AveragePrecision => ("average_precision", None),
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            (name, Some(k)) => f.pad(&format!("{name}@{k}")),
            (name, None) => f.pad(name),
        }
    }
}

impl FromStr for Measure {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unknown = || Error::UnknownMeasure {
            name: text.to_owned(),
        };
        let Some((name, k)) = text.split_once('@') else {
            return match text {
                "reciprocal_rank" => Ok(Self::ReciprocalRank),
                "average_precision" => Ok(Self::AveragePrecision),
                _ => Err(unknown()),
            };
        };
        let k = k.parse().ok().filter(|&k| k > 0).ok_or_else(unknown)?;
        match name {
            "precision" => Ok(Self::Precision(k)),
            "recall" => Ok(Self::Recall(k)),
            "r_precision" => Ok(Self::RPrecision(k)),
            "hit_rate" => Ok(Self::HitRate(k)),
            "ndcg" => Ok(Self::Ndcg(k)),
            _ => Err(unknown()),
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Measure {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Measure {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Self, D::Error> {
        let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        let names = [
            "precision@5",
            "recall@10",
            "r_precision@5",
            "hit_rate@1",
            "ndcg@100",
            "reciprocal_rank",
            "average_precision",
        ];
        for name in names {
            assert_eq!(name.parse::<Measure>().unwrap().to_string(), name);
        }
        for name in [
            "recall",
            "recall@0",
            "recall@-1",
            "recall@",
            "mrr",
            "reciprocal_rank@5",
            "",
        ] {
            let error = name.parse::<Measure>().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("no measure `{name}`")),
                "{error}"
            );
        }
    }

    #[test]
    fn queries_without_positives_are_left_out_of_means() {
        let right = Ranking::new(&[1], &[1]).unwrap();
        let missed = Ranking::new(&[], &[1]).unwrap();
        let unjudged = Ranking::new(&[0], &[]).unwrap();
        assert_eq!(
            Measure::Recall(1).mean([&right, &missed, &unjudged]),
            Some(0.5)
        );
        assert_eq!(Measure::Recall(1).mean([&unjudged]), None);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn names_stand_in_json() {
        let measures = vec![Measure::Recall(10), Measure::ReciprocalRank];
        let text = serde_json::to_string(&measures).unwrap();
        assert_eq!(text, r#"["recall@10","reciprocal_rank"]"#);
        assert_eq!(
            serde_json::from_str::<Vec<Measure>>(&text).unwrap(),
            measures
        );
        let error = serde_json::from_str::<Measure>(r#""mrr""#).unwrap_err();
        assert!(error.to_string().starts_with("no measure `mrr`"), "{error}");
    }
}
