//! A cross-encoder: pairs of texts to one logit each.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tch::{Device, Tensor, nn};

use crate::batching::{TokenBudget, TokenUsage};
use crate::classifier::{HEAD, SequenceClassifier};
use crate::embedder::checked_tokenizer;
use crate::folder::ModelFolder;
use crate::inference::{Compute, InferenceConfig, run, workers};
use crate::pair_tokens::{CutCounts, PairTokens, PairWindows};
use crate::sentence::in_batches;
use crate::tokenizer::TextTokenizer;
use crate::tokens::Tokens;
use crate::weights::load_weights;
use crate::{Error, Result};

/// An encoder with its tokenizer and a head of one logit over pairs of texts. [`PairEncoder::scorer`] gives one for inference
/// alone.
#[derive(Debug)]
pub struct PairEncoder {
    /// The folder it came from; its metadata is written when it is saved.
    pub folder: ModelFolder,
    store: nn::VarStore,
    model: SequenceClassifier,
    tokenizer: Arc<TextTokenizer>,
}

impl PairEncoder {
    /// Loads the model called `name` (see [`resolve_model`](crate::resolve_model)) onto `device`. A bare encoder gets
    /// a fresh head and, where it has none, a fresh pooler: seed libtorch (`tch::manual_seed`) before.
    ///
    /// # Errors
    /// A missing or unusable file, and a missing, extra or wrongly shaped tensor, are named.
    pub fn load(name: &str, device: Device) -> Result<Self> {
        Self::from_folder(ModelFolder::open(name)?, device)
    }

    /// Loads a folder that was opened (and perhaps changed in its length).
    ///
    /// # Errors
    /// As [`PairEncoder::load`].
    pub fn from_folder(folder: ModelFolder, device: Device) -> Result<Self> {
        if folder.config().is_rust_berts() {
            return Err(Error::Setting {
                setting: "model_type",
                value: folder.config().model_type.clone(),
                expected: "cross-encoders are of the families bert, roberta, xlm-roberta, camembert or distilbert"
                    .to_owned(),
            });
        }
        let store = nn::VarStore::new(device);
        let model = SequenceClassifier::new(&store.root(), folder.config());
        // Only BERT's head has use for a pooler.
        load_weights(&store, &folder.weights(), &HEAD, &HEAD[..1])?;
        let tokenizer = Arc::new(checked_tokenizer(&folder)?);
        if let Some(windows) = folder.metadata.pair_windows {
            tokenizer.check_windows(windows)?;
        }
        Ok(Self {
            folder,
            store,
            model,
            tokenizer,
        })
    }

    /// The variables, for an optimizer.
    pub fn store(&self) -> &nn::VarStore {
        &self.store
    }

    /// The tokenizer, which cuts pairs to the model's length.
    pub fn tokenizer(&self) -> &TextTokenizer {
        &self.tokenizer
    }

    /// Tokens of (text, passage) pairs: too long ones in windows, where the folder's metadata has them, else cut.
    ///
    /// # Errors
    /// When a pair cannot be tokenized.
    pub fn encode(&self, pairs: &[(&str, &str)]) -> Result<PairTokens> {
        let windows = self.folder.metadata.pair_windows;
        self.tokenizer.pair_tokens(pairs, windows)
    }

    /// Logits `[pairs]` of what [`encode`](Self::encode) gave, each pooled over the pair's windows; as
    /// [`forward`](Self::forward) otherwise.
    ///
    /// # Errors
    /// When libtorch fails.
    pub fn forward_pairs(
        &self,
        pairs: &PairTokens,
        budget: TokenBudget,
        train: bool,
    ) -> Result<Tensor> {
        let logits_w = self.forward(&pairs.tokens, budget, train)?;
        let windows = self.folder.metadata.pair_windows.unwrap_or_default();
        windows.pooling.pool(&logits_w, &pairs.windows)
    }

    /// Logits `[rows]` of tokens, in input order. Rows are computed in batches of like length within
    /// `budget`. `train` switches dropout on; gradients flow unless the caller forbids them.
    ///
    /// # Errors
    /// When libtorch fails.
    pub fn forward(&self, tokens: &[Tokens], budget: TokenBudget, train: bool) -> Result<Tensor> {
        in_batches(tokens, budget, self.store.device(), |batch| {
            self.model.forward(batch, train)
        })
    }

