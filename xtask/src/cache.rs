//! The per-user folder that holds what setup fetched, shared by all clones of the repository.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// The cache folder and the places in it.
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// The cache that the environment names.
    pub fn from_env() -> Result<Self> {
        let root = folder(|name| env::var_os(name))?;
        // A relative JOBMATCH_CACHE counts from the folder where the command was typed.
        Ok(Self::at(&std::path::absolute(root)?))
    }

    /// The cache in the folder `root`.
    pub fn at(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
        }
    }

    /// The cache folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where whole, verified downloads lie until they are unpacked, and where one may put them by hand.
    pub fn downloads(&self) -> PathBuf {
        self.root.join("downloads")
    }

    /// The MiniLM model folder, as Hugging Face lays it out.
    pub fn minilm(&self) -> PathBuf {
        self.root.join("models/minilm")
    }

    /// The O*NET source files.
    pub fn onet(&self) -> PathBuf {
        self.root.join("onet")
    }
}

/// `JOBMATCH_CACHE`, else `XDG_CACHE_HOME/jobmatch`, else `HOME/.cache/jobmatch`; an empty variable is an unset one.
fn folder(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
    let set = |name: &str| {
        variable(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(folder) = set("JOBMATCH_CACHE") {
        return Ok(folder);
    }
    // The XDG specification asks to ignore relative paths.
    if let Some(folder) = set("XDG_CACHE_HOME").filter(|folder| folder.is_absolute()) {
        return Ok(folder.join("jobmatch"));
    }
    match set("HOME") {
        Some(home) => Ok(home.join(".cache/jobmatch")),
        None => bail!(
            "there is no folder for downloads: neither JOBMATCH_CACHE, XDG_CACHE_HOME nor HOME is set; \
             set JOBMATCH_CACHE to a folder with 2 GB of room"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_names_the_folder() {
        type Variables = [(&'static str, &'static str)];
        let cases: [(&Variables, Option<&str>); 7] = [
            (
                &[
                    ("JOBMATCH_CACHE", "/a"),
                    ("XDG_CACHE_HOME", "/b"),
                    ("HOME", "/c"),
                ],
                Some("/a"),
            ),
            (&[("JOBMATCH_CACHE", "relative")], Some("relative")),
            (
                &[("XDG_CACHE_HOME", "/b"), ("HOME", "/c")],
                Some("/b/jobmatch"),
            ),
            (
                &[("JOBMATCH_CACHE", ""), ("HOME", "/c")],
                Some("/c/.cache/jobmatch"),
            ),
            (
                &[("XDG_CACHE_HOME", "b"), ("HOME", "/c")],
                Some("/c/.cache/jobmatch"),
            ),
            (&[("HOME", "")], None),
            (&[], None),
        ];
        for (variables, expected) in cases {
            let found = folder(|name| {
                let (_, value) = variables.iter().find(|(key, _)| *key == name)?;
                Some((*value).into())
            });
            assert_eq!(found.ok(), expected.map(PathBuf::from), "{variables:?}");
        }
    }
}
