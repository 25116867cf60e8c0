//! Model folders as several versions of sentence-transformers write them, and folders that are broken.
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

mod broken;
mod copy;
mod sound;
