//! tch 0.24 under the version that rust-bert 0.23 asks for.

pub use tch24::*;
