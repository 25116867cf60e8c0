//! Models of the Hugging Face hub: fetched once into the hub's own cache, whose layout other programs share.
//!
//! A snapshot counts as whole when each file that a model may have is there or is known not to exist (an empty file
//! under `.no_exist/`, as the Python library marks it). The weights are fetched last and the branch's name is written
//! after them, so a fetch that broke off leaves nothing that passes for a model.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use hf_hub::api::sync::{Api, ApiBuilder, ApiError};
use hf_hub::{Cache, Repo, RepoType};
use sha2::{Digest, Sha256};

use crate::folder::{
    CONFIG, MODULES, PICKLE, PICKLE_HINT, PROMPTS, SENTENCE_CONFIGS, TOKENIZER, TOKENIZER_FILES,
    VOCABULARY, WEIGHTS,
};
use crate::{Error, Result};

const ENDPOINT: &str = "https://huggingface.co";
/// The branch that is meant where no revision is named.
const BRANCH: &str = "main";
/// Switches that forbid the network.
const OFFLINE: [&str; 2] = ["JOBMATCH_OFFLINE", "HF_HUB_OFFLINE"];

/// How the hub is reached, and where what it sent is kept.
#[derive(Debug, Clone)]
pub struct Hub {
    endpoint: String,
    cache: Option<PathBuf>,
    token: Option<String>,
    offline: Option<&'static str>,
}

/// One model at one revision, in the cache.
struct Place {
    /// `owner/name` or `owner/name@revision`, for messages.
    label: String,
    repository: String,
    revision: String,
    cache: Cache,
}

