//! Where the ranks meet, and how a rank finds out who is missing.

use std::env;
use std::time::{Duration, Instant};

use jobmatch_artifact::Shard;

use crate::store::Store;
use crate::{Error, Result};

/// How long a rank waits for another by default; torchrun's own processes wait as long.
const PATIENCE: Duration = Duration::from_secs(300);
/// Between two looks at who has come.
const LOOK: Duration = Duration::from_millis(50);
/// How long the rank that hosts the store stays after it gave up, so that the others can find out why as well.
const LINGER: Duration = Duration::from_secs(2);

/// Which process this is, and where it meets the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendezvous {
    /// This process's number, from 0.
    pub rank: u32,
    /// Processes in all.
    pub size: u32,
    /// This process's number on its machine, which says which GPU is its own.
    pub local_rank: u32,
    /// The store's host.
    pub host: String,
    /// The store's port.
    pub port: u16,
    /// Whether this process hosts the store; under torchrun its agent does.
    pub hosts_store: bool,
    /// Keeps the keys of one attempt apart from those of the one before, when the store outlives it.
    pub prefix: String,
    /// How long a rank waits for the others, here and in each collective.
    pub timeout: Duration,
}

/// The rank among the processes of this machine: `LOCAL_RANK`, or, where it is not set, `RANK`. For programs whose processes
/// divide the work without talking to each other.
///
/// # Errors
/// When a variable makes no sense.
pub fn local_rank() -> Result<usize> {
    let value = |name: &str| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    Ok(local_rank_of(Shard::from_env()?, &value)? as usize)
}

fn local_rank_of(shard: Shard, value: &impl Fn(&str) -> Option<String>) -> Result<u32> {
    match value("LOCAL_RANK") {
        Some(text) => number("LOCAL_RANK", &text),
        None => Ok(shard.rank()),
    }
}

impl Rendezvous {
    /// What the environment says: `RANK`, `WORLD_SIZE`, `LOCAL_RANK` (absent: the rank), `MASTER_ADDR`, `MASTER_PORT`,
    /// and torchrun's `TORCHELASTIC_USE_AGENT_STORE` and `TORCHELASTIC_RESTART_COUNT`. `None` without `RANK` and
    /// `WORLD_SIZE`, and in a world of one.
    ///
    /// # Errors
    /// When a variable that is needed is not set or makes no sense.
    pub fn from_env() -> Result<Option<Self>> {
        let shard = Shard::from_env()?;
        Self::from_values(shard, |name| {
            env::var_os(name).map(|value| value.to_string_lossy().into_owned())
        })
    }

    fn from_values(shard: Shard, value: impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        if shard.world_size() == 1 {
            return Ok(None);
        }
        let needed = |variable: &'static str| {
            value(variable).ok_or_else(|| Error::Environment {
                variable,
                problem: "is not set".to_owned(),
            })
        };
        let agent_store =
            value("TORCHELASTIC_USE_AGENT_STORE").is_some_and(|value| value == "True");
        let attempt = value("TORCHELASTIC_RESTART_COUNT").unwrap_or_else(|| "0".to_owned());
        Ok(Some(Self {
            rank: shard.rank(),
            size: shard.world_size(),
            local_rank: local_rank_of(shard, &value)?,
            host: needed("MASTER_ADDR")?,
            port: number("MASTER_PORT", &needed("MASTER_PORT")?)?,
            hosts_store: shard.is_first() && !agent_store,
            prefix: format!("/jobmatch/attempt_{attempt}"),
            timeout: PATIENCE,
        }))
    }

    /// Connects to the store and waits until all ranks have.
    pub(crate) fn meet(&self) -> Result<Store> {
        let start = Instant::now();
        let store = Store::connect(
            &self.host,
            self.port,
            self.hosts_store,
            self.timeout,
            &self.prefix,
        )
        .map_err(|message| Error::Unreachable {
            rank: self.rank,
            host: self.host.clone(),
            port: self.port,
            timeout: self.timeout,
            message,
        })?;
        let key = |rank: u32| format!("came/{rank}");
        store.set(&key(self.rank), b"here")?;
        loop {
            let mut missing = Vec::new();
            for rank in 0..self.size {
                if !store.has(&key(rank))? {
                    missing.push(rank);
                }
            }
            if missing.is_empty() {
                return Ok(store);
            }
            if start.elapsed() >= self.timeout {
                if self.hosts_store {
                    std::thread::sleep(LINGER);
                }
                return Err(Error::Missing {
                    rank: self.rank,
                    size: self.size,
                    missing,
                    timeout: self.timeout,
                });
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Whether all ranks are on this machine, as far as the address says.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self.host.as_str(), "localhost" | "127.0.0.1" | "::1")
    }
}

fn number<T: std::str::FromStr>(variable: &'static str, text: &str) -> Result<T> {
    text.parse().map_err(|_| Error::Environment {
        variable,
        problem: format!("is `{text}`, which is not a number in range"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        rank: u32,
        size: u32,
        variables: &[(&str, &str)],
    ) -> std::result::Result<Option<Rendezvous>, String> {
        let value = |name: &str| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Rendezvous::from_values(Shard::new(rank, size).unwrap(), value)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn one_alone_needs_nothing() {
        assert_eq!(read(0, 1, &[]), Ok(None));
    }

    #[test]
    fn torchrun_hosts_the_store_itself_and_counts_its_attempts() {
        let variables = [
            ("MASTER_ADDR", "node7"),
            ("MASTER_PORT", "29500"),
            ("LOCAL_RANK", "0"),
            ("TORCHELASTIC_USE_AGENT_STORE", "True"),
            ("TORCHELASTIC_RESTART_COUNT", "2"),
        ];
        let read_all = read(0, 4, &variables).unwrap().unwrap();
        assert!(!read_all.hosts_store);
        assert_eq!(read_all.prefix, "/jobmatch/attempt_2");
        let plain = read(0, 4, &variables[..2]).unwrap().unwrap();
        assert!(plain.hosts_store);
        assert_eq!(read(3, 4, &variables[..2]).unwrap().unwrap().local_rank, 3);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let missing = read(0, 2, &[("MASTER_PORT", "1")]).unwrap_err();
        assert!(missing.contains("MASTER_ADDR is not set"), "{missing}");
        let wrong = read(0, 2, &[("MASTER_ADDR", "a"), ("MASTER_PORT", "70000")]).unwrap_err();
        assert!(wrong.contains("MASTER_PORT is `70000`"), "{wrong}");
    }
}
