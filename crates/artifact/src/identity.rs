//! What decides an output's bytes: nothing else may.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::files::digest_file;
use crate::{Artifact, Result};

/// Characters of a setting's value that a message shows.
const SHOWN: usize = 80;

/// What decides an output's bytes. Paths, clocks, host names and thread counts are not part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// The stage's name.
    pub stage: String,
    /// The version of the program that makes it.
    pub program_version: String,
    /// The resolved settings.
    pub config: Value,
    /// The seed of everything drawn at random.
    pub seed: u64,
    /// What it is made from.
    pub inputs: Vec<Input>,
}

/// Something that an output is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// What it is to the stage, such as `jobs`.
    pub role: String,
    /// `blake3:` and the hash of the file, of the artifact's manifest, or of what else identifies it.
    pub digest: String,
}

impl Input {
    /// A file, by its bytes.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn file(role: &str, path: &Path) -> Result<Self> {
        Ok(Self {
            role: role.to_owned(),
            digest: digest_file(path)?,
        })
    }

    /// Another stage's output, by its manifest, which holds the hash of each of its files.
    pub fn artifact(role: &str, artifact: &Artifact) -> Self {
        Self {
            role: role.to_owned(),
            digest: artifact.digest().to_owned(),
        }
    }
}

impl Identity {
    /// What differs from `other`, which was read from a manifest, one line per difference: the key, its value there, its value now.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let mut compare = |key: &str, now: &str, there: &str| {
            if now != there {
                found.push(format!("{key} is {there} there and {now} now"));
            }
        };
        compare("stage", &self.stage, &other.stage);
        compare(
            "program version",
            &self.program_version,
            &other.program_version,
        );
        compare("seed", &self.seed.to_string(), &other.seed.to_string());
        input_differences(&self.inputs, &other.inputs, &mut found);
        let now = as_read(&self.config);
        config_differences("", Some(&now), Some(&other.config), &mut found);
        found
    }
}

/// The value as it comes back from a manifest: a float may change in its last bit on the way through text.
fn as_read(value: &Value) -> Value {
    serde_json::from_str(&value.to_string()).unwrap_or_else(|_| value.clone())
}

fn input_differences(now: &[Input], there: &[Input], found: &mut Vec<String>) {
    let before = found.len();
    let by_role = |inputs: &[Input]| {
        let mut roles: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for input in inputs {
            roles
                .entry(input.role.clone())
                .or_default()
                .push(input.digest.clone());
        }
        roles
    };
    let (now_by_role, there_by_role) = (by_role(now), by_role(there));
    let roles: BTreeSet<&String> = now_by_role.keys().chain(there_by_role.keys()).collect();
    for role in roles {
        match (now_by_role.get(role), there_by_role.get(role)) {
            (Some(now), Some(there)) if now.len() != there.len() => {
                found.push(format!(
                    "input `{role}` is {} things there and {} now",
                    there.len(),
                    now.len()
                ));
            }
            (Some(now), Some(there)) => {
                for (at, _) in now
                    .iter()
                    .zip(there)
                    .enumerate()
                    .filter(|(_, (now, there))| now != there)
                {
                    let which = if now.len() > 1 {
                        format!(" number {}", at + 1)
                    } else {
                        String::new()
                    };
                    found.push(format!("input `{role}`{which} has other content"));
                }
            }
            (None, _) => found.push(format!("input `{role}` is used there and not now")),
            (_, None) => found.push(format!("input `{role}` is not used there, but now")),
        }
    }
    if found.len() == before && now != there {
        found.push("the inputs stand in another order".to_owned());
    }
}

fn config_differences(
    key: &str,
    now: Option<&Value>,
    there: Option<&Value>,
    found: &mut Vec<String>,
) {
    match (now, there) {
        (Some(Value::Object(now)), Some(Value::Object(there))) => {
            let names: BTreeSet<&String> = now.keys().chain(there.keys()).collect();
            for name in names {
                let dot = if key.is_empty() { "" } else { "." };
                config_differences(
                    &format!("{key}{dot}{name}"),
                    now.get(name),
                    there.get(name),
                    found,
                );
            }
        }
        (now, there) if now != there => {
            let shown = |value: Option<&Value>| {
                value.map_or_else(|| "absent".to_owned(), |value| cut(&value.to_string()))
            };
            found.push(format!(
                "setting `{key}` is {} there and {} now",
                shown(there),
                shown(now)
            ));
        }
        _ => {}
    }
}

/// The text, or its begin when it is long: a setting may be a list of thousands.
fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn identity(config: Value, inputs: &[(&str, &str)]) -> Identity {
        let input = |(role, digest): &(&str, &str)| Input {
            role: (*role).to_owned(),
            digest: (*digest).to_owned(),
        };
        Identity {
            stage: "demo".to_owned(),
            program_version: "1".to_owned(),
            config,
            seed: 1,
            inputs: inputs.iter().map(input).collect(),
        }
    }

    #[test]
    fn each_differing_key_is_named() {
        let there = identity(
            json!({"a": 1, "b": {"c": null, "d": [1, 2]}}),
            &[
                ("jobs", "1"),
                ("labels", "2"),
                ("labels", "3"),
                ("old", "4"),
            ],
        );
        let now = identity(
            json!({"a": 1, "b": {"d": [1, 3]}, "e": "x"}),
            &[
                ("jobs", "9"),
                ("labels", "2"),
                ("labels", "5"),
                ("new", "6"),
            ],
        );
        assert_eq!(
            now.differences(&there),
            [
                "input `jobs` has other content",
                "input `labels` number 2 has other content",
                "input `new` is not used there, but now",
                "input `old` is used there and not now",
                "setting `b.c` is null there and absent now",
                "setting `b.d` is [1,2] there and [1,3] now",
                "setting `e` is absent there and \"x\" now",
            ]
        );
        let fewer = identity(json!(null), &[("labels", "2")]);
        let more = identity(json!(null), &[("labels", "2"), ("labels", "3")]);
        assert_eq!(
            fewer.differences(&more),
            ["input `labels` is 2 things there and 1 now"]
        );
        let one = identity(json!(null), &[("a", "1"), ("b", "2")]);
        let other = identity(json!(null), &[("b", "2"), ("a", "1")]);
        assert_eq!(
            one.differences(&other),
            ["the inputs stand in another order"]
        );
    }

    #[test]
    fn a_long_value_is_cut() {
        let (now, there) = (
            identity(json!("é".repeat(500)), &[]),
            identity(json!("x"), &[]),
        );
        let differences = now.differences(&there);
        assert!(differences[0].len() < 300, "{differences:?}");
    }

    proptest::proptest! {
        /// A float that went through a manifest is still the same setting.
        #[test]
        fn floats_survive_the_manifest(value in proptest::num::f64::NORMAL) {
            let now = identity(json!({"rate": value}), &[]);
            let text = serde_json::to_string(&now).unwrap();
            let there: Identity = serde_json::from_str(&text).unwrap();
            proptest::prop_assert!(now.differences(&there).is_empty());
        }
    }
}
