//! A bi-encoder's half in use: texts to embeddings.

use std::sync::Arc;

use jobmatch_torch_ext::LinearFormat;
use tch::{Device, Tensor, nn};

use crate::batching::TokenUsage;
use crate::bert::Transformer;
use crate::folder::ModelFolder;
use crate::inference::{Compute, InferenceConfig, run, workers};
use crate::pooling::{Pooling, l2_normalize};
use crate::tokenizer::TextTokenizer;
use crate::{Error, Result, SentenceEncoder, TokenBatch};

/// An encoder for inference alone: its weights are laid out for the device, in the precision asked for.
#[derive(Debug)]
pub struct Embedder {
    folder: ModelFolder,
    model: Box<dyn Transformer>,
    tokenizer: Arc<TextTokenizer>,
    config: InferenceConfig,
    device: Device,
}

impl Embedder {
    /// Loads the model called `name` (see [`resolve_model`](crate::resolve_model)) onto `device`.
    ///
    /// # Errors
    /// A missing or unusable file, a missing, extra or wrongly shaped tensor, and a setting that the model or the device does not
    /// bear, are named.
    pub fn load(name: &str, device: Device, config: InferenceConfig) -> Result<Self> {
        SentenceEncoder::load(name, device)?.embedder(config)
    }

    pub(crate) fn new(
        folder: ModelFolder,
        model: &dyn Transformer,
        tokenizer: Arc<TextTokenizer>,
        config: InferenceConfig,
        store: &nn::VarStore,
    ) -> Result<Self> {
        config.check(folder.config().hidden_size as usize)?;
        let device = store.device();
        let format = match (config.format(device)?, store.variables().values().next()) {
            // A model that is kept in float64 is computed so.
            (LinearFormat::Float(tch::Kind::Float), Some(variable))
                if variable.kind() == tch::Kind::Double =>
            {
                LinearFormat::Float(tch::Kind::Double)
            }
            (format, _) => format,
        };
        Ok(Self {
            model: model.freeze(format)?,
            folder,
            tokenizer,
            config,
            device,
        })
    }

    /// Numbers in an embedding.
    pub fn dimension(&self) -> usize {
        let width = self.folder.config().hidden_size as usize;
        self.config.dimensions.unwrap_or(width)
    }

    /// The folder it came from.
    pub fn folder(&self) -> &ModelFolder {
        &self.folder
    }

    /// The tokenizer, which cuts texts to the model's length.
    pub fn tokenizer(&self) -> &TextTokenizer {
        &self.tokenizer
    }

    /// Embeddings of texts, each after `prompt`: `texts.len() * dimension` numbers, row after row, in input order; and the tokens
    /// that were computed. `progress` hears after each pass how many texts are done.
    ///
    /// # Errors
    /// When a text cannot be tokenized, or libtorch fails.
    pub fn embed(
        &self,
        prompt: &str,
        texts: &[&str],
        progress: &mut dyn FnMut(usize),
    ) -> Result<(Vec<f32>, TokenUsage)> {
        let tokenizer = self.tokenizer();
        let (pooling, dimensions) = (self.folder.pooling(), self.config.dimensions);
        let other = |model: Box<dyn Transformer>| -> Compute {
            Box::new(move |batch| embed_batch(model.as_ref(), pooling, dimensions, batch))
        };
        run(
            texts,
            self.dimension(),
            &self.config,
            self.device,
            |texts| tokenizer.encode(prompt, texts),
            |batch| self.embed_batch(batch),
            || {
                let shared = (0..workers(self.device)).map_while(|_| self.model.share());
                shared.map(other).collect()
            },
            progress,
        )
    }

    /// Embeddings `[rows, dimension]` of a batch.
    ///
    /// # Errors
    /// When libtorch fails.
    pub fn embed_batch(&self, batch: &TokenBatch) -> Result<Tensor> {
        let (pooling, dimensions) = (self.folder.pooling(), self.config.dimensions);
        embed_batch(self.model.as_ref(), pooling, dimensions, batch)
    }

    /// Hidden states of the last layer, `[tokens, hidden]`.
    ///
    /// # Errors
    /// When libtorch fails.
    pub fn hidden_states(&self, batch: &TokenBatch) -> Result<Tensor> {
        self.model.forward(batch, false)
    }
}

fn embed_batch(
    model: &dyn Transformer,
    pooling: Pooling,
    dimensions: Option<usize>,
    batch: &TokenBatch,
) -> Result<Tensor> {
    let hidden_th = model.forward(batch, false)?;
    let pooled_bh = pooling.apply(&hidden_th, batch);
    let Some(dimensions) = dimensions else {
        return Ok(pooled_bh);
    };
    let cut_bd = pooled_bh.f_narrow(1, 0, dimensions as i64)?;
    Ok(if pooling.normalize {
        l2_normalize(&cut_bd)
    } else {
        cut_bd
    })
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
