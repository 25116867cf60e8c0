//! Models by name from a server that answers as the Hugging Face hub does, on this machine.
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use jobmatch_encoder::{
    Device, Error, InferenceConfig, ModelFolder, ModelSources, SentenceEncoder,
};
use sha2::{Digest, Sha256};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const MODEL: &str = "someone/tiny";

fn tiny_bert() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/models/tiny-bert")
}

/// The files of one model, by their paths in it.
type Files = BTreeMap<String, Vec<u8>>;

fn files_of(folder: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                files.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    files
}

/// What the server does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The connection ends in the middle of the weights.
    BreaksOff,
    /// The weights come whole, with one byte changed.
    WrongByte,
    /// A redirect to nowhere.
    OddAnswer,
}

struct Server {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
    fault: Arc<Mutex<Fault>>,
    token: Arc<Mutex<Option<String>>>,
    stop: Arc<AtomicBool>,
}

impl Server {
    fn start(files: Files) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap().to_string(),
            asked: Arc::default(),
            fault: Arc::new(Mutex::new(Fault::None)),
            token: Arc::default(),
            stop: Arc::default(),
        };
        let (asked, fault, token, stop) = (
            Arc::clone(&server.asked),
            Arc::clone(&server.fault),
            Arc::clone(&server.token),
            Arc::clone(&server.stop),
        );
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let fault = *fault.lock().unwrap();
                // A client that goes away in the middle is no failure of the server.
                let _ = answer(&stream.unwrap(), &files, fault, &asked, &token);
            }
        });
        server
    }

    fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    /// Requests so far; forgets them.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(&self.address);
    }
}

