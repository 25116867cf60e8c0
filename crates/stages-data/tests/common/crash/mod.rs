//! Runs `jobmatch-dataset` while something goes wrong at a chosen file operation: it is killed, or its disk is full.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use jobmatch_artifact::Artifact;

use super::common::{Ended, Place, place_with_data};

pub const PROGRAM: &str = "jobmatch-dataset";
const ARGUMENTS: &str = "--jobs jobs.csv --definitions definitions.tsv --labels labels.csv golden_labels.csv \
                         --output out --quiet";

/// What goes wrong, at which of the file operations in the place, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disturbance {
    Nothing,
    /// The process is killed before the operation.
    Kill(u64),
    /// The process is killed when half of a write has arrived.
    Tear(u64),
    /// From here on every write fails for want of space.
    Full(u64),
    /// The same, and half of the first one arrives.
    ShortThenFull(u64),
}

/// How many file operations a run took.
#[derive(Debug, Clone, Copy)]
pub struct Operations {
    pub all: u64,
    /// The number of the last one that was a write.
    pub last_write: u64,
    /// The number of the last one that was a rename: the output appears.
    pub last_rename: u64,
}

/// A process among several, and on how many threads it works.
#[derive(Debug, Clone, Copy)]
pub struct Process {
    pub rank: u32,
    pub world_size: u32,
    pub threads: u32,
}

impl Process {
    /// The only one. One thread gives each operation the same number in every run.
    pub fn alone(threads: u32) -> Self {
        Self {
            rank: 0,
            world_size: 1,
            threads,
        }
    }

    pub fn start(self, place: &Place, disturbance: Disturbance) -> Running {
        let mut command = place.command(PROGRAM);
        command.args(ARGUMENTS.split_whitespace());
        if has_threads(place) {
            command.args(["--threads", &self.threads.to_string()]);
        } else {
            command.env("RAYON_NUM_THREADS", self.threads.to_string());
        }
        command.env_remove("RANK").env_remove("WORLD_SIZE");
        if self.world_size > 1 {
            command.env("RANK", self.rank.to_string());
            command.env("WORLD_SIZE", self.world_size.to_string());
        }
        let (name, at) = match disturbance {
            Disturbance::Nothing => ("", 0),
            Disturbance::Kill(at) | Disturbance::Tear(at) => ("JOBMATCH_TEST_KILL_AT", at),
            Disturbance::Full(at) | Disturbance::ShortThenFull(at) => ("JOBMATCH_TEST_FULL_AT", at),
        };
        if at > 0 {
            command.env(name, at.to_string());
        }
        if let Disturbance::Tear(_) | Disturbance::ShortThenFull(_) = disturbance {
            command.env("JOBMATCH_TEST_TEAR", "1");
        }
        let child = command
            .env("LD_PRELOAD", shim())
            .env("JOBMATCH_TEST_FOLDER", folder(place))
            .env("JOBMATCH_TEST_COUNT", self.count_file(place))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Running(Some(child))
    }

    pub fn run(self, place: &Place, disturbance: Disturbance) -> Ended {
        self.start(place, disturbance).end()
    }

    /// What its last run took that came to its end.
    pub fn operations(self, place: &Place) -> Operations {
        let text = fs::read_to_string(self.count_file(place)).unwrap();
        let numbers: Vec<u64> = text
            .split_whitespace()
            .map(|number| number.parse().unwrap())
            .collect();
        Operations {
            all: numbers[0],
            last_write: numbers[1],
            last_rename: numbers[2],
        }
    }

    /// Beside the place: what is written there must not be counted.
    fn count_file(self, place: &Place) -> PathBuf {
        let mut name = folder(place).into_os_string();
        name.push(format!(".count-{}", self.rank));
        name.into()
    }
}

/// A process at work. It does not outlive the test: one of several would wait for the others.
pub struct Running(Option<Child>);

impl Running {
    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        let output = self.0.take().unwrap().wait_with_output().unwrap();
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Ends it here and now.
    pub fn kill(mut self) {
        self.0.as_mut().unwrap().kill().unwrap();
        self.end();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// A folder with data, and the files that count its operations.
pub struct Disturbed(pub Place);

impl Disturbed {
    pub fn new() -> Self {
        Self(place_with_data())
    }

    /// Each file of the output with its hash, but for the telemetry, which tells of clocks.
    #[track_caller]
    pub fn map(&self) -> BTreeMap<String, String> {
        let out = self.0.path("out");
        let mut found = BTreeMap::new();
        collect(&out, &out, &mut found);
        assert!(found.contains_key("manifest.json"), "{found:?}");
        found
    }

    /// Fails unless the output is not there at all, or whole.
    #[track_caller]
    pub fn is_absent_or_whole(&self) {
        let out = self.0.path("out");
        if out.exists() {
            Artifact::open(&out).unwrap();
        }
    }

    /// Runs to the end, after which the output must be as it would be without a disturbance, and nothing else be left.
    #[track_caller]
    pub fn ends_with(&self, process: Process, expected: &BTreeMap<String, String>) {
        self.is_absent_or_whole();
        process.run(&self.0, Disturbance::Nothing).success();
        self.holds(expected);
    }

    #[track_caller]
    pub fn holds(&self, expected: &BTreeMap<String, String>) {
        assert_eq!(&self.map(), expected);
        assert!(!self.0.path(".out.work").exists());
    }
}

impl Drop for Disturbed {
    fn drop(&mut self) {
        for rank in 0..16 {
            let process = Process {
                rank,
                ..Process::alone(1)
            };
            fs::remove_file(process.count_file(&self.0)).ok();
        }
    }
}

fn collect(top: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            collect(top, &path, found);
        } else if name != "telemetry.jsonl" {
            let hash = blake3::hash(&fs::read(&path).unwrap());
            found.insert(name, hash.to_string());
        }
    }
}

/// The place as the kernel names it.
fn folder(place: &Place) -> PathBuf {
    place.path("").canonicalize().unwrap()
}

/// Whether the program takes its number of threads as an argument.
fn has_threads(place: &Place) -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    *HAS.get_or_init(|| place.run(PROGRAM, "--help").stdout.contains("--threads"))
}

/// The library that counts and disturbs, compiled once.
fn shim() -> &'static Path {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/crash/shim.c");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let library = folder.join("crash-shim.so");
        // Several tests compile it at a time, each in a process of its own.
        let new = folder.join(format!("crash-shim-{}.so", std::process::id()));
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let compiled = Command::new(compiler)
            .args(["-std=gnu11", "-Wall", "-Werror", "-O1", "-shared", "-fPIC"])
            .arg(&source)
            .arg("-o")
            .arg(&new)
            .arg("-ldl")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&compiled.stderr);
        assert!(compiled.status.success(), "{said}");
        fs::rename(&new, &library).unwrap();
        library
    })
}
