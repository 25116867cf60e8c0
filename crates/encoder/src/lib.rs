//! Hugging Face model folders, tokenization and BERT-family transformers on libtorch.
//!
//! This crate turns texts into token batches and token batches into hidden states, pooled embeddings or logits,
//! in one forward pass that training and inference share. It reads and writes model folders as Hugging Face
//! transformers and sentence-transformers lay them out. It knows nothing of objectives, optimizers or jobs.
//!
//! ```no_run
//! use jobmatch_encoder::{Device, SentenceEncoder};
//!
//! let encoder = SentenceEncoder::load("minilm", Device::Cpu)?;
//! let embeddings = encoder.embed(&["Plan budgets.", "Repair engines."], &mut |_done| {})?;
//! assert_eq!(embeddings.len(), 2 * encoder.dimension());
//! # Ok::<(), jobmatch_encoder::Error>(())
//! ```
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        reason = "a failed unwrap is a failed test, and says where"
    )
)]

mod batching;
mod bert;
mod config;
mod error;
mod folder;
mod hub;
mod pair;
mod pooling;
mod sentence;
mod tokenizer;
mod tokenizer_files;
mod tokens;
mod weights;
mod windows;

pub use batching::{TokenBudget, TokenUsage, plan_batches};
pub use bert::{BertModel, SequenceClassifier};
pub use config::{Activation, BertConfig};
pub use error::{Error, Result};
pub use folder::{Metadata, ModelFolder, ModelSources, Prompts, Similarity, resolve_model};
pub use hub::Hub;
pub use pair::PairEncoder;
pub use pooling::{Pooling, PoolingMode, l2_normalize};
pub use sentence::SentenceEncoder;
pub use tch::Device;
pub use tokenizer::{TextTokenizer, Truncation};
pub use tokens::{TokenBatch, Tokens};
pub use weights::{load_weights, save_weights};
pub use windows::Window;
