//! From what a user types to a model folder on this machine.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::CONFIG;
use crate::hub::Hub;
use crate::{Error, Result};

/// Models that may be asked for by a short name, and where the hub keeps them.
const NAMED_MODELS: [(&str, &str); 3] = [
    ("minilm", SETUP_MODEL),
    ("e5-base-v2", "intfloat/e5-base-v2"),
    ("ms-marco-minilm", "cross-encoder/ms-marco-MiniLM-L6-v2"),
];
/// The model that `cargo xtask setup` fetches.
const SETUP_MODEL: &str = "sentence-transformers/all-MiniLM-L6-v2";

/// Where models are looked for: folders, the cache of jobmatch, the Hugging Face hub.
#[derive(Debug, Clone)]
pub struct ModelSources {
    cache: Option<PathBuf>,
    hub: Hub,
}

/// A model of the hub: `owner/name`, and the branch, tag or commit after an `@`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct HubName<'n> {
    repository: &'n str,
    revision: Option<&'n str>,
}

impl ModelSources {
    /// What this process's environment says: `JOBMATCH_CACHE` (else the XDG cache folder) and what
    /// [`Hub::from_variables`] reads.
    pub fn from_env() -> Self {
        Self::from_variables(|name| std::env::var_os(name))
    }

    /// As [`from_env`](Self::from_env), with the variables that `read` gives.
    pub fn from_variables(read: impl Fn(&str) -> Option<OsString>) -> Self {
        let folder = |name: &str| {
            read(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        Self {
            cache: folder("JOBMATCH_CACHE")
                .or_else(|| folder("XDG_CACHE_HOME").map(|cache| cache.join("jobmatch")))
                .or_else(|| folder("HOME").map(|home| home.join(".cache").join("jobmatch"))),
            hub: Hub::from_variables(&read),
        }
    }

    /// The folder of the model called `name`. In this order: a folder (or a stage's output that holds one in
    /// `model/`), `models/NAME` in the cache, and for the short names and `owner/name`, each with an optional
    /// `@revision`, the Hugging Face hub with its own cache.
    ///
    /// # Errors
    /// When it is nowhere, with the places looked at and what to do.
    pub fn resolve(&self, name: &str) -> Result<PathBuf> {
        let folder = Path::new(name);
        if folder.is_dir() {
            let inner = folder.join("model");
            let holds_inner = !folder.join(CONFIG).exists() && inner.join(CONFIG).exists();
            return Ok(if holds_inner {
                inner
            } else {
                folder.to_path_buf()
            });
        }
        let unknown = |hint: String| Error::UnknownModel {
            name: name.to_owned(),
            hint,
        };
        if folder.is_file() {
            return Err(unknown(
                "it is a file; give the folder that holds config.json and model.safetensors"
                    .to_owned(),
            ));
        }
        let Some(on_hub) = hub_name(name) else {
            let known: Vec<&str> = NAMED_MODELS.iter().map(|(known, _)| *known).collect();
            return Err(unknown(format!(
                "there is no such folder, and the known names are {}; models of the Hugging Face hub are given as \
                 `owner/name` or `owner/name@revision`",
                known.join(", ")
            )));
        };
        let cached = self
            .cache
            .as_ref()
            .map(|cache| cache.join("models").join(name));
        // What lies there has no known revision, so a name with one does not mean it.
        if let Some(cached) = cached.as_ref().filter(|cached| cached.is_dir()) {
            return Ok(cached.clone());
        }
        if name == "minilm" {
            let place = cached.map_or_else(
                || "set JOBMATCH_CACHE or HOME to say where models are kept".to_owned(),
                |cached| format!("{} is not there", cached.display()),
            );
            return Err(unknown(format!(
                "{place}; run `cargo xtask setup`, or name {SETUP_MODEL} to have it from the hub"
            )));
        }
        self.hub.folder(on_hub.repository, on_hub.revision)
    }
}

/// Where the model called `name` lies, by this process's environment; see [`ModelSources::resolve`].
///
/// # Errors
/// As [`ModelSources::resolve`].
pub fn resolve_model(name: &str) -> Result<PathBuf> {
    ModelSources::from_env().resolve(name)
}

fn hub_name(name: &str) -> Option<HubName<'_>> {
    let (base, revision) = match name.split_once('@') {
        Some((base, revision)) => (base, Some(revision)),
        None => (name, None),
    };
    let repository = NAMED_MODELS
        .iter()
        .find(|(known, _)| *known == base)
        .map_or(base, |(_, repository)| *repository);
    let plain = |part: &str, more: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '-'])
            && !part.contains("..")
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c) || more.contains(c))
    };
    let (owner, rest) = repository.split_once('/')?;
    let sound =
        plain(owner, "") && plain(rest, "") && revision.is_none_or(|named| plain(named, "/"));
    sound.then_some(HubName {
        repository,
        revision,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_hub_are_told_from_paths() {
        let parsed = |name| hub_name(name).map(|found| (found.repository, found.revision));
        assert_eq!(
            parsed("e5-base-v2"),
            Some(("intfloat/e5-base-v2", None)),
            "a short name"
        );
        assert_eq!(
            parsed("ms-marco-minilm@refs/pr/1"),
            Some(("cross-encoder/ms-marco-MiniLM-L6-v2", Some("refs/pr/1")))
        );
        assert_eq!(parsed("a/b.c@v1"), Some(("a/b.c", Some("v1"))));
        for path in [
            "runs", "./a/b", "/a/b", "a/b/c", "../b", "a/..", "a/", "/b", "a/b@", "a/b@../c",
            "a b/c", "a/b@/c@d", "",
        ] {
            assert_eq!(parsed(path), None, "{path}");
        }
    }

    #[test]
    fn folders_and_the_cache_come_before_the_hub() {
        let place = tempfile::tempdir().unwrap();
        let sources = ModelSources::from_variables(|name| match name {
            "JOBMATCH_CACHE" | "HF_HOME" => Some(place.path().into()),
            "JOBMATCH_OFFLINE" => Some("1".into()),
            _ => None,
        });
        for name in ["minilm", "e5-base-v2", "someone/something"] {
            assert!(sources.resolve(name).is_err());
            let folder = place.path().join("models").join(name);
            std::fs::create_dir_all(&folder).unwrap();
            assert_eq!(sources.resolve(name).unwrap(), folder);
        }
        let message = sources.resolve("someone/something@v2").unwrap_err();
        assert!(
            message.to_string().contains("someone/something@v2"),
            "{message}"
        );
        let stage = place.path().join("stage");
        std::fs::create_dir_all(stage.join("model")).unwrap();
        std::fs::write(stage.join("model/config.json"), "{}").unwrap();
        let found = sources.resolve(&stage.display().to_string()).unwrap();
        assert_eq!(found, stage.join("model"));
    }
}
