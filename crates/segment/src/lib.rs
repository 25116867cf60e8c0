//! Job text to sentences, with byte offsets into the original.
//!
//! [`Segmenter`] finds sentences in prose, bullets, numbered items and headings; [`clean`] gives a sentence as training
//! wants it, with a map back to the original. Nothing here knows files, jobs or models.
//!
//! Rules decide where lines, lists and markup leave no doubt, a small classifier where they do; without it
//! ([`Segmenter::rules_only`]) the rules decide everything. Time is linear in the length of the text, nothing is allocated
//! per sentence, and no sentence crosses a blank line, nor depends on what stands beyond one.
//!
//! ```
//! use jobmatch_segment::{Kind, Segmenter, clean};
//!
//! let text = "Duties:\n• Report to the Sr. Manager. Plan budgets\n• Sell\n";
//! let sentences: Vec<_> = Segmenter::english().sentences(text).collect();
//! let found: Vec<&str> = sentences.iter().map(|s| &text[s.start..s.end]).collect();
//! assert_eq!(found, ["Duties:", "• Report to the Sr. Manager.", "Plan budgets", "• Sell"]);
//! assert_eq!(sentences[0].kind, Kind::Heading);
//! assert_eq!(clean(found[1]).text, "Report to the Sr. Manager.");
//! ```
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        reason = "a failed unwrap is a failed test, and says where"
    )
)]

mod abbreviations;
mod chars;
mod classifier;
mod clean;
mod context;
mod features;
mod lines;
mod markers;
mod markup;
mod scan;
mod segmenter;
mod stops;
#[cfg(feature = "train")]
pub mod train;
mod walk;

pub use clean::{Cleaned, clean};
pub use segmenter::{Kind, Segmenter, Sentence, Sentences};