impl Hub {
    /// What the variables that `read` gives say: `HF_ENDPOINT`, `HF_TOKEN`, the cache (`HF_HUB_CACHE`, else `hub/` in
    /// `HF_HOME`, else in the XDG cache folder), and the switches `JOBMATCH_OFFLINE` and `HF_HUB_OFFLINE`, which
    /// forbid the network when they are 1, true, yes or on.
    pub fn from_variables(read: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| read(name).filter(|value| !value.is_empty());
        let text = |name: &str| set(name).and_then(|value| value.into_string().ok());
        let folder = |name: &str| set(name).map(PathBuf::from);
        let switched_on = |name: &&'static str| {
            text(name).is_some_and(|value| {
                ["1", "true", "yes", "on"].contains(&value.to_lowercase().as_str())
            })
        };
        let home = folder("HF_HOME")
            .or_else(|| folder("XDG_CACHE_HOME").map(|cache| cache.join("huggingface")))
            .or_else(|| folder("HOME").map(|home| home.join(".cache").join("huggingface")));
        let endpoint = text("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            cache: folder("HF_HUB_CACHE").or_else(|| home.map(|home| home.join("hub"))),
            token: text("HF_TOKEN"),
            offline: OFFLINE.iter().find(|name| switched_on(name)).copied(),
        }
    }

    /// The folder of the model `repository` (`owner/name`) at `revision` (a branch, tag or commit; `main` if none).
    ///
    /// What is whole in the cache is used without asking the hub whether it is the newest: name a commit to be sure
    /// of one, or delete the model's folder in the cache to have it fetched again.
    ///
    /// # Errors
    /// When it is not in the cache and cannot be fetched: with the model, the address tried, and what to do.
    pub fn folder(&self, repository: &str, revision: Option<&str>) -> Result<PathBuf> {
        let label = match revision {
            Some(revision) => format!("{repository}@{revision}"),
            None => repository.to_owned(),
        };
        let Some(cache) = self.cache.clone() else {
            return Err(Error::UnknownModel {
                name: label,
                hint: "set HF_HOME or HOME to say where models of the hub are kept".to_owned(),
            });
        };
        let place = Place {
            label,
            repository: repository.to_owned(),
            revision: revision.unwrap_or(BRANCH).to_owned(),
            cache: Cache::new(cache),
        };
        let cached = place.commit();
        if let Some(commit) = cached.as_deref().filter(|commit| place.is_whole(commit)) {
            return Ok(place.snapshot(commit));
        }
        // Another program's cache may lack files that it had no use for.
        let usable = cached
            .filter(|commit| place.is_usable(commit))
            .map(|commit| place.snapshot(&commit));
        if let Some(switch) = self.offline {
            return usable.ok_or_else(|| Error::NotCached {
                model: place.label.clone(),
                folder: place.folder(),
                switch,
                command: place.command(),
            });
        }
        match self.fetch(&place) {
            Err(error @ Error::Hub { .. }) => match usable {
                Some(folder) => {
                    tracing::warn!(
                        "{error}; going on with the files in {}, which may lack settings",
                        folder.display()
                    );
                    Ok(folder)
                }
                None => Err(error),
            },
            done => done,
        }
    }

    fn fetch(&self, place: &Place) -> Result<PathBuf> {
        let _lock = place.lock()?;
        // Another process may have fetched it while this one waited.
        let known = place.commit();
        if let Some(commit) = known.as_deref().filter(|commit| place.is_whole(commit)) {
            return Ok(place.snapshot(commit));
        }
        let mut builder = ApiBuilder::from_cache(place.cache.clone())
            .with_endpoint(self.endpoint.clone())
            .with_progress(false);
        if self.token.is_some() {
            builder = builder.with_token(self.token.clone());
        }
        let failed = |url: &str, error: &ApiError| self.failure(place, url, error);
        let api = builder
            .build()
            .map_err(|error| failed(&self.endpoint, &error))?;
        let named = place.repo(&place.revision);
        let url = api.repo(named.clone()).url(CONFIG);
        let commit = match known {
            Some(commit) => commit,
            None => guarded(|| api.metadata(&url))
                .map_err(|error| failed(&url, &error))?
                .commit_hash()
                .to_owned(),
        };
        if !is_commit(&commit) {
            return Err(self.refused(
                place,
                &url,
                format!("it names the commit `{commit}`, which is no commit"),
            ));
        }
        tracing::info!(
            "fetching {} at {commit} from {}",
            place.label,
            self.endpoint
        );
        let fetch = Fetch {
            hub: self,
            place,
            api: &api,
            commit: &commit,
        };
        fetch.files()?;
        let written = place.cache.repo(named).create_ref(&commit);
        written.map_err(Error::io("write", &place.folder()))?;
        Ok(place.snapshot(&commit))
    }

    fn refused(&self, place: &Place, url: &str, reason: String) -> Error {
        Error::Hub {
            model: place.label.clone(),
            url: url.to_owned(),
            reason,
            command: place.command(),
        }
    }

    fn failure(&self, place: &Place, url: &str, error: &ApiError) -> Error {
        let reason = match status(error) {
            Some(status @ (401 | 403)) => format!(
                "HTTP status {status}: there is no such model, or it is not public and HF_TOKEN must hold a token that \
                 may read it"
            ),
            Some(404) => "HTTP status 404: there is no such model, revision or file".to_owned(),
            _ => error.to_string(),
        };
        self.refused(place, url, reason)
    }
}

/// The files of one commit on their way into the cache.
struct Fetch<'f> {
    hub: &'f Hub,
    place: &'f Place,
    api: &'f Api,
    commit: &'f str,
}

