//! The BERT encoder: one forward pass for training and inference.
//!
//! The arithmetic and the names of the weights agree with `BertModel` and `BertForSequenceClassification` of
//! Hugging Face transformers. A tensor's name ends with its axes: `b` batch, `t` tokens, `h` hidden,
//! `n` heads, `d` width of a head.

use tch::nn::{self, Init, LayerNorm, LayerNormConfig, Linear, Module};
use tch::{Kind, Tensor};

use crate::config::{Activation, BertConfig};
use crate::tokens::TokenBatch;

/// Parameter group of the weights that decay while training.
const DECAYED: usize = 0;
/// Parameter group of biases and layer normalizations, which do not decay.
const NOT_DECAYED: usize = 1;

/// Makes variables in the right parameter group with BERT's initial values.
struct Builder<'c> {
    config: &'c BertConfig,
}

impl Builder<'_> {
    fn weights(&self) -> Init {
        Init::Randn {
            mean: 0.0,
            stdev: self.config.initializer_range,
        }
    }

    fn embedding(&self, path: nn::Path, rows: i64) -> Tensor {
        path.set_group(DECAYED)
            .var("weight", &[rows, self.config.hidden_size], self.weights())
    }

    fn linear(&self, path: nn::Path, inputs: i64, outputs: i64) -> Linear {
        // Weight and bias belong to different groups, so they are made one by one.
        let ws = path
            .set_group(DECAYED)
            .var("weight", &[outputs, inputs], self.weights());
        let bs = path
            .set_group(NOT_DECAYED)
            .var("bias", &[outputs], Init::Const(0.0));
        Linear { ws, bs: Some(bs) }
    }

    fn layer_norm(&self, path: nn::Path) -> LayerNorm {
        let config = LayerNormConfig {
            eps: self.config.layer_norm_eps,
            ..LayerNormConfig::default()
        };
        nn::layer_norm(
            path.set_group(NOT_DECAYED),
            vec![self.config.hidden_size],
            config,
        )
    }
}

#[derive(Debug)]
struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    attention_output: Linear,
    attention_norm: LayerNorm,
    intermediate: Linear,
    output: Linear,
    output_norm: LayerNorm,
}

impl Layer {
    fn new(path: &nn::Path, build: &Builder) -> Self {
        let (hidden, inner) = (build.config.hidden_size, build.config.intermediate_size);
        let attention = path / "attention";
        Self {
            query: build.linear(&attention / "self" / "query", hidden, hidden),
            key: build.linear(&attention / "self" / "key", hidden, hidden),
            value: build.linear(&attention / "self" / "value", hidden, hidden),
            attention_output: build.linear(&attention / "output" / "dense", hidden, hidden),
            attention_norm: build.layer_norm(&attention / "output" / "LayerNorm"),
            intermediate: build.linear(path / "intermediate" / "dense", hidden, inner),
            output: build.linear(path / "output" / "dense", inner, hidden),
            output_norm: build.layer_norm(path / "output" / "LayerNorm"),
        }
    }

    fn forward(
        &self,
        hidden_bth: &Tensor,
        mask: Option<&Tensor>,
        config: &BertConfig,
        train: bool,
    ) -> Tensor {
        let (batch, tokens, hidden) = match hidden_bth.size()[..] {
            [batch, tokens, hidden] => (batch, tokens, hidden),
            _ => unreachable!("hidden states have three axes"),
        };
        let heads = config.num_attention_heads;
        let split = |linear: &Linear| {
            linear
                .forward(hidden_bth)
                .view([batch, tokens, heads, hidden / heads])
                .transpose(1, 2)
        };
        let attention_dropout = if train {
            config.attention_probs_dropout_prob
        } else {
            0.0
        };
        let context_bntd = Tensor::scaled_dot_product_attention(
            &split(&self.query),
            &split(&self.key),
            &split(&self.value),
            mask,
            attention_dropout,
            false,
            None,
            false,
        );
        let context_bth = context_bntd
            .transpose(1, 2)
            .reshape([batch, tokens, hidden]);

        let dropout = config.hidden_dropout_prob;
        let attended = self
            .attention_output
            .forward(&context_bth)
            .dropout(dropout, train);
        let hidden_bth = self.attention_norm.forward(&(attended + hidden_bth));
        let inner = activate(&self.intermediate.forward(&hidden_bth), config.hidden_act);
        let outer = self.output.forward(&inner).dropout(dropout, train);
        self.output_norm.forward(&(outer + hidden_bth))
    }
}

