//! Hugging Face model folders, tokenization and BERT-family transformers on libtorch.
//!
//! This crate turns texts into token batches and token batches into hidden states, pooled embeddings or logits,
//! in one forward pass that training and inference share. It reads and writes model folders as Hugging Face
//! transformers and sentence-transformers lay them out. It knows nothing of objectives, optimizers or jobs.
//!
//! ```no_run
//! use jobmatch_encoder::{Device, Embedder, InferenceConfig};
//!
//! let embedder = Embedder::load("minilm", Device::Cpu, InferenceConfig::default())?;
//! let (embeddings, _usage) = embedder.embed("", &["Plan budgets.", "Repair engines."], &mut |_done| {})?;
//! assert_eq!(embeddings.len(), 2 * embedder.dimension());
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
mod builder;
mod classifier;
mod config;
mod embedder;
mod error;
mod folder;
mod hub;
mod inference;
mod pair;
mod pair_tokens;
mod pooling;
mod projection;
#[cfg(feature = "rust-bert")]
mod rust_bert_model;
mod sentence;
mod token_batch;
mod tokenizer;
mod tokenizer_files;
mod tokens;
mod weights;
mod windows;

pub use batching::{TokenBudget, TokenUsage, plan_batches};
pub use bert::{BertModel, Transformer};
pub use classifier::SequenceClassifier;
pub use config::{Activation, BertConfig, Family};
pub use embedder::Embedder;
pub use error::{Error, Result};
pub use folder::{Metadata, ModelFolder, ModelSources, Prompts, Similarity, resolve_model};
pub use hub::Hub;
pub use inference::{InferenceConfig, Precision};
pub use pair::{PairEncoder, PairScorer, PairScores};
pub use pair_tokens::{CutCounts, PairTokens, PairWindows, WindowPooling};
pub use pooling::{Pooling, PoolingMode, l2_normalize};
#[cfg(feature = "rust-bert")]
pub use rust_bert_model::RustBertModel;
pub use sentence::SentenceEncoder;
pub use tch::Device;
pub use token_batch::TokenBatch;
pub use tokenizer::{TextTokenizer, Truncation};
pub use tokens::Tokens;
pub use weights::{load_weights, save_weights};
pub use windows::Window;
