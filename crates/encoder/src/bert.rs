//! BERT and its relatives: one forward pass for training and inference.
//!
//! The arithmetic and the names of the weights agree with `BertModel`, `RobertaModel` and `DistilBertModel` of Hugging Face
//! transformers. A tensor's name ends with its axes: `t` the tokens of all sequences, `h` hidden, `n` heads, `d` width of a
//! head, `b` sequences.

use jobmatch_torch_ext::{Activation, LinearFormat, variable_length_attention};
use tch::{Kind, Tensor, nn};

use crate::builder::{Builder, Norm, frozen};
use crate::config::{self, BertConfig, Family};
use crate::projection::Projection;
use crate::{Result, TokenBatch};

/// What turns tokens into hidden states: one interface for all families.
pub trait Transformer: std::fmt::Debug + Send {
    /// Hidden states of the last layer, `[tokens, hidden]`. `train` switches dropout on.
    ///
    /// # Errors
    /// When libtorch refuses, such as for a token id that the embedding has no row for.
    fn forward(&self, batch: &TokenBatch, train: bool) -> Result<Tensor>;

    /// A copy for inference alone, whose linear layers compute in `format`.
    ///
    /// # Errors
    /// When there is none in this format, or this is frozen already.
    fn freeze(&self, format: LinearFormat) -> Result<Box<dyn Transformer>>;

    /// The same frozen weights, for another thread; `None` where they are not frozen, or cannot be shared.
    fn share(&self) -> Option<Box<dyn Transformer>>;
}

#[derive(Debug)]
struct Layer {
    query_key_value: Projection,
    attention_output: Projection,
    attention_norm: Norm,
    intermediate: Projection,
    output: Projection,
    output_norm: Norm,
}

impl Layer {
    fn new(path: &nn::Path, build: &Builder) -> Self {
        let (hidden, inner) = (build.config.hidden_size, build.config.intermediate_size);
        let attention = path / "attention";
        let [query_key_value, attention_output, intermediate, output] = match build.config.family()
        {
            Family::Bert | Family::Roberta => {
                let part = &attention / "self";
                [
                    vec![&part / "query", &part / "key", &part / "value"],
                    vec![&attention / "output" / "dense"],
                    vec![path / "intermediate" / "dense"],
                    vec![path / "output" / "dense"],
                ]
            }
            Family::DistilBert => [
                vec![
                    &attention / "q_lin",
                    &attention / "k_lin",
                    &attention / "v_lin",
                ],
                vec![&attention / "out_lin"],
                vec![path / "ffn" / "lin1"],
                vec![path / "ffn" / "lin2"],
            ],
        };
        let [attention_norm, output_norm] = match build.config.family() {
            Family::Bert | Family::Roberta => [
                &attention / "output" / "LayerNorm",
                path / "output" / "LayerNorm",
            ],
            Family::DistilBert => [path / "sa_layer_norm", path / "output_layer_norm"],
        };
        Self {
            query_key_value: Projection::new(build, &query_key_value, hidden, hidden),
            attention_output: Projection::new(build, &attention_output, hidden, hidden),
            attention_norm: build.layer_norm(attention_norm),
            intermediate: Projection::new(build, &intermediate, hidden, inner),
            output: Projection::new(build, &output, inner, hidden),
            output_norm: build.layer_norm(output_norm),
        }
    }

    fn forward(
        &self,
        hidden_th: &Tensor,
        batch: &TokenBatch,
        config: &BertConfig,
        train: bool,
    ) -> Result<Tensor> {
        let heads = config.num_attention_heads;
        let width = config.hidden_size / heads;
        let tokens = batch.tokens() as i64;
        let qkv_tnd = self
            .query_key_value
            .forward(hidden_th, None)?
            .f_view([tokens, 3, heads, width])?;
        let context_tnd = variable_length_attention(
            &qkv_tnd.f_select(1, 0)?,
            &qkv_tnd.f_select(1, 1)?,
            &qkv_tnd.f_select(1, 2)?,
            &batch.offsets,
            if train {
                config.attention_probs_dropout_prob
            } else {
                0.0
            },
        )?;
        let context_th = context_tnd.f_view([tokens, config.hidden_size])?;
        let dropout = config.hidden_dropout_prob;
        let attended_th =
            self.attention_output
                .forward_onto(&context_th, hidden_th, dropout, train)?;
        let hidden_th = self.attention_norm.forward(&attended_th)?;
        let inner_ti = self
            .intermediate
            .forward(&hidden_th, Some(activation(config)))?;
        let outer_th = self
            .output
            .forward_onto(&inner_ti, &hidden_th, dropout, train)?;
        self.output_norm.forward(&outer_th)
    }

    fn share(&self) -> Option<Self> {
        Some(Self {
            query_key_value: self.query_key_value.share()?,
            attention_output: self.attention_output.share()?,
            attention_norm: self.attention_norm.share(),
            intermediate: self.intermediate.share()?,
            output: self.output.share()?,
            output_norm: self.output_norm.share(),
        })
    }

