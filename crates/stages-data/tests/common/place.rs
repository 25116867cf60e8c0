//! Runs programs as a user would, each test in its own folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::PROGRAMS;

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; none after a signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Fails unless the program succeeded.
    #[track_caller]
    pub fn success(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }
}

/// A folder of its own, in which programs run.
pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The names in the folder, sorted, without lock files: those only say who works.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.ends_with(".lock"))
            .collect();
        names.sort();
        names
    }

    pub fn command(&self, program: &str) -> Command {
        let (_, path) = PROGRAMS.iter().find(|(name, _)| *name == program).unwrap();
        let mut command = Command::new(path);
        command
            .current_dir(self.0.path())
            .env_remove("JOBMATCH_LOG")
            .stdin(Stdio::null());
        command
    }

    /// Runs a program with these arguments (split at spaces) in the folder.
    pub fn run(&self, program: &str, arguments: &str) -> Ended {
        self.run_with(program, arguments, b"")
    }

    /// The same, with this on standard input.
    pub fn run_with(&self, program: &str, arguments: &str, input: &[u8]) -> Ended {
        use std::io::Write as _;
        let mut child = self
            .command(program)
            .args(arguments.split_whitespace())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let output = std::thread::scope(|scope| {
            // A program that ended with an error reads no further.
            scope.spawn(move || stdin.write_all(input).ok());
            child.wait_with_output().unwrap()
        });
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs with `--quiet`; the program must fail with exactly this message, print nothing, and
    /// leave the folder as it was.
    #[track_caller]
    pub fn refuses(&self, program: &str, arguments: &str, message: &str) {
        let before = self.names();
        let ended = self.run(program, &format!("{arguments} --quiet"));
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert_eq!(ended.stderr.trim_end(), format!("{program}: {message}"));
        assert_eq!(ended.stdout, "");
        assert_eq!(self.names(), before, "something was left behind");
    }
}

/// The data set that was written for this project.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/data")
        .join(name)
        .canonicalize()
        .unwrap()
}

/// A folder with the files of that data set, copied so that a test may spoil them.
pub fn place_with_data() -> Place {
    let place = Place::new();
    for name in [
        "jobs.csv",
        "definitions.tsv",
        "labels.csv",
        "golden_labels.csv",
    ] {
        fs::copy(fixture(name), place.path(name)).unwrap();
    }
    place
}
