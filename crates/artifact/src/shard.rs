//! Which of several processes this is, and what falls to it.

use crate::{Error, Result};

/// The variable that holds a process's number; torchrun, and scripts for Slurm and Kubernetes, set it.
const RANK: &str = "RANK";
/// The variable that holds how many processes there are.
const WORLD_SIZE: &str = "WORLD_SIZE";

/// Which of several processes this is. They share work by its number, so none has to ask another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    rank: u32,
    world_size: u32,
}

impl Shard {
    /// The only process.
    pub fn alone() -> Self {
        Self {
            rank: 0,
            world_size: 1,
        }
    }

    /// Process `rank` of `world_size`, counted from 0.
    ///
    /// # Errors
    /// When `rank` is not below `world_size`.
    pub fn new(rank: u32, world_size: u32) -> Result<Self> {
        if rank < world_size {
            Ok(Self { rank, world_size })
        } else {
            Err(Error::Rank { rank, world_size })
        }
    }

    /// What the environment says: `RANK` and `WORLD_SIZE`. Without either, the process is alone.
    ///
    /// # Errors
    /// When one stands there without the other, is no number, or the rank is not below the world's size.
    pub fn from_env() -> Result<Self> {
        let value = |name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        Self::from_values(value(RANK), value(WORLD_SIZE))
    }

    fn from_values(rank: Option<String>, world_size: Option<String>) -> Result<Self> {
        match (rank, world_size) {
            (None, None) => Ok(Self::alone()),
            (Some(rank), Some(world_size)) => {
                Self::new(number(RANK, rank)?, number(WORLD_SIZE, world_size)?)
            }
            (Some(_), None) => Err(Error::Variable {
                set: RANK,
                missing: WORLD_SIZE,
            }),
            (None, Some(_)) => Err(Error::Variable {
                set: WORLD_SIZE,
                missing: RANK,
            }),
        }
    }

    /// This process's number, from 0.
    pub fn rank(self) -> u32 {
        self.rank
    }

    /// How many processes there are.
    pub fn world_size(self) -> u32 {
        self.world_size
    }

    /// Whether this is rank 0, which also does what only one may do.
    pub fn is_first(self) -> bool {
        self.rank == 0
    }

    /// Whether the piece of work with this number falls to this process.
    pub fn takes(self, number: u64) -> bool {
        self.owner(number) == self.rank
    }

    /// The rank that the piece of work with this number falls to.
    pub fn owner(self, number: u64) -> u32 {
        // The rest is below the world's size, which is a u32.
        (number % u64::from(self.world_size)) as u32
    }
}

fn number(variable: &'static str, value: String) -> Result<u32> {
    value
        .parse()
        .map_err(|_| Error::NotANumber { variable, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_one_owner() {
        for world_size in [1, 2, 5] {
            for number in [0, 1, 6, u64::MAX] {
                let takers: Vec<u32> = (0..world_size)
                    .filter(|rank| Shard::new(*rank, world_size).unwrap().takes(number))
                    .collect();
                assert_eq!(takers, [Shard::new(0, world_size).unwrap().owner(number)]);
            }
        }
    }

    #[test]
    fn the_environment_is_clear_or_refused() {
        let read = |rank: Option<&str>, world_size: Option<&str>| {
            Shard::from_values(rank.map(str::to_owned), world_size.map(str::to_owned))
                .map_err(|error| error.to_string())
        };
        assert_eq!(read(None, None), Ok(Shard::alone()));
        let shard = read(Some("1"), Some("2")).unwrap();
        assert_eq!((shard.rank(), shard.world_size()), (1, 2));
        let cases = [
            (
                Some("1"),
                None,
                "RANK is set and WORLD_SIZE is not; set both, or neither",
            ),
            (
                None,
                Some("2"),
                "WORLD_SIZE is set and RANK is not; set both, or neither",
            ),
            (
                Some("first"),
                Some("2"),
                "RANK is `first`; expected a number from 0",
            ),
            (
                Some("0"),
                Some("-1"),
                "WORLD_SIZE is `-1`; expected a number from 0",
            ),
            (
                Some("2"),
                Some("2"),
                "rank 2 is not below the world size 2; ranks count from 0 (RANK and WORLD_SIZE)",
            ),
            (
                Some("0"),
                Some("0"),
                "rank 0 is not below the world size 0; ranks count from 0 (RANK and WORLD_SIZE)",
            ),
        ];
        for (rank, world_size, message) in cases {
            assert_eq!(read(rank, world_size), Err(message.to_owned()));
        }
    }
}
