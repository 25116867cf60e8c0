//! Several processes for one test: the test starts its own program again, once for each rank.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use jobmatch_torch_ext::{Rendezvous, World};
use tch::Device;

/// Names the folder where the ranks of a test may leave files; set in a rank alone.
const FOLDER: &str = "RANKS_FOLDER";

/// How one rank ended.
#[derive(Debug)]
pub struct Ended {
    pub success: bool,
    pub text: String,
}

/// The rank that this process is, or `None` in the test itself.
pub fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// A world of CPU ranks with a short patience, from the environment.
pub fn world(patience: Duration) -> World {
    let mut rendezvous = Rendezvous::from_env().unwrap().unwrap();
    rendezvous.timeout = patience;
    World::connect(&rendezvous, Device::Cpu).unwrap()
}

/// A port that nobody listens at.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Starts rank `rank` of `size` of the test called `test` of this program.
pub fn start(test: &str, rank: u32, size: u32, port: u16, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env("RANK", rank.to_string())
        .env("WORLD_SIZE", size.to_string())
        .env("MASTER_ADDR", "127.0.0.1")
        .env("MASTER_PORT", port.to_string())
        .env("OMP_NUM_THREADS", "1")
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

pub fn end(child: Child) -> Ended {
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().unwrap();
    Ended {
        success: status.success(),
        text: format!(
            "{}{}",
            String::from_utf8_lossy(&stdout),
            String::from_utf8_lossy(&stderr)
        ),
    }
}

/// Runs `body` in `size` processes, each a rank; the test fails when one of them does. `test` is the test's own name.
pub fn on_ranks(test: &str, size: u32, body: impl FnOnce(&World)) {
    if folder().is_some() {
        return body(&world(Duration::from_secs(30)));
    }
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let children: Vec<Child> = (0..size)
        .map(|rank| start(test, rank, size, port, folder.path()))
        .collect();
    let ended: Vec<Ended> = children.into_iter().map(end).collect();
    for (rank, ended) in ended.iter().enumerate() {
        assert!(ended.success, "rank {rank} failed:\n{}", ended.text);
    }
}

/// Runs `body` in a process of its own, since libtorch's random numbers are one for all tests of a process.
pub fn by_itself(test: &str, body: impl FnOnce()) {
    if folder().is_some() {
        return body();
    }
    let folder = tempfile::tempdir().unwrap();
    let ended = end(start(test, 0, 1, 1, folder.path()));
    assert!(ended.success, "{}", ended.text);
}
