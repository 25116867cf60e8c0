//! A BERT encoder of a given shape with random weights, and a training of it on made-up tokens.

use std::path::Path;

use anyhow::Result;
use jobmatch_encoder::{BertConfig, BertModel, TokenBatch, Tokens, Transformer};
use jobmatch_torch_ext::World;
use jobmatch_training::{
    OptimizerConfig, Place, Plan, Precision, StepRow, Stop, Trainer, TrainerConfig,
};
use tch::{Device, Kind, Tensor, nn, nn::Module};

/// A model's shape, and that of its batches.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub layers: i64,
    pub hidden: i64,
    pub heads: i64,
    pub inner: i64,
    pub vocabulary: i64,
    pub rows: i64,
    pub tokens: i64,
}

impl Shape {
    /// For checks of arithmetic.
    pub const SMALL: Self = Self {
        layers: 2,
        hidden: 64,
        heads: 4,
        inner: 128,
        vocabulary: 500,
        rows: 16,
        tokens: 24,
    };
    /// e5-base.
    pub const BASE: Self = Self {
        layers: 12,
        hidden: 768,
        heads: 12,
        inner: 3072,
        vocabulary: 30522,
        rows: 64,
        tokens: 128,
    };

    /// Floating point operations of one training step: 6 for each weight of a matrix product and token (2 forward, 4
    /// backward), and 12 · tokens · hidden for each layer and token of attention (two products, thrice).
    pub fn flops(&self) -> f64 {
        let weights = 4 * self.hidden * self.hidden + 2 * self.hidden * self.inner;
        let attention = 12 * self.tokens * self.hidden;
        (self.rows * self.tokens * self.layers * (6 * weights + attention)) as f64
    }
}

pub struct Net {
    pub store: nn::VarStore,
    bert: BertModel,
    head: nn::Linear,
    shape: Shape,
}

impl Net {
    pub fn new(shape: Shape, dropout: f64, device: Device) -> Result<Self> {
        tch::manual_seed(1);
        let config: BertConfig = serde_json::from_value(serde_json::json!({
            "model_type": "bert", "vocab_size": shape.vocabulary, "hidden_size": shape.hidden,
            "num_hidden_layers": shape.layers, "num_attention_heads": shape.heads,
            "intermediate_size": shape.inner, "hidden_act": "gelu", "hidden_dropout_prob": dropout,
            "attention_probs_dropout_prob": dropout, "max_position_embeddings": shape.tokens,
            "type_vocab_size": 2, "layer_norm_eps": 1e-12, "initializer_range": 0.05,
        }))?;
        let store = nn::VarStore::new(device);
        let bert = BertModel::new(&(store.root() / "bert"), &config);
        let head = nn::linear(store.root() / "head", shape.hidden, 1, Default::default());
        Ok(Self {
            store,
            bert,
            head,
            shape,
        })
    }

    /// Mean binary cross-entropy over the rows `from..to` of batch number `step`, whose tokens follow from their numbers.
    pub fn loss(&self, step: u64, rows: std::ops::Range<usize>) -> Result<Tensor> {
        let Shape {
            vocabulary, tokens, ..
        } = self.shape;
        let device = self.store.device();
        let sequences: Vec<Tokens> = rows
            .map(|row| {
                let first = (step as i64 * self.shape.rows + row as i64) * tokens;
                let ids = (first..first + tokens).map(|at| ((at * 7919 + 13) % vocabulary) as u32);
                Tokens::from_ids(ids.collect())
            })
            .collect();
        let all: Vec<usize> = (0..sequences.len()).collect();
        let batch = TokenBatch::new(&sequences, &all, device);
        let labels_b = batch
            .first_tokens(&batch.ids_t.unsqueeze(1))
            .squeeze_dim(-1)
            .remainder(2)
            .to_kind(Kind::Float);
        let hidden_th = self.bert.forward(&batch, true)?;
        let logits_b = self
            .head
            .forward(&batch.first_tokens(&hidden_th))
            .squeeze_dim(-1);
        let none = None::<&Tensor>;
        Ok(logits_b
            .to_kind(Kind::Float)
            .binary_cross_entropy_with_logits(&labels_b, none, none, tch::Reduction::Mean))
    }
}

/// What differs between two trainings.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub precision: Precision,
    pub steps: u64,
    /// The step whose loss is made infinite.
    pub poisoned: Option<u64>,
}

/// Trains `net`; what the log would say of each step. With `folder` it leaves checkpoints there, and goes on from them.
pub fn train(net: &Net, case: Case, folder: Option<&Path>, until: u64) -> Result<Vec<StepRow>> {
    let world = World::alone(net.store.device());
    let rows = net.shape.rows as usize;
    let plan = Plan {
        batch_size: rows,
        steps_per_epoch: u64::MAX,
        total_steps: case.steps,
        data: "made up".to_owned(),
    };
    let config = TrainerConfig {
        optimizer: OptimizerConfig {
            learning_rate: 2e-4,
            ..OptimizerConfig::default()
        },
        precision: case.precision,
        checkpoint_every: until.max(1),
        ..TrainerConfig::default()
    };
    let place = folder.map(|folder| Place {
        log: folder.join("log.jsonl"),
        checkpoints: folder.join("checkpoints"),
    });
    let stop = Stop::never();
    let mut trainer = Trainer::start(&world, &net.store, config, plan, 1, place.as_ref(), stop)?;
    let mut steps = Vec::new();
    while !trainer.is_done() && trainer.done() < until {
        let step = trainer.done();
        for part in trainer.parts(rows) {
            trainer.backward(&part, |rows| {
                let loss = net.loss(step, rows)?;
                let poison = case.poisoned == Some(step + 1);
                anyhow::Ok(if poison { loss * f64::INFINITY } else { loss })
            })?;
        }
        steps.push(trainer.step()?);
        trainer.save_if_due()?;
    }
    Ok(steps)
}
