//! BM25 over short texts: attribute passages and sentences of jobs.
//!
//! [`Bm25`] is the floor that every learned retriever has to beat; [`Aligner`] finds a label's
//! sentence where the label carries no evidence. Tokens and weights are those of the `bm25` crate
//! (Unicode words, lower case, no English stop words, Snowball stems); what this crate adds is an
//! index whose results are the same in every run. It leaves to others what a passage is, and what
//! a score means for a decision.
//!
//! ```
//! use jobmatch_lexical::Bm25;
//!
//! let index = Bm25::new(&["Review art or design materials", "Maintain sales records"]);
//! let hits = index.top_k("You will be reviewing the designs of our artists.", 5);
//! assert_eq!(hits[0].0, 0);
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))] // a test that unwraps fails where it should

mod align;
mod analyzer;
mod index;
mod memo;
mod words;

pub use align::{Aligner, SENTENCE_TOKENS, Weighed};
pub use analyzer::Analyzer;
pub use index::{B, Bm25, K1};
