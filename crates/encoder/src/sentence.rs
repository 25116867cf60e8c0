//! A bi-encoder's half: texts to embeddings.

use std::path::Path;

use tch::{Device, Tensor, nn};

use crate::batching::{TokenBudget, plan_batches};
use crate::bert::BertModel;
use crate::folder::ModelFolder;
use crate::tokenizer::TextTokenizer;
use crate::tokens::Tokens;
use crate::weights::load_weights;
use crate::{Error, Result};

/// A BERT encoder with its tokenizer and pooling: one vector per text.
#[derive(Debug)]
pub struct SentenceEncoder {
    /// The folder it came from; its prompts and metadata are written when it is saved.
    pub folder: ModelFolder,
    store: nn::VarStore,
    model: BertModel,
    tokenizer: TextTokenizer,
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
        let model = BertModel::new(&store.root(), folder.config());
        // A bare encoder may come without a pooler, and a classifier's head is of no use here.
        load_weights(&store, &folder.weights(), &["pooler."], &["classifier."])?;
        // No embedding depends on the pooler, so no loss has a gradient for it.
        for (name, variable) in store.variables() {
            if name.starts_with("pooler.") {
                let _ = variable.set_requires_grad(false);
            }
        }
        let tokenizer = checked_tokenizer(&folder)?;
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

    /// Embeddings `[rows, dimension]` of tokenized texts, in input order. Rows are computed in batches of like
    /// length within `budget`; how they are batched does not change the result beyond rounding. `train` switches
    /// dropout on; gradients flow unless the caller forbids them.
    pub fn forward(&self, tokens: &[Tokens], budget: TokenBudget, train: bool) -> Tensor {
        let lengths: Vec<usize> = tokens.iter().map(Tokens::len).collect();
        let mut order = Vec::with_capacity(tokens.len());
        let mut parts = Vec::new();
        for rows in plan_batches(&lengths, budget) {
            parts.push(self.forward_batch(tokens, &rows, train));
            order.extend(rows);
        }
        restore_order(&parts, &order, self.store.device())
    }

    fn forward_batch(&self, tokens: &[Tokens], rows: &[usize], train: bool) -> Tensor {
        let batch = self.tokenizer.batch(tokens, rows, self.store.device());
        let hidden_bth = self.model.forward(&batch, train);
        self.folder.pooling().apply(&hidden_bth, &batch.mask_bt)
    }

    /// Embeddings of texts without a prompt: `texts.len() * dimension` numbers, row after row, in input order.
    /// `progress` hears after each batch how many texts are done.
    ///
    /// # Errors
    /// When a text cannot be tokenized.
    pub fn embed(&self, texts: &[&str], progress: &mut dyn FnMut(usize)) -> Result<Vec<f32>> {
        self.embed_prompted("", texts, progress)
    }

    /// As [`embed`](Self::embed), with `prompt` before each text.
    ///
    /// # Errors
    /// When a text cannot be tokenized.
    pub fn embed_prompted(
        &self,
        prompt: &str,
        texts: &[&str],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<f32>> {
        let tokens = self.tokenizer.encode(prompt, texts)?;
        let lengths: Vec<usize> = tokens.iter().map(Tokens::len).collect();
        let dimension = self.dimension();
        let mut values = vec![0f32; texts.len() * dimension];
        let mut done = 0;
        for rows in plan_batches(&lengths, TokenBudget::default()) {
            let batch_bh = tch::no_grad(|| self.forward_batch(&tokens, &rows, false));
            let flat = Vec::<f32>::try_from(batch_bh.to_device(Device::Cpu).contiguous().view(-1))?;
            for (vector, &row) in flat.chunks_exact(dimension).zip(&rows) {
                values[row * dimension..(row + 1) * dimension].copy_from_slice(vector);
            }
            done += rows.len();
            progress(done);
        }
        Ok(values)
    }

    /// Writes the model, its tokenizer, pooling and prompts to a folder that sentence-transformers loads unchanged.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, target: &Path) -> Result<()> {
        self.folder.write_sentence_encoder(&self.store, target)
    }
}

/// The folder's tokenizer, once it is known that every id it gives has a row in the word embedding.
pub(crate) fn checked_tokenizer(folder: &ModelFolder) -> Result<TextTokenizer> {
    let path = folder.tokenizer();
    let tokenizer = TextTokenizer::from_file(&path, folder.max_tokens())?;
    let rows = folder.config().vocab_size;
    if tokenizer.vocabulary() as i64 > rows {
        return Err(Error::Config {
            reason: format!(
                "it knows {} tokens, but config.json has vocab_size {rows}",
                tokenizer.vocabulary()
            ),
            path,
        });
    }
    Ok(tokenizer)
}

/// Concatenates `parts` and puts row `i`, which belongs to input `order[i]`, back to where it belongs.
pub(crate) fn restore_order(parts: &[Tensor], order: &[usize], device: Device) -> Tensor {
    let mut place = vec![0i64; order.len()];
    for (at, &row) in order.iter().enumerate() {
        place[row] = at as i64;
    }
    let place = Tensor::from_slice(&place).to_device(device);
    Tensor::cat(parts, 0).index_select(0, &place)
}
