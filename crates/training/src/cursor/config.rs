//! Settings of the order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Which rows a [`crate::Cursor`] gives, and how far apart in the files two neighbours of its order can come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CursorConfig {
    /// Only rows whose label is above 0.5. Default: false, all rows.
    pub positives_only: bool,
    /// Of the rows of a `source` that stands here an epoch takes only this share, 0 to 1; of the others all. How many it takes of
    /// each block is the same in every epoch, which ones is not: an epoch goes on where the one before ended, round a block's
    /// rows in an order that follows from the seed. A source that no row has changes nothing. Default: empty. It does not go together with `positives_only`.
    pub shares: BTreeMap<String, f64>,
    /// Consecutive rows that always come into the same window; 1 or more. A block ends with its row group. Fewer mix
    /// better and read slower: a page of the file is unpacked for each block that has rows of it. Default: 4,096.
    pub block_rows: u32,
    /// Rows of a window, that are shuffled fully; no fewer than `block_rows`. Two windows are in memory, at some 200
    /// bytes a row besides the texts. Default: 262,144.
    pub window_rows: u64,
    /// Bytes of a window's values, unencoded, by the files' footers; 1 or more. It holds where texts are long. A
    /// window has at least one block, however large that is. Default: 134,217,728 (128 MiB).
    pub window_bytes: u64,
}

impl Default for CursorConfig {
    fn default() -> Self {
        Self {
            positives_only: false,
            shares: BTreeMap::new(),
            block_rows: 4096,
            window_rows: 262_144,
            window_bytes: 128 << 20,
        }
    }
}

impl CursorConfig {
    /// Refuses nonsense.
    ///
    /// # Errors
    /// Names the first setting that makes no sense.
    pub fn validate(&self) -> Result<()> {
        if let Some((source, share)) = self
            .shares
            .iter()
            .find(|(_, share)| !(0.0..=1.0).contains(*share))
        {
            return Err(Error::Setting {
                setting: "shares",
                value: format!("{share} for `{source}`"),
                expected: "a share between 0 and 1",
            });
        }
        let checks = [
            (
                "positives_only",
                1,
                !self.positives_only || self.shares.is_empty(),
                "false where `shares` are given",
            ),
            (
                "block_rows",
                u64::from(self.block_rows),
                self.block_rows > 0,
                "1 or more",
            ),
            (
                "window_rows",
                self.window_rows,
                self.window_rows >= u64::from(self.block_rows),
                "`block_rows` or more",
            ),
            (
                "window_bytes",
                self.window_bytes,
                self.window_bytes > 0,
                "1 or more",
            ),
        ];
        for (setting, value, sound, expected) in checks {
            if !sound {
                return Err(Error::Setting {
                    setting,
                    value: value.to_string(),
                    expected,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused_by_name() {
        let refused = |config: CursorConfig| match config.validate() {
            Err(Error::Setting { setting, .. }) => setting,
            other => panic!("{other:?}"),
        };
        let sound = CursorConfig::default();
        assert!(sound.validate().is_ok());
        let config = CursorConfig {
            block_rows: 0,
            ..sound.clone()
        };
        assert_eq!(refused(config), "block_rows");
        let config = CursorConfig {
            window_rows: 4095,
            ..sound.clone()
        };
        assert_eq!(refused(config), "window_rows");
        let config = CursorConfig {
            shares: BTreeMap::from([("random".to_owned(), 0.5)]),
            ..sound.clone()
        };
        assert!(config.validate().is_ok());
        let config = CursorConfig {
            positives_only: true,
            ..config
        };
        assert_eq!(refused(config), "positives_only");
        let config = CursorConfig {
            shares: BTreeMap::from([("random".to_owned(), f64::NAN)]),
            ..sound.clone()
        };
        assert_eq!(refused(config), "shares");
        let config = CursorConfig {
            window_bytes: 0,
            ..sound
        };
        assert_eq!(refused(config), "window_bytes");
    }

    #[test]
    fn settings_that_are_not_given_are_the_defaults_and_unknown_ones_are_refused() {
        let read = serde_json::from_str::<CursorConfig>;
        let config = read(r#"{"positives_only": true}"#).unwrap();
        assert_eq!(
            config,
            CursorConfig {
                positives_only: true,
                ..CursorConfig::default()
            }
        );
        assert!(read(r#"{"window": 1}"#).is_err());
    }
}
