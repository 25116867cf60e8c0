//! A bi-encoder's half in training: token sequences to embeddings, with gradients.

use std::path::Path;
use std::sync::Arc;

use tch::{Device, Kind, Tensor, nn};

use crate::batching::{TokenBudget, plan_batches};
use crate::bert::{BertModel, Transformer};
use crate::builder::Builder;
use crate::classifier::HEAD;
use crate::embedder::{Embedder, checked_tokenizer};
use crate::folder::ModelFolder;
use crate::inference::InferenceConfig;
use crate::tokenizer::TextTokenizer;
use crate::tokens::Tokens;
use crate::weights::{load_weights, names_in};
use crate::{Result, TokenBatch};

/// An encoder with its tokenizer and pooling: one vector per text. [`SentenceEncoder::embedder`] gives one for inference alone.
#[derive(Debug)]
pub struct SentenceEncoder {
    /// The folder it came from; its prompts and metadata are written when it is saved.
    pub folder: ModelFolder,
    store: nn::VarStore,
    model: Box<dyn Transformer>,
    tokenizer: Arc<TextTokenizer>,
}

impl SentenceEncoder {
    /// Loads the model called `name` (see [`resolve_model`](crate::resolve_model)) onto `device`.
    ///
    /// # Errors
    /// A missing or unusable file, and a missing, extra or wrongly shaped tensor, are named.
    pub fn load(name: &str, device: Device) -> Result<Self> {
        Self::from_folder(ModelFolder::open(name)?, device)
    }

    /// Loads a folder that was opened (and perhaps changed in its prompts, metadata or length).
    ///
    /// # Errors
    /// As [`SentenceEncoder::load`].
    pub fn from_folder(folder: ModelFolder, device: Device) -> Result<Self> {
        let store = nn::VarStore::new(device);
        let config = folder.config();
        let model = transformer(&store, &folder)?;
        let path = folder.weights();
        // A pooler takes no part in an embedding, so it is not trained; it is kept for whoever loads the folder next.
        let has_pooler = names_in(&path).iter().any(|name| name.starts_with(HEAD[0]));
        let native = !config.is_rust_berts();
        if native && has_pooler {
            let build = Builder { config };
            let pooler = store.root() / "pooler" / "dense";
            let (weight, bias) = build.linear(&pooler, config.hidden_size, config.hidden_size);
            let _ = (
                weight.set_requires_grad(false),
                bias.set_requires_grad(false),
            );
        }
        // rust-bert makes a pooler or none, whatever the file holds.
        let (fresh, unused) = if native {
            (&[][..], &HEAD[1..])
        } else {
            (&["pooler"][..], &HEAD[..])
        };
        load_weights(&store, &path, fresh, unused)?;
        let tokenizer = Arc::new(checked_tokenizer(&folder)?);
        Ok(Self {
            folder,
            store,
            model,
            tokenizer,
        })
    }

    /// Numbers in an embedding.
    pub fn dimension(&self) -> usize {
        self.folder.config().hidden_size as usize
    }

    /// The variables, for an optimizer.
    pub fn store(&self) -> &nn::VarStore {
        &self.store
    }

    /// The tokenizer, which cuts texts to the model's length.
    pub fn tokenizer(&self) -> &TextTokenizer {
        &self.tokenizer
    }

    /// Computes in `kind` from now on, such as float64 where a result is compared.
    pub fn set_kind(&mut self, kind: Kind) {
        self.store.set_kind(kind);
    }

    /// Embeddings `[rows, dimension]` of tokenized texts, in input order. Rows are computed in batches of like
    /// length within `budget`; how they are batched does not change the result beyond rounding. `train` switches
    /// dropout on; gradients flow unless the caller forbids them.
    ///
    /// # Errors
    /// When libtorch fails.
    pub fn forward(&self, tokens: &[Tokens], budget: TokenBudget, train: bool) -> Result<Tensor> {
        in_batches(tokens, budget, self.store.device(), |batch| {
            let hidden_th = self.model.forward(batch, train)?;
            Ok(self.folder.pooling().apply(&hidden_th, batch))
        })
    }

    /// The same model for inference alone, with the weights as they are now.
    ///
    /// # Errors
    /// When the model or its device do not bear a setting, which is named.
    pub fn embedder(&self, config: InferenceConfig) -> Result<Embedder> {
        let tokenizer = Arc::clone(&self.tokenizer);
        let folder = self.folder.clone();
        Embedder::new(folder, self.model.as_ref(), tokenizer, config, &self.store)
    }

    /// Writes the model, its tokenizer, pooling and prompts to a folder that sentence-transformers loads unchanged.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, target: &Path) -> Result<()> {
        self.folder.write_sentence_encoder(&self.store, target)
    }
}

/// The encoder that the folder's configuration asks for, with fresh variables in `store`.
fn transformer(store: &nn::VarStore, folder: &ModelFolder) -> Result<Box<dyn Transformer>> {
    #[cfg(feature = "rust-bert")]
    if folder.config().is_rust_berts() {
        return Ok(Box::new(crate::RustBertModel::new(store, folder)?));
    }
    Ok(Box::new(BertModel::new(&store.root(), folder.config())))
}

/// A batch on the CPU is filled up to a multiple of so many tokens. oneDNN makes, and keeps, code for each number of rows that it
/// meets: hundreds of MiB in a large step. Tensors of few sizes also leave fewer holes in memory.
const MULTIPLE_OF_TOKENS: usize = 64;

/// What `compute` gives for batches of like length, `[rows, ...]` each, put together in the order of `tokens`.
pub(crate) fn in_batches(
    tokens: &[Tokens],
    budget: TokenBudget,
    device: Device,
    mut compute: impl FnMut(&TokenBatch) -> Result<Tensor>,
) -> Result<Tensor> {
    let lengths: Vec<usize> = tokens.iter().map(Tokens::len).collect();
    let mut place = vec![0i64; tokens.len()];
    let mut parts = Vec::new();
    let mut done = 0;
    for rows in plan_batches(&lengths, budget) {
        let count: usize = rows.iter().map(|&row| lengths[row]).sum();
        let filled = match device {
            Device::Cpu => count.next_multiple_of(MULTIPLE_OF_TOKENS),
            _ => count,
        };
        parts.push(compute(&TokenBatch::filled(tokens, &rows, filled, device))?);
        for row in rows {
            place[row] = done;
            done += 1;
        }
    }
    let place = Tensor::from_slice(&place).to_device(device);
    Ok(Tensor::f_cat(&parts, 0)?.f_index_select(0, &place)?)
}