fn activate(values: &Tensor, activation: Activation) -> Tensor {
    match activation {
        Activation::Gelu => values.gelu("none"),
        Activation::GeluNew => values.gelu("tanh"),
        Activation::Relu => values.relu(),
    }
}

/// A BERT encoder with its pooler (the linear layer over the first token that classification heads use).
#[derive(Debug)]
pub struct BertModel {
    config: BertConfig,
    word_embeddings: Tensor,
    position_embeddings: Tensor,
    token_type_embeddings: Tensor,
    embedding_norm: LayerNorm,
    layers: Vec<Layer>,
    pooler: Linear,
}

impl BertModel {
    /// Makes the variables under `path`, with fresh values. The configuration must have been checked
    /// (reading a [`ModelFolder`](crate::ModelFolder) checks it).
    pub fn new(path: &nn::Path, config: &BertConfig) -> Self {
        let build = Builder { config };
        let embeddings = path / "embeddings";
        let hidden = config.hidden_size;
        let layers = path / "encoder" / "layer";
        Self {
            word_embeddings: build.embedding(&embeddings / "word_embeddings", config.vocab_size),
            position_embeddings: build.embedding(
                &embeddings / "position_embeddings",
                config.max_position_embeddings,
            ),
            token_type_embeddings: build.embedding(
                &embeddings / "token_type_embeddings",
                config.type_vocab_size,
            ),
            embedding_norm: build.layer_norm(&embeddings / "LayerNorm"),
            layers: (0..config.num_hidden_layers)
                .map(|number| Layer::new(&(&layers / number), &build))
                .collect(),
            pooler: build.linear(path / "pooler" / "dense", hidden, hidden),
            config: config.clone(),
        }
    }

    /// The encoder's shape and arithmetic.
    pub fn config(&self) -> &BertConfig {
        &self.config
    }

    /// Hidden states of the last layer, `[batch, tokens, hidden]`. `train` switches dropout on.
    pub fn forward(&self, batch: &TokenBatch, train: bool) -> Tensor {
        let tokens = batch.ids_bt.size()[1];
        let embed = |table: &Tensor, ids: &Tensor| Tensor::embedding(table, ids, -1, false, false);
        let embedded_bth = embed(&self.word_embeddings, &batch.ids_bt)
            + embed(&self.token_type_embeddings, &batch.type_ids_bt)
            + self.position_embeddings.narrow(0, 0, tokens);
        let mut hidden_bth = self
            .embedding_norm
            .forward(&embedded_bth)
            .dropout(self.config.hidden_dropout_prob, train);
        let mask = batch.attention_mask();
        for layer in &self.layers {
            hidden_bth = layer.forward(&hidden_bth, mask.as_ref(), &self.config, train);
        }
        hidden_bth
    }

    /// The first token's hidden state through the pooler's linear layer and tanh, `[batch, hidden]`.
    pub fn pool_first(&self, hidden_bth: &Tensor) -> Tensor {
        self.pooler.forward(&hidden_bth.select(1, 0)).tanh()
    }
}

/// A BERT encoder with a classification head of one logit, as `BertForSequenceClassification` with one label.
#[derive(Debug)]
pub struct SequenceClassifier {
    bert: BertModel,
    classifier: Linear,
}

impl SequenceClassifier {
    /// Names of the head's weights start so; a bare encoder's folder has none.
    pub const HEAD: &'static str = "classifier.";

    /// Makes the variables under `path` (the encoder under `bert`, the head under `classifier`), with fresh values.
    pub fn new(path: &nn::Path, config: &BertConfig) -> Self {
        let build = Builder { config };
        Self {
            bert: BertModel::new(&(path / "bert"), config),
            classifier: build.linear(path / "classifier", config.hidden_size, 1),
        }
    }

    /// One logit per row, `[batch]`, float32. `train` switches dropout on.
    pub fn forward(&self, batch: &TokenBatch, train: bool) -> Tensor {
        let config = self.bert.config();
        let dropout = config
            .classifier_dropout
            .unwrap_or(config.hidden_dropout_prob);
        let hidden_bth = self.bert.forward(batch, train);
        let pooled_bh = self.bert.pool_first(&hidden_bth).dropout(dropout, train);
        self.classifier
            .forward(&pooled_bh)
            .squeeze_dim(-1)
            .to_kind(Kind::Float)
    }
}
