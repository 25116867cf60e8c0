use std::time::Duration;

/// What can go wrong between this process, libtorch and the other ranks.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// libtorch refused an operation.
    #[error("libtorch failed to {doing}: {message}")]
    Torch {
        /// The operation, after "failed to".
        doing: &'static str,
        /// libtorch's words.
        message: String,
    },
    /// libtorch refused an operation that goes through `tch`.
    #[error("libtorch failed")]
    Tch(#[from] tch::TchError),
    /// A variable of the environment is missing or makes no sense.
    #[error(
        "the environment variable {variable} {problem}; torchrun sets it, and so must any other launcher"
    )]
    Environment {
        /// Its name.
        variable: &'static str,
        /// What is wrong, such as "is not set".
        problem: String,
    },
    /// `RANK` and `WORLD_SIZE` make no sense.
    #[error(transparent)]
    Shard(#[from] jobmatch_artifact::Error),
    /// The store at which the ranks meet cannot be reached.
    #[error(
        "rank {rank} cannot reach the store at {host}:{port} within {timeout:?}: {message}; check MASTER_ADDR, MASTER_PORT and that rank 0 runs"
    )]
    Unreachable {
        /// This rank.
        rank: u32,
        /// The store's host.
        host: String,
        /// The store's port.
        port: u16,
        /// How long was tried.
        timeout: Duration,
        /// libtorch's words.
        message: String,
    },
    /// Some ranks did not come.
    #[error("after {timeout:?} rank {rank} still waits for {} of {size}: {}", many(.missing), list(.missing))]
    Missing {
        /// This rank.
        rank: u32,
        /// Ranks that should have come.
        size: u32,
        /// Those that did not.
        missing: Vec<u32>,
        /// How long was waited.
        timeout: Duration,
    },
    /// A tensor on this rank cannot take part in a collective.
    #[error("{operation}: the tensor on rank {rank} {problem}")]
    Unfit {
        /// The collective.
        operation: &'static str,
        /// The rank.
        rank: u32,
        /// What is wrong, such as "is not contiguous".
        problem: String,
    },
    /// The ranks do not do the same.
    #[error("the ranks do not agree: {}", .ranks.join("; "))]
    Mismatch {
        /// For each rank what it brought, such as "rank 0: all_reduce (sum) of Float [2, 3] on the CPU".
        ranks: Vec<String>,
    },
    /// A collective failed: most often a rank died.
    #[error(
        "{operation} failed on rank {rank} of {size}: {message} (a rank has died, or is more than {timeout:?} behind; its own output says why)"
    )]
    Collective {
        /// The collective.
        operation: &'static str,
        /// This rank.
        rank: u32,
        /// Ranks in all.
        size: u32,
        /// How long a rank is waited for.
        timeout: Duration,
        /// libtorch's words.
        message: String,
    },
    /// Another rank failed at what all do together.
    #[error("rank {rank} failed: {message}")]
    OtherRank {
        /// The rank.
        rank: u32,
        /// Its error.
        message: String,
    },
    /// Another rank gave no sign of life.
    #[error("rank {rank} has given no sign of life for {timeout:?}")]
    Silent {
        /// The rank.
        rank: u32,
        /// How long.
        timeout: Duration,
    },
    /// Some parameters got no gradient, so their bucket was never reduced.
    #[error(
        "{reduced} of {buckets} buckets of gradients were reduced: some parameters do not take part in the loss; leave them out of `Ddp::new`"
    )]
    Unreduced {
        /// Buckets that were reduced.
        reduced: u64,
        /// Buckets in all.
        buckets: u64,
    },
    /// A setting that makes no sense.
    #[error("setting `{setting}` is {value}: {expected}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A saved state does not belong to these parameters or this machine.
    #[error("the saved state does not fit: {problem}")]
    State {
        /// What differs.
        problem: String,
    },
}

fn many(ranks: &[u32]) -> String {
    match ranks.len() {
        1 => "1 rank".to_owned(),
        count => format!("{count} ranks"),
    }
}

fn list(ranks: &[u32]) -> String {
    let words: Vec<String> = ranks.iter().map(u32::to_string).collect();
    words.join(", ")
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;
