//! What all model programs do with their arguments.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;

#[path = "../../stages-data/tests/common/every_program.rs"]
mod every_program;
