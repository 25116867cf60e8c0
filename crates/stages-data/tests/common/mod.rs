//! The data programs, as run.

mod place;

pub use place::*;

/// The data programs and where they were built.
pub const PROGRAMS: [(&str, &str); 6] = [
    (
        "jobmatch-generate-jobs",
        env!("CARGO_BIN_EXE_jobmatch-generate-jobs"),
    ),
    ("jobmatch-onet", env!("CARGO_BIN_EXE_jobmatch-onet")),
    ("jobmatch-segment", env!("CARGO_BIN_EXE_jobmatch-segment")),
    ("jobmatch-dataset", env!("CARGO_BIN_EXE_jobmatch-dataset")),
    (
        "jobmatch-train-segmenter",
        env!("CARGO_BIN_EXE_jobmatch-train-segmenter"),
    ),
    ("jobmatch-verify", env!("CARGO_BIN_EXE_jobmatch-verify")),
];
