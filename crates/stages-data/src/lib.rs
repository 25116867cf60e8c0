//! What the stage programs that link nothing native do between their arguments and the library
//! crates: streaming files through a library call into an artifact, and printing.
//!
//! It leaves every algorithm to the libraries, and what all programs share to `jobmatch-stage`.
//!
//! ```
//! use jobmatch_segment::Segmenter;
//!
//! let input = "{\"id\": \"J1\", \"text\": \"Bake bread. Sell it.\"}\n";
//! let mut output = Vec::new();
//! jobmatch_stages_data::lines::segment(&Segmenter::english(), input.as_bytes(), &mut output)?;
//! let row: serde_json::Value = serde_json::from_slice(&output)?;
//! assert_eq!(row["sentences"][1]["text"], "Sell it.");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        reason = "a test that cannot go on should stop where it is"
    )
)]

pub mod lines;
pub mod marked;
pub mod segment;
pub mod verify;
