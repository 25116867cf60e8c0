//! A cross-encoder: pairs of texts to one logit each.

use std::path::Path;

use tch::{Device, Tensor, nn};

use crate::Result;
use crate::batching::{TokenBudget, plan_batches};
use crate::bert::SequenceClassifier;
use crate::folder::ModelFolder;
use crate::sentence::{checked_tokenizer, restore_order};
use crate::tokenizer::TextTokenizer;
use crate::tokens::Tokens;
use crate::weights::load_weights;

/// A BERT encoder with its tokenizer and a head of one logit over pairs of texts.
#[derive(Debug)]
pub struct PairEncoder {
    /// The folder it came from; its metadata is written when it is saved.
    pub folder: ModelFolder,
    store: nn::VarStore,
    model: SequenceClassifier,
    tokenizer: TextTokenizer,
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
        let store = nn::VarStore::new(device);
        let model = SequenceClassifier::new(&store.root(), folder.config());
        let fresh = ["pooler.", SequenceClassifier::HEAD];
        load_weights(&store, &folder.weights(), &fresh, &[])?;
        let tokenizer = checked_tokenizer(&folder)?;
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

    /// Logits `[rows]` of tokenized pairs, in input order. Rows are computed in batches of like length within
    /// `budget`. `train` switches dropout on; gradients flow unless the caller forbids them.
    pub fn forward(&self, tokens: &[Tokens], budget: TokenBudget, train: bool) -> Tensor {
        let lengths: Vec<usize> = tokens.iter().map(Tokens::len).collect();
        let mut order = Vec::with_capacity(tokens.len());
        let mut parts = Vec::new();
        for rows in plan_batches(&lengths, budget) {
            let batch = self.tokenizer.batch(tokens, &rows, self.store.device());
            parts.push(self.model.forward(&batch, train));
            order.extend(rows);
        }
        restore_order(&parts, &order, self.store.device())
    }

    /// Logits of (text, passage) pairs, in input order. `progress` hears after each batch how many pairs are done.
    ///
    /// # Errors
    /// When a pair cannot be tokenized.
    pub fn score(
        &self,
        pairs: &[(&str, &str)],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<f32>> {
        let tokens = self.tokenizer.encode_pairs(pairs)?;
        let lengths: Vec<usize> = tokens.iter().map(Tokens::len).collect();
        let mut logits = vec![0f32; pairs.len()];
        let mut done = 0;
        for rows in plan_batches(&lengths, TokenBudget::default()) {
            let batch = self.tokenizer.batch(&tokens, &rows, self.store.device());
            let batch_b = tch::no_grad(|| self.model.forward(&batch, false));
            let values = Vec::<f32>::try_from(batch_b.to_device(Device::Cpu))?;
            for (value, &row) in values.into_iter().zip(&rows) {
                logits[row] = value;
            }
            done += rows.len();
            progress(done);
        }
        Ok(logits)
    }

    /// Writes the model and its tokenizer to a folder that sentence-transformers' `CrossEncoder` loads unchanged.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, target: &Path) -> Result<()> {
        self.folder.write_pair_encoder(&self.store, target)
    }
}
