//! The rows that travel between stages: their types, Arrow schemas, readers and writers.
//!
//! What comes in from people (jobs, definitions, labels) is read row by row from CSV, TSV, JSON lines or Parquet,
//! plain or compressed, and every bad value is named with file, line and column. What travels between stages is
//! Parquet. What the rows are for is left to others.
//!
//! - A file's name tells its form: `.csv` (quotes as in RFC 4180), `.tsv` (no quoting: a `"` is a character), `.jsonl`,
//!   `.parquet`; text also `.gz` and `.zst`. Text is UTF-8, with or without a byte order mark, lines end in LF or CR LF.
//! - Rows are read as they are asked for; a row of text, and so a value, has at most 64 MiB. A longer one is a bad row,
//!   of which no more than that is ever in memory.
//! - Columns that we do not know are named once in the log and not read. [`Columns`] maps names.
//! - A bad row ends the reading, or is set aside with its reason ([`OnBadRow`]). What makes the rest of a file
//!   doubtful always ends it: a quote that the end of the file leaves open, a stream cut short.
//!
//! ```
//! use jobmatch_records::{Definition, PassageTemplate};
//!
//! let template: PassageTemplate = "{name}: {definition}".parse()?;
//! let definition = Definition {
//!     attribute_id: "A1".into(),
//!     name: "Welding".into(),
//!     definition: "Join metal parts by heat.".into(),
//!     kind: None,
//!     aliases: vec![],
//! };
//! assert_eq!(template.render(&definition), "Welding: Join metal parts by heat.");
//! # Ok::<(), jobmatch_records::Error>(())
//! ```
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        reason = "a failed unwrap is a failed test, and says where"
    )
)]

mod blocks;
mod columns;
mod definition;
mod embedding;
mod error;
mod evaluated_job;
mod fingerprint;
mod job;
mod label;
mod matched;
mod pair;
mod parquet_file;
mod prediction;
mod read;
mod scored_pair;
mod sentence;
mod table;
mod template;

pub use blocks::{BlockReader, Blocks, RowGroup, Shard};
pub use definition::{Definition, DefinitionReader, IndexedAttribute, read_definitions};
pub use embedding::{EmbeddingWriter, Text, TextReader, read_embeddings};
pub use error::{Error, Result};
pub use evaluated_job::EvaluatedJob;
pub use fingerprint::Fingerprint;
pub use job::{Job, JobReader, Split, read_jobs};
pub use label::{Evidence, Label, LabelReader, check_labels, read_labels};
pub use matched::{Match, MatchRow};
pub use pair::{Pair, PairSource, Positive};
pub use parquet_file::{ParquetReader, ParquetWriter, Record, Shards, read_all, read_shards};
pub use prediction::Prediction;
pub use read::{OnBadRow, ReadOptions, Reader, Rejected};
pub use scored_pair::{ScoredPair, TextPair, TextPairReader};
pub use sentence::{Kind, Sentence};
pub use table::Columns;
pub use template::PassageTemplate;
