//! Settings: defaults, then the TOML file, then the flags that were given.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::args::{Common, DEFAULT_SEED};
use crate::run::Stop;

/// What a stage is run with.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings<C> {
    /// Seed of everything drawn at random. In a file it stands at the top level, as `seed`.
    pub seed: u64,
    /// The stage's own settings.
    pub config: C,
}

impl<C: Serialize> Settings<C> {
    /// The stage's own settings as JSON, as they stand in a manifest.
    ///
    /// # Errors
    /// When the settings cannot be JSON, such as a map whose keys are no strings.
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::to_value(&self.config).context("the settings cannot be written as JSON")
    }
}

/// For programs that have no settings but the common ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

/// Resolves a stage's settings: its defaults, then what the `--config` file says, then `flags`.
///
/// `flags` is a struct with the names of `C`'s fields; what is `None` or an empty list was not
/// given. (A bare switch, which is `false` when absent, needs
/// `#[serde(skip_serializing_if = "std::ops::Not::not")]`.) When `C` itself has a field `seed`, it
/// gets the resolved seed.
///
/// With `--print-config` the result goes to standard output and [`Stop`] comes back as the error,
/// which [`run`](crate::run) takes for success.
///
/// # Errors
/// A configuration file that is missing, is no TOML, or has an unknown key or a value of the wrong
/// type: the error names file, line and key. A flag whose value the stage refuses.
pub fn resolve<C>(common: &Common, flags: &impl Serialize) -> anyhow::Result<Settings<C>>
where
    C: Serialize + DeserializeOwned + Default,
{
    let mut values = object(&C::default()).context("the default settings are no table")?;
    let has_seed = values.contains_key("seed");
    let mut seed = values
        .get("seed")
        .and_then(Value::as_u64)
        .unwrap_or(DEFAULT_SEED);

    if let Some(path) = &common.config {
        let file = ConfigFile::read(path)?;
        if let Some(value) = file.values.get("seed") {
            seed = value.as_u64().ok_or_else(|| {
                anyhow!(
                    "{}: `seed` must be a whole number from 0, not {value}",
                    file.place("seed")
                )
            })?;
        }
        file.overlay::<C>(&mut values)?;
    }

    let given = object(flags).context("the flags are no table")?;
    for (key, value) in given {
        if !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()) {
            overlay(values.entry(key).or_insert(Value::Null), value);
        }
    }
    seed = common.seed.unwrap_or(seed);
    if has_seed {
        values.insert("seed".to_owned(), seed.into());
    }
    let config = build(values).context("the settings given as flags do not fit")?;
    let settings = Settings { seed, config };

    if common.print_config {
        let text = to_toml(&settings, has_seed)?;
        std::io::stdout()
            .write_all(text.as_bytes())
            .context("cannot write to standard output")?;
        return Err(Stop.into());
    }
    Ok(settings)
}

/// A configuration file as read.
struct ConfigFile<'a> {
    path: &'a Path,
    text: String,
    values: Map<String, Value>,
}

impl<'a> ConfigFile<'a> {
    fn read(path: &'a Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration file {}", path.display()))?;
        let table: toml::Table = text
            .parse()
            .with_context(|| format!("{} is not valid TOML", path.display()))?;
        let values = object(&table)?;
        Ok(ConfigFile { path, text, values })
    }

    /// Lays the file's values over `values`, and proves that the result is a valid `C`.
    fn overlay<C: DeserializeOwned>(&self, values: &mut Map<String, Value>) -> anyhow::Result<()> {
        let defaults = values.clone();
        for (key, value) in &self.values {
            let Some(slot) = values.get_mut(key) else {
                if key == "seed" {
                    continue;
                }
                let mut known: Vec<&str> = defaults.keys().map(String::as_str).collect();
                known.push("seed");
                known.sort_unstable();
                known.dedup();
                bail!(
                    "{}: unknown setting `{key}`; known are: {}",
                    self.place(key),
                    known.join(", ")
                );
            };
            overlay(slot, value.clone());
            // Alone over the defaults, so that the message can name the key that does not fit.
            let mut alone = defaults.clone();
            alone.insert(key.clone(), slot.clone());
            build::<C>(alone)
                .with_context(|| format!("{}: setting `{key}` does not fit", self.place(key)))?;
        }
        build::<C>(values.clone()).with_context(|| {
            format!("{}: the settings do not fit together", self.path.display())
        })?;
        Ok(())
    }

    /// `FILE, line N` where a top-level key stands, else `FILE`.
    fn place(&self, key: &str) -> String {
        let line = self.text.lines().position(|line| {
            let line = line.trim_start().trim_start_matches('[').trim_start();
            line.strip_prefix(key)
                .is_some_and(|rest| rest.trim_start().starts_with(['=', ']', '.']))
        });
        match line {
            Some(index) => format!("{}, line {}", self.path.display(), index + 1),
            None => self.path.display().to_string(),
        }
    }
}

