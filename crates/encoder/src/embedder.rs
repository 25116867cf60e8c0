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
use crate::tokens::Tokens;
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
        self.run(texts, |texts| tokenizer.encode(prompt, texts), progress)
    }

    fn run<T: Sync>(
        &self,
        inputs: &[T],
        tokenize: impl Fn(&[T]) -> Result<Vec<Tokens>> + Sync,
        progress: &mut dyn FnMut(usize),
    ) -> Result<(Vec<f32>, TokenUsage)> {
        let (pooling, dimensions) = (self.folder.pooling(), self.config.dimensions);
        let other = |model: Box<dyn Transformer>| -> Compute {
            Box::new(move |batch| embed_batch(model.as_ref(), pooling, dimensions, batch))
        };
        run(
            inputs,
            self.dimension(),
            &self.config,
            self.device,
            tokenize,
            |batch| self.embed_batch(batch),
            || {
                let shared = (0..workers(self.device)).map_while(|_| self.model.share());
                shared.map(other).collect()
            },
            progress,
        )
    }

    /// Embeddings of texts of any length, each after `prompt`, as [`embed`](Self::embed) gives them: a text that is longer than the
    /// model takes is computed in windows that share `stride` tokens, and its embedding is the mean of theirs, weighted by
    /// their tokens, brought to unit length where the model's embeddings are.
    ///
    /// # Errors
    /// As [`embed`](Self::embed), and when prompt and `stride` leave no room in a window.
    pub fn embed_long(
        &self,
        prompt: &str,
        texts: &[&str],
        stride: usize,
        progress: &mut dyn FnMut(usize),
    ) -> Result<(Vec<f32>, TokenUsage)> {
        let windows = self.tokenizer.encode_windows(prompt, texts, stride)?;
        let tokens: Vec<Tokens> = windows
            .iter()
            .flatten()
            .map(|window| window.tokens.clone())
            .collect();
        let (of_windows, usage) = self.embed_tokens(&tokens)?;
        let dimension = self.dimension();
        let mut rows = of_windows.chunks_exact(dimension);
        let mut values = Vec::with_capacity(texts.len() * dimension);
        for windows in &windows {
            let parts = windows.iter().zip(rows.by_ref());
            let parts = parts.map(|(window, row)| (window.tokens.len(), row));
            values.extend(weighted_mean(
                parts,
                dimension,
                self.folder.pooling().normalize,
            ));
        }
        progress(texts.len());
        Ok((values, usage))
    }

    fn embed_tokens(&self, tokens: &[Tokens]) -> Result<(Vec<f32>, TokenUsage)> {
        self.run(tokens, |tokens| Ok(tokens.to_vec()), &mut |_| {})
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

/// The mean of rows, each weighted by its count; a single row as it is.
fn weighted_mean<'r>(
    parts: impl Iterator<Item = (usize, &'r [f32])>,
    dimension: usize,
    normalize: bool,
) -> Vec<f32> {
    let parts: Vec<(usize, &[f32])> = parts.collect();
    if let [(_, row)] = parts[..] {
        return row.to_vec();
    }
    let mut sums = vec![0f64; dimension];
    for (count, row) in &parts {
        for (sum, value) in sums.iter_mut().zip(*row) {
            *sum += *count as f64 * f64::from(*value);
        }
    }
    let divisor = if normalize {
        let length = sums.iter().map(|sum| sum * sum).sum::<f64>().sqrt();
        length.max(1e-12)
    } else {
        parts.iter().map(|(count, _)| *count as f64).sum()
    };
    sums.iter().map(|sum| (sum / divisor) as f32).collect()
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