impl Fetch<'_> {
    fn files(&self) -> Result<()> {
        for file in [CONFIG, MODULES, PROMPTS].iter().chain(&TOKENIZER_FILES) {
            self.optional(file)?;
        }
        // Which settings there are becomes clear as they come.
        while let Some(file) = self.place.unknown_setting(self.commit) {
            self.optional(&file)?;
        }
        if !self.optional(WEIGHTS)? {
            let url = self.url(PICKLE);
            let pickled = guarded(|| self.api.metadata(&url)).is_ok();
            return Err(Error::MissingFile {
                folder: PathBuf::from(url.trim_end_matches(PICKLE)),
                file: WEIGHTS.to_owned(),
                hint: if pickled {
                    PICKLE_HINT.to_owned()
                } else {
                    "the model is kept in a form that is not supported; save it as one safetensors file".to_owned()
                },
            });
        }
        Ok(())
    }

    fn url(&self, file: &str) -> String {
        self.api.repo(self.place.repo(self.commit)).url(file)
    }

    /// Fetches `file` unless it is there; `false` where the model has no such file, which is then remembered.
    fn optional(&self, file: &str) -> Result<bool> {
        if self.place.is_known(self.commit, file) {
            return Ok(self.place.snapshot(self.commit).join(file).is_file());
        }
        let url = self.url(file);
        let failed = |error: &ApiError| self.hub.failure(self.place, &url, error);
        let metadata = match guarded(|| self.api.metadata(&url)) {
            Ok(metadata) => metadata,
            Err(error) if status(&error) == Some(404) && file != CONFIG => {
                let mark = self.place.absent(self.commit, file);
                let write = |mark: &Path| {
                    mark.parent().map_or(Ok(()), std::fs::create_dir_all)?;
                    std::fs::write(mark, "")
                };
                write(&mark).map_err(Error::io("write", &mark))?;
                return Ok(false);
            }
            Err(error) => return Err(failed(&error)),
        };
        let repo = self.place.repo(self.commit);
        let etag = metadata.etag();
        if !etag.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') || etag.is_empty() {
            let reason = format!("its ETag is `{etag}`, which cannot name a file");
            return Err(self.hub.refused(self.place, &url, reason));
        }
        let blob = self.place.cache.repo(repo.clone()).blob_path(etag);
        let size = metadata.size() as u64;
        // A part that is as long as the whole cannot be gone on with: it would ask for a range past the end.
        let part = blob.with_extension("part");
        if part.metadata().is_ok_and(|found| found.len() >= size) {
            std::fs::remove_file(&part).map_err(Error::io("remove", &part))?;
        }
        let fetched =
            guarded(|| self.api.repo(repo.clone()).download(file)).map_err(|e| failed(&e))?;
        if let Some(reason) = difference(&fetched, size, etag)? {
            for wrong in [&fetched, &blob] {
                std::fs::remove_file(wrong).map_err(Error::io("remove", wrong))?;
            }
            return Err(self.hub.refused(self.place, &url, reason));
        }
        Ok(true)
    }
}

impl Place {
    /// How the hub's own program fetches the model into a folder.
    fn command(&self) -> String {
        let revision = match self.revision.as_str() {
            BRANCH => String::new(),
            named => format!(" --revision {named}"),
        };
        format!(
            "hf download {}{revision} --local-dir FOLDER",
            self.repository
        )
    }

    fn repo(&self, revision: &str) -> Repo {
        Repo::with_revision(
            self.repository.clone(),
            RepoType::Model,
            revision.to_owned(),
        )
    }

    fn folder(&self) -> PathBuf {
        self.cache
            .path()
            .join(self.repo(&self.revision).folder_name())
    }

    /// The commit that the revision means, as far as the cache knows.
    fn commit(&self) -> Option<String> {
        let named = self.folder().join("refs").join(&self.revision);
        let commit = match std::fs::read_to_string(named) {
            Ok(text) => text.trim().to_owned(),
            Err(_) => self.revision.clone(),
        };
        is_commit(&commit).then_some(commit)
    }

    fn snapshot(&self, commit: &str) -> PathBuf {
        self.cache.repo(self.repo(commit)).pointer_path(commit)
    }

    fn absent(&self, commit: &str, file: &str) -> PathBuf {
        self.folder().join(".no_exist").join(commit).join(file)
    }

    /// Whether `file` is there or known not to exist.
    fn is_known(&self, commit: &str, file: &str) -> bool {
        self.snapshot(commit).join(file).is_file() || self.absent(commit, file).is_file()
    }