    fn freeze(&self, format: LinearFormat) -> Result<Self> {
        let kind = kind_of(format);
        Ok(Self {
            query_key_value: self.query_key_value.freeze(format)?,
            attention_output: self.attention_output.freeze(format)?,
            attention_norm: self.attention_norm.freeze(kind),
            intermediate: self.intermediate.freeze(format)?,
            output: self.output.freeze(format)?,
            output_norm: self.output_norm.freeze(kind),
        })
    }
}

/// Kind of the hidden states between linear layers of this format.
pub(crate) fn kind_of(format: LinearFormat) -> Kind {
    match format {
        LinearFormat::Float(kind) => kind,
        LinearFormat::Int8 => Kind::Float,
    }
}

fn activation(config: &BertConfig) -> Activation {
    match config.hidden_act {
        config::Activation::Gelu => Activation::Gelu,
        config::Activation::GeluNew => Activation::GeluTanh,
        config::Activation::Relu => Activation::Relu,
    }
}

/// A BERT-like encoder.
#[derive(Debug)]
pub struct BertModel {
    config: BertConfig,
    word_embeddings: Tensor,
    position_embeddings: Tensor,
    /// DistilBERT has none.
    token_type_embeddings: Option<Tensor>,
    embedding_norm: Norm,
    layers: Vec<Layer>,
}

impl BertModel {
    /// Makes the variables under `path`, with fresh values. The configuration must have been checked
    /// (reading a [`ModelFolder`](crate::ModelFolder) checks it).
    pub fn new(path: &nn::Path, config: &BertConfig) -> Self {
        let build = Builder { config };
        let embeddings = path / "embeddings";
        let layers = match config.family() {
            Family::Bert | Family::Roberta => path / "encoder" / "layer",
            Family::DistilBert => path / "transformer" / "layer",
        };
        let types = config.type_vocab_size;
        Self {
            word_embeddings: build.embedding(&embeddings / "word_embeddings", config.vocab_size),
            position_embeddings: build.embedding(
                &embeddings / "position_embeddings",
                config.max_position_embeddings,
            ),
            token_type_embeddings: (config.family() != Family::DistilBert)
                .then(|| build.embedding(&embeddings / "token_type_embeddings", types)),
            embedding_norm: build.layer_norm(&embeddings / "LayerNorm"),
            layers: (0..config.num_hidden_layers)
                .map(|number| Layer::new(&(&layers / number), &build))
                .collect(),
            config: config.clone(),
        }
    }

    /// The encoder's shape and arithmetic.
    pub fn config(&self) -> &BertConfig {
        &self.config
    }

    fn embed(&self, batch: &TokenBatch) -> Result<Tensor> {
        let rows = |table: &Tensor, ids: &Tensor| Tensor::f_embedding(table, ids, -1, false, false);
        let positions_t = batch.places_t.f_add_scalar(self.config.first_position())?;
        let embedded_th = rows(&self.word_embeddings, &batch.ids_t)?
            .f_add(&rows(&self.position_embeddings, &positions_t)?)?;
        Ok(match &self.token_type_embeddings {
            // With one segment alone, a pair's texts share it.
            Some(types) if self.config.type_vocab_size == 1 => {
                embedded_th.f_add(&types.f_select(0, 0)?)?
            }
            Some(types) => embedded_th.f_add(&rows(types, &batch.type_ids_t)?)?,
            None => embedded_th,
        })
    }
}

impl Transformer for BertModel {
    fn forward(&self, batch: &TokenBatch, train: bool) -> Result<Tensor> {
        let embedded_th = self.embed(batch)?;
        let mut hidden_th = self
            .embedding_norm
            .forward(&embedded_th)?
            .f_dropout(self.config.hidden_dropout_prob, train)?;
        for layer in &self.layers {
            hidden_th = layer.forward(&hidden_th, batch, &self.config, train)?;
        }
        Ok(hidden_th)
    }

    fn freeze(&self, format: LinearFormat) -> Result<Box<dyn Transformer>> {
        let kind = kind_of(format);
        let layers: Result<Vec<Layer>> = self.layers.iter().map(|l| l.freeze(format)).collect();
        let types = self.token_type_embeddings.as_ref();
        Ok(Box::new(Self {
            config: self.config.clone(),
            word_embeddings: frozen(&self.word_embeddings, kind),
            position_embeddings: frozen(&self.position_embeddings, kind),
            token_type_embeddings: types.map(|table| frozen(table, kind)),
            embedding_norm: self.embedding_norm.freeze(kind),
            layers: layers?,
        }))
    }

    fn share(&self) -> Option<Box<dyn Transformer>> {
        let layers: Option<Vec<Layer>> = self.layers.iter().map(Layer::share).collect();
        let types = self.token_type_embeddings.as_ref();
        Some(Box::new(Self {
            config: self.config.clone(),
            word_embeddings: self.word_embeddings.shallow_clone(),
            position_embeddings: self.position_embeddings.shallow_clone(),
            token_type_embeddings: types.map(Tensor::shallow_clone),
            embedding_norm: self.embedding_norm.share(),
            layers: layers?,
        }))
    }
}