    /// The same model for inference alone, with the weights as they are now.
    ///
    /// # Errors
    /// When the model or its device do not bear a setting, which is named.
    pub fn scorer(&self, config: InferenceConfig) -> Result<PairScorer> {
        config.check(usize::MAX)?;
        if let Some(dimensions) = config.dimensions {
            return Err(Error::Setting {
                setting: "dimensions",
                value: dimensions.to_string(),
                expected: "a cross-encoder has no embeddings to cut".to_owned(),
            });
        }
        let device = self.store.device();
        Ok(PairScorer {
            model: self.model.freeze(config.format(device)?)?,
            tokenizer: Arc::clone(&self.tokenizer),
            windows: self.folder.metadata.pair_windows,
            config,
            device,
        })
    }

    /// Writes the model and its tokenizer to a folder that sentence-transformers' `CrossEncoder` loads unchanged.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, target: &Path) -> Result<()> {
        self.folder.write_pair_encoder(&self.store, target)
    }
}

/// A cross-encoder for inference alone: its weights are laid out for the device, in the precision asked for.
#[derive(Debug)]
pub struct PairScorer {
    model: SequenceClassifier,
    tokenizer: Arc<TextTokenizer>,
    windows: Option<PairWindows>,
    config: InferenceConfig,
    device: Device,
}

impl PairScorer {
    /// Loads the model called `name` (see [`resolve_model`](crate::resolve_model)) onto `device`.
    ///
    /// # Errors
    /// As [`PairEncoder::load`], and a setting that the model or the device does not bear.
    pub fn load(name: &str, device: Device, config: InferenceConfig) -> Result<Self> {
        PairEncoder::load(name, device)?.scorer(config)
    }

    /// The tokenizer, which cuts pairs to the model's length.
    pub fn tokenizer(&self) -> &TextTokenizer {
        &self.tokenizer
    }

    /// Logits of (text, passage) pairs, in input order; of pairs that are too long out of windows, where the model was trained
    /// with them. `progress` hears how many pairs are done.
    ///
    /// # Errors
    /// When a pair cannot be tokenized, or libtorch fails.
    pub fn score(
        &self,
        pairs: &[(&str, &str)],
        progress: &mut dyn FnMut(usize),
    ) -> Result<PairScores> {
        if let Some(windows) = self.windows {
            return self.score_windows(pairs, windows, progress);
        }
        let (tokenizer, cut) = (self.tokenizer(), Mutex::new(CutCounts::default()));
        let tokenize = |pairs: &[(&str, &str)]| {
            let encoded = tokenizer.pair_tokens(pairs, None)?;
            *cut.lock().unwrap_or_else(PoisonError::into_inner) += encoded.cut;
            Ok(encoded.tokens)
        };
        let (logits, usage) = self.run(pairs, tokenize, progress)?;
        Ok(PairScores {
            logits,
            usage,
            cut: cut.into_inner().unwrap_or_else(PoisonError::into_inner),
        })
    }

    fn score_windows(
        &self,
        pairs: &[(&str, &str)],
        windows: PairWindows,
        progress: &mut dyn FnMut(usize),
    ) -> Result<PairScores> {
        let mut scores = PairScores {
            logits: Vec::with_capacity(pairs.len()),
            usage: TokenUsage::default(),
            cut: CutCounts::default(),
        };
        // The tokens of so many are in memory at once.
        for pairs in pairs.chunks(1024) {
            let encoded = self.tokenizer.pair_tokens(pairs, Some(windows))?;
            let (logits, usage) =
                self.run(&encoded.tokens, |tokens| Ok(tokens.to_vec()), &mut |_| {})?;
            let mut rest = &logits[..];
            for &count in &encoded.windows {
                let (of_pair, others) = rest.split_at(count);
                scores.logits.push(windows.pooling.of(of_pair));
                rest = others;
            }
            scores.usage += usage;
            scores.cut += encoded.cut;
            progress(scores.logits.len());
        }
        Ok(scores)
    }

    fn run<T: Sync>(
        &self,
        inputs: &[T],
        tokenize: impl Fn(&[T]) -> Result<Vec<Tokens>> + Sync,
        progress: &mut dyn FnMut(usize),
    ) -> Result<(Vec<f32>, TokenUsage)> {
        let other = |model: SequenceClassifier| -> Compute {
            Box::new(move |batch| model.forward(batch, false))
        };
        run(
            inputs,
            1,
            &self.config,
            self.device,
            tokenize,
            |batch| self.model.forward(batch, false),
            || {
                let shared = (0..workers(self.device)).map_while(|_| self.model.share());
                shared.map(other).collect()
            },
            progress,
        )
    }
}

/// What scoring pairs gave.
#[derive(Debug, Clone, PartialEq)]
pub struct PairScores {
    /// One for each pair, in input order.
    pub logits: Vec<f32>,
    /// The tokens that were computed.
    pub usage: TokenUsage,
    /// What was cut off pairs that were too long.
    pub cut: CutCounts,
}