    fn is_whole(&self, commit: &str) -> bool {
        let fixed = [CONFIG, MODULES, PROMPTS];
        let files = fixed.iter().chain(&TOKENIZER_FILES);
        self.is_usable(commit)
            && files.into_iter().all(|file| self.is_known(commit, file))
            && self.unknown_setting(commit).is_none()
    }

    fn is_usable(&self, commit: &str) -> bool {
        let snapshot = self.snapshot(commit);
        let has = |file: &str| snapshot.join(file).is_file();
        has(CONFIG) && has(WEIGHTS) && (has(TOKENIZER) || has(VOCABULARY))
    }

    /// The first settings file of a module in `modules.json` of which it is not known whether it exists. What is
    /// wrong with `modules.json` itself is said when the folder is opened.
    fn unknown_setting(&self, commit: &str) -> Option<String> {
        let snapshot = self.snapshot(commit);
        let bytes = std::fs::read(snapshot.join(MODULES)).ok()?;
        let modules: Vec<serde_json::Value> = serde_json::from_slice(&bytes).ok()?;
        let inside = |path: &&str| {
            let mut parts = Path::new(path).components();
            !path.is_empty() && parts.all(|part| matches!(part, Component::Normal(_)))
        };
        let of_modules = modules
            .iter()
            .filter_map(|module| module.get("path")?.as_str())
            .filter(inside)
            .map(|path| format!("{path}/{CONFIG}"));
        // Of the names that the first module's settings have had, the first one found counts.
        let absent = SENTENCE_CONFIGS
            .iter()
            .take_while(|file| !snapshot.join(file).is_file());
        absent
            .map(|file| (*file).to_owned())
            .chain(of_modules)
            .find(|file| !self.is_known(commit, file))
    }

    /// Held while the model is fetched: processes that start together fetch it once.
    fn lock(&self) -> Result<std::fs::File> {
        let folder = self.folder();
        std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        let path = folder.join(".jobmatch.lock");
        let file = std::fs::File::create(&path).map_err(Error::io("create", &path))?;
        match file.lock() {
            // Some network file systems have no locks; then each process fetches for itself.
            Err(error) if error.kind() != std::io::ErrorKind::Unsupported => {
                Err(Error::io("lock", &path)(error))
            }
            _ => Ok(file),
        }
    }
}

fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.chars().all(|c| c.is_ascii_hexdigit())
}

fn status(error: &ApiError) -> Option<u16> {
    match error {
        ApiError::RequestError(error) => match **error {
            ureq::Error::StatusCode(status) => Some(status),
            _ => None,
        },
        _ => None,
    }
}

/// The library asserts some of what a server should say; a server that does not is an error like others.
fn guarded<T>(
    call: impl FnOnce() -> std::result::Result<T, ApiError>,
) -> std::result::Result<T, ApiError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).unwrap_or_else(|_| {
        let reason = "the server's answer is not one that the hub gives";
        Err(ApiError::IoError(std::io::Error::other(reason)))
    })
}

/// What tells the fetched file from the one that the hub announced, by length and (large files) SHA-256.
fn difference(path: &Path, size: u64, etag: &str) -> Result<Option<String>> {
    let found = path.metadata().map_err(Error::io("read", path))?.len();
    if found != size {
        return Ok(Some(format!("{found} of {size} bytes came")));
    }
    // Files kept in git itself have git's own hash as ETag.
    if etag.len() != 64 {
        return Ok(None);
    }
    let mut file = std::fs::File::open(path).map_err(Error::io("read", path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0u8; 1 << 20];
    loop {
        let read = file.read(&mut buffer).map_err(Error::io("read", path))?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
    }
    let hash: String = hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(
        (hash != etag)
            .then(|| "the bytes that came have another SHA-256 than announced".to_owned()),
    )
}