/// Puts `value` in `slot`; tables are merged key by key, everything else is replaced.
fn overlay(slot: &mut Value, value: Value) {
    match (slot, value) {
        (Value::Object(slot), Value::Object(value)) => {
            for (key, value) in value {
                overlay(slot.entry(key).or_insert(Value::Null), value);
            }
        }
        (slot, value) => *slot = value,
    }
}

fn build<C: DeserializeOwned>(values: Map<String, Value>) -> anyhow::Result<C> {
    Ok(serde_json::from_value(Value::Object(values))?)
}

fn object(value: &impl Serialize) -> anyhow::Result<Map<String, Value>> {
    match serde_json::to_value(value)? {
        Value::Object(map) => Ok(map),
        Value::Null => Ok(Map::new()),
        other => bail!("expected a table, got {other}"),
    }
}

/// The settings as a file that `--config` takes. What has no value stands in a comment.
fn to_toml<C: Serialize>(settings: &Settings<C>, has_seed: bool) -> anyhow::Result<String> {
    let mut text = String::new();
    if !has_seed {
        text.push_str(&format!("seed = {}\n", settings.seed));
    }
    for (key, value) in object(&settings.config)? {
        if value.is_null() {
            text.push_str(&format!("# {key} =\n"));
        }
    }
    text.push_str(
        &toml::to_string(&settings.config).context("the settings cannot be written as TOML")?,
    );
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Config {
        batch: usize,
        rate: f32,
        limit: Option<u32>,
        columns: BTreeMap<String, String>,
        inner: Inner,
    }

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Inner {
        deep: bool,
    }

    impl Default for Config {
        fn default() -> Self {
            Config {
                batch: 64,
                rate: 0.9,
                limit: None,
                columns: BTreeMap::new(),
                inner: Inner::default(),
            }
        }
    }

    #[derive(Debug, Default, Serialize)]
    struct Flags {
        batch: Option<usize>,
        rate: Option<f32>,
    }

    struct Folder(std::path::PathBuf);
    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// Resolves with a configuration file of this text; the error as one string, without folders.
    fn check(toml: &str, flags: &Flags) -> Result<Settings<Config>, String> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "jobmatch-stage-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let folder = Folder(std::env::temp_dir().join(name));
        fs::create_dir_all(&folder.0).unwrap();
        let path = folder.0.join("stage.toml");
        fs::write(&path, toml).unwrap();
        let common = Common {
            config: Some(path),
            ..Common::default()
        };
        resolve(&common, flags)
            .map_err(|error| format!("{error:#}").replace(&format!("{}/", folder.0.display()), ""))
    }

    #[test]
    fn a_flag_overrides_the_file_and_the_file_the_defaults() {
        let flags = Flags {
            batch: Some(8),
            rate: None,
        };
        let text =
            "seed = 5\nbatch = 16\nrate = 0.5\n[columns]\ntext = \"body\"\n[inner]\ndeep = true\n";
        let settings = check(text, &flags).unwrap();
        assert_eq!(settings.seed, 5);
        assert_eq!(settings.config.batch, 8);
        assert_eq!(settings.config.rate, 0.5);
        assert_eq!(settings.config.limit, None);
        assert_eq!(settings.config.columns["text"], "body");
        assert!(settings.config.inner.deep);
        assert_eq!(check("", &Flags::default()).unwrap().seed, DEFAULT_SEED);
    }

    #[test]
    fn errors_name_file_line_and_key() {
        let cases = [
            (
                "batch = 1\nbach = 2\n",
                "stage.toml, line 2: unknown setting `bach`; known are: batch, columns, inner, limit, rate, seed",
            ),
            (
                "rate = 1.0\nbatch = \"many\"\n",
                "stage.toml, line 2: setting `batch` does not fit: invalid type: string \"many\", expected usize",
            ),
            (
                "[inner]\ndepe = true\n",
                "stage.toml, line 1: setting `inner` does not fit: unknown field `depe`, expected `deep`",
            ),
            (
                "seed = -1\n",
                "stage.toml, line 1: `seed` must be a whole number from 0, not -1",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(check(text, &Flags::default()).unwrap_err(), expected);
        }
        let error = check("batch = = 2\n", &Flags::default()).unwrap_err();
        assert!(
            error.starts_with("stage.toml is not valid TOML: "),
            "{error}"
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let common = Common {
            config: Some("no/such/stage.toml".into()),
            ..Common::default()
        };
        let error = resolve::<Config>(&common, &Flags::default()).unwrap_err();
        let text = format!("{error:#}");
        assert!(
            text.starts_with("cannot read the configuration file no/such/stage.toml: "),
            "{text}"
        );
    }

    #[test]
    fn what_is_printed_can_be_read_again() {
        let settings = Settings {
            seed: 9,
            config: Config {
                batch: 3,
                inner: Inner { deep: true },
                ..Config::default()
            },
        };
        let text = to_toml(&settings, false).unwrap();
        assert!(text.contains("# limit =\n"), "{text}");
        assert_eq!(check(&text, &Flags::default()).unwrap(), settings);
    }
}