fn answer(
    mut stream: &TcpStream,
    files: &Files,
    fault: Fault,
    asked: &Mutex<Vec<String>>,
    token: &Mutex<Option<String>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().unwrap()?;
    let path = request.split(' ').nth(1).unwrap().to_owned();
    let mut first = 0;
    let mut last = None;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap();
        match name.to_lowercase().as_str() {
            "range" => {
                let range = value.trim().strip_prefix("bytes=").unwrap();
                let (from, to) = range.split_once('-').unwrap();
                first = from.parse().unwrap();
                last = to.parse::<usize>().ok();
            }
            "authorization" => *token.lock().unwrap() = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    asked.lock().unwrap().push(path.clone());
    let none = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let parts = path
        .strip_prefix(&format!("/{MODEL}/resolve/"))
        .and_then(|rest| rest.split_once('/'));
    let Some((revision, file)) = parts else {
        return stream.write_all(none.as_bytes());
    };
    let Some(bytes) = files
        .get(file)
        .filter(|_| ["main", "v1", COMMIT].contains(&revision))
    else {
        return stream.write_all(none.as_bytes());
    };
    if fault == Fault::OddAnswer {
        let odd = format!(
            "HTTP/1.1 300 Odd\r\nETag: \"x\"\r\nX-Repo-Commit: {COMMIT}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        return stream.write_all(odd.as_bytes());
    }
    let hash = Sha256::digest(bytes);
    let etag: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut body =
        bytes[first.min(bytes.len())..last.map_or(bytes.len(), |last| last + 1)].to_vec();
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\nETag: \"{etag}\"\r\nX-Repo-Commit: {COMMIT}\r\nContent-Length: {}\r\n\
         Content-Range: bytes {first}-{}/{}\r\nConnection: close\r\n\r\n",
        body.len(),
        first + body.len() - 1,
        bytes.len()
    );
    stream.write_all(head.as_bytes())?;
    if file == "model.safetensors" && body.len() > 1 {
        match fault {
            Fault::BreaksOff => body.truncate(body.len() / 2),
            Fault::WrongByte => *body.last_mut().unwrap() ^= 1,
            _ => {}
        }
    }
    stream.write_all(&body)
}

/// Sources with a cache in `cache` and the hub at `address`, and with the variables in `more`.
fn sources(cache: &Path, address: &str, more: &[(&str, &str)]) -> ModelSources {
    ModelSources::from_variables(|name| {
        let more = more.iter().find(|(found, _)| *found == name);
        match name {
            "HF_HOME" => Some(cache.into()),
            "JOBMATCH_CACHE" => Some(cache.join("jobmatch").into()),
            "HF_ENDPOINT" => Some(format!("http://{address}").into()),
            _ => more.map(|(_, value)| value.into()),
        }
    })
}

fn embedding(folder: ModelFolder) -> Vec<f32> {
    let encoder = SentenceEncoder::from_folder(folder, Device::Cpu).unwrap();
    let embedder = encoder.embedder(InferenceConfig::default()).unwrap();
    embedder
        .embed("", &["Plan budgets."], &mut |_| {})
        .unwrap()
        .0
}

fn assert_says(error: &Error, parts: &[&str]) {
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

#[test]
fn a_model_is_fetched_once_and_then_needs_no_server() {
    let server = Server::start(files_of(&tiny_bert()));
    let place = tempfile::tempdir().unwrap();
    let online = sources(place.path(), &server.address, &[("HF_TOKEN", "secret")]);
    let folder = ModelFolder::open_from(&online, MODEL).unwrap();
    assert!(folder.dir().ends_with(format!("snapshots/{COMMIT}")));
    assert_eq!(
        server.token.lock().unwrap().as_deref(),
        Some("Bearer secret")
    );
    let asked = server.asked();
    let weights = format!("/{MODEL}/resolve/{COMMIT}/model.safetensors");
    assert_eq!(asked.last(), Some(&weights), "the weights come last");
    assert!(
        asked
            .iter()
            .any(|path| path.ends_with("1_Pooling/config.json"))
    );
    let local = ModelFolder::open(&tiny_bert().display().to_string()).unwrap();
    assert_eq!(folder.fingerprint().unwrap(), local.fingerprint().unwrap());
    assert_eq!(embedding(folder), embedding(local));

    ModelFolder::open_from(&online, MODEL).unwrap();
    assert_eq!(
        server.asked(),
        [""; 0],
        "what is whole is not asked for again"
    );
    let address = server.address.clone();
    drop(server);
    for switch in ["JOBMATCH_OFFLINE", "HF_HUB_OFFLINE"] {
        let offline = sources(place.path(), &address, &[(switch, "1")]);
        ModelFolder::open_from(&offline, MODEL).unwrap();
        ModelFolder::open_from(&offline, &format!("{MODEL}@{COMMIT}")).unwrap();
        // Nothing was fetched under this name.
        assert!(ModelFolder::open_from(&offline, &format!("{MODEL}@v1")).is_err());
    }
}

#[test]
fn a_revision_is_asked_for_by_its_name() {
    let server = Server::start(files_of(&tiny_bert()));
    let place = tempfile::tempdir().unwrap();
    let online = sources(place.path(), &server.address, &[]);
    ModelFolder::open_from(&online, &format!("{MODEL}@v1")).unwrap();
    assert_eq!(
        server.asked()[0],
        format!("/{MODEL}/resolve/v1/config.json")
    );
    let error = ModelFolder::open_from(&online, &format!("{MODEL}@v2")).unwrap_err();
    assert_says(
        &error,
        &[
            "someone/tiny@v2",
            "/resolve/v2/config.json",
            "404",
            "hf download someone/tiny --revision v2",
        ],
    );
}

#[test]
fn without_a_cache_or_a_server_the_model_and_the_address_are_named() {
    let place = tempfile::tempdir().unwrap();
    for switch in ["JOBMATCH_OFFLINE", "HF_HUB_OFFLINE"] {
        let offline = sources(place.path(), "127.0.0.1:9", &[(switch, "1")]);
        let error = ModelFolder::open_from(&offline, "e5-base-v2").unwrap_err();
        let folder = place.path().join("hub/models--intfloat--e5-base-v2");
        assert_says(
            &error,
            &[
                "intfloat/e5-base-v2",
                switch,
                &folder.display().to_string(),
                "hf download",
            ],
        );
    }
    // A port that was free a moment ago: nobody answers.
    let dead = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let online = sources(place.path(), &dead.to_string(), &[]);
    let error = ModelFolder::open_from(&online, "ms-marco-minilm").unwrap_err();
    assert_says(
        &error,
        &[
            "cross-encoder/ms-marco-MiniLM-L6-v2",
            &format!("http://{dead}/cross-encoder/ms-marco-MiniLM-L6-v2/resolve/main/config.json"),
            "give that folder",
        ],
    );
}

#[test]
fn what_breaks_off_does_not_count_as_whole_and_is_gone_on_with() {
    let server = Server::start(files_of(&tiny_bert()));
    let place = tempfile::tempdir().unwrap();
    let online = sources(place.path(), &server.address, &[]);
    let offline = sources(place.path(), &server.address, &[("JOBMATCH_OFFLINE", "1")]);
    for fault in [
        Fault::BreaksOff,
        Fault::WrongByte,
        Fault::OddAnswer,
        Fault::BreaksOff,
    ] {
        server.set(fault);
        let error = ModelFolder::open_from(&online, MODEL).unwrap_err();
        assert_says(&error, &[MODEL, &server.address]);
        let error = ModelFolder::open_from(&offline, MODEL).unwrap_err();
        assert!(
            matches!(error, Error::NotCached { .. }),
            "{fault:?}: {error}"
        );
    }
    server.set(Fault::None);
    server.asked();
    let folder = ModelFolder::open_from(&online, MODEL).unwrap();
    let local = ModelFolder::open(&tiny_bert().display().to_string()).unwrap();
    assert_eq!(folder.fingerprint().unwrap(), local.fingerprint().unwrap());
    let small = |path: &String| path.ends_with("tokenizer.json");
    assert!(
        !server.asked().iter().any(small),
        "what came is not fetched again"
    );
    ModelFolder::open_from(&offline, MODEL).unwrap();
}

#[test]
fn settings_that_another_program_did_not_fetch_are_fetched() {
    let server = Server::start(files_of(&tiny_bert()));
    let place = tempfile::tempdir().unwrap();
    // A cache as transformers fills it: no modules.json, and no word on whether there is one.
    let model = place.path().join("hub/models--someone--tiny");
    let snapshot = model.join("snapshots").join(COMMIT);
    std::fs::create_dir_all(&snapshot).unwrap();
    std::fs::create_dir_all(model.join("refs")).unwrap();
    std::fs::write(model.join("refs/main"), COMMIT).unwrap();
    for file in [
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "model.safetensors",
    ] {
        std::fs::copy(tiny_bert().join(file), snapshot.join(file)).unwrap();
    }
    let offline = sources(place.path(), &server.address, &[("JOBMATCH_OFFLINE", "1")]);
    ModelFolder::open_from(&offline, MODEL).unwrap();
    assert_eq!(server.asked(), [""; 0]);
    let online = sources(place.path(), &server.address, &[]);
    ModelFolder::open_from(&online, MODEL).unwrap();
    assert!(snapshot.join("1_Pooling/config.json").is_file());
    assert!(
        !server
            .asked()
            .iter()
            .any(|path| path.ends_with("model.safetensors"))
    );
}

#[test]
fn a_model_of_pickles_is_refused_with_the_way_to_convert_it() {
    let mut files = files_of(&tiny_bert());
    let weights = files.remove("model.safetensors").unwrap();
    files.insert("pytorch_model.bin".to_owned(), weights);
    let server = Server::start(files);
    let place = tempfile::tempdir().unwrap();
    let online = sources(place.path(), &server.address, &[]);
    let error = ModelFolder::open_from(&online, MODEL).unwrap_err();
    assert_says(
        &error,
        &["model.safetensors", "safe_serialization=True", MODEL],
    );
    let fetched = server.asked();
    let pickles = fetched.iter().filter(|path| path.ends_with(".bin")).count();
    assert_eq!(pickles, 1, "asked whether it is there, not fetched");
}

#[test]
fn processes_that_start_together_fetch_once() {
    let server = Server::start(files_of(&tiny_bert()));
    let alone = tempfile::tempdir().unwrap();
    ModelFolder::open_from(&sources(alone.path(), &server.address, &[]), MODEL).unwrap();
    let expected = server.asked();
    let place = tempfile::tempdir().unwrap();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let online = sources(place.path(), &server.address, &[]);
            std::thread::spawn(move || ModelFolder::open_from(&online, MODEL).map(|_| ()))
        })
        .collect();
    for thread in threads {
        thread.join().unwrap().unwrap();
    }
    assert_eq!(server.asked(), expected);
}
