//! The settings of the preparation.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What decides, with the seed, which jobs come out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Postings made of each occupation, beside its profile.
    pub postings: usize,
    /// Fewest tasks that a posting shows, where the occupation has so many.
    pub tasks_min: usize,
    /// Most tasks that a posting shows, included.
    pub tasks_max: usize,
    /// Share of the occupations that goes to dev, by whole groups.
    pub dev_share: f64,
    /// Share of the occupations that goes to golden, by whole groups. The rest is train.
    pub golden_share: f64,
    /// Tasks that two occupations must share to stand in one group.
    pub shared_tasks: usize,
    /// Jaccard similarity of two tasks' sets of words from which they are near copies.
    pub near_copy: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            postings: 4,
            tasks_min: 5,
            tasks_max: 9,
            dev_share: 0.10,
            golden_share: 0.22,
            shared_tasks: 2,
            near_copy: 0.8,
        }
    }
}

impl Config {
    /// Refuses what makes no sense.
    ///
    /// # Errors
    /// [`Error::Setting`] names the first such setting.
    pub fn validate(&self) -> Result<()> {
        let shares = self.dev_share + self.golden_share;
        let share = 0.0..1.0;
        let checks = [
            (
                self.tasks_min >= 1,
                "tasks_min",
                format!("a posting shows at least 1 task, not {}", self.tasks_min),
            ),
            (
                self.tasks_max >= self.tasks_min,
                "tasks_max",
                format!(
                    "{} is less than tasks_min, {}",
                    self.tasks_max, self.tasks_min
                ),
            ),
            (
                share.contains(&self.dev_share),
                "dev_share",
                format!("must be at least 0 and less than 1, not {}", self.dev_share),
            ),
            (
                share.contains(&self.golden_share) && share.contains(&shares),
                "golden_share",
                format!(
                    "with dev_share it must be at least 0 and less than 1, not {} + {}",
                    self.golden_share, self.dev_share
                ),
            ),
            (
                self.shared_tasks >= 1,
                "shared_tasks",
                "must be at least 1".to_owned(),
            ),
            (
                self.near_copy > 0.0 && self.near_copy <= 1.0,
                "near_copy",
                format!("must be more than 0 and at most 1, not {}", self.near_copy),
            ),
        ];
        match checks.into_iter().find(|(holds, _, _)| !holds) {
            Some((_, key, reason)) => Err(Error::Setting { key, reason }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused_by_name() {
        let check = |change: fn(&mut Config), expected: &str| {
            let mut config = Config::default();
            change(&mut config);
            assert_eq!(config.validate().unwrap_err().to_string(), expected);
        };
        Config::default().validate().unwrap();
        check(
            |config| config.tasks_max = 2,
            "setting `tasks_max`: 2 is less than tasks_min, 5",
        );
        check(
            |config| config.golden_share = 0.95,
            "setting `golden_share`: with dev_share it must be at least 0 and less than 1, not 0.95 + 0.1",
        );
        check(
            |config| config.near_copy = f64::NAN,
            "setting `near_copy`: must be more than 0 and at most 1, not NaN",
        );
    }
}
