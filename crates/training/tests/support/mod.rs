//! A small encoder with a classifying head, rows for it, and one training, as the tests run it in one or several
//! processes.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::Path;

use jobmatch_encoder::{BertConfig, BertModel, TokenBatch, Tokens, Transformer};
use jobmatch_records::{Pair, PairSource, ParquetWriter};
use jobmatch_torch_ext::{World, best_device};
use jobmatch_training::{
    Cursor, CursorConfig, Error, OptimizerConfig, Place, Plan, Precision, Result, Stop, Trainer,
    TrainerConfig,
};
use tch::{Device, Kind, Tensor, nn, nn::Module};

const VOCABULARY: i64 = 40;
const TOKENS: usize = 12;
pub const BATCH: usize = 16;

/// What differs between two trainings of these tests.
#[derive(Debug, Clone)]
pub struct Case {
    pub steps: u64,
    pub accumulation: usize,
    pub dropout: f64,
    pub kind: Kind,
    pub precision: Precision,
    pub checkpoint_every: u64,
    pub evaluate_every: u64,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            steps: 20,
            accumulation: 1,
            dropout: 0.0,
            kind: Kind::Double,
            precision: Precision::Float32,
            checkpoint_every: 1000,
            evaluate_every: 1000,
        }
    }
}

/// Writes `rows` pairs whose label follows from their text.
pub fn write_rows(folder: &Path, rows: u64) {
    std::fs::create_dir_all(folder).unwrap();
    let mut writer = ParquetWriter::create(&folder.join("part-00000.parquet")).unwrap();
    let pairs: Vec<Pair> = (0..rows)
        .map(|number| Pair {
            pair_id: number,
            job_id: format!("j{}", number / 3),
            sentence_index: None,
            start: None,
            end: None,
            attribute_id: format!("a{}", number % 7),
            text: format!("text {} of {}", number * 7919 % 1009, number % 5),
            passage: format!("passage {}", number % 7),
            label: (number % 2) as f32,
            source: PairSource::Evidence,
            alignment_score: None,
            positive_id: None,
        })
        .collect();
    writer.write(&pairs).unwrap();
    writer.finish().unwrap();
}

/// The encoder and its head.
pub struct Net {
    pub store: nn::VarStore,
    bert: BertModel,
    head: nn::Linear,
}

/// One rank alone: on a GPU when there is one.
pub fn alone() -> World {
    World::alone(best_device(0))
}

impl Net {
    pub fn new(case: &Case, device: Device) -> Self {
        tch::manual_seed(1);
        let config: BertConfig = serde_json::from_value(serde_json::json!({
            "model_type": "bert", "vocab_size": VOCABULARY, "hidden_size": 16, "num_hidden_layers": 2,
            "num_attention_heads": 2, "intermediate_size": 24, "hidden_act": "gelu",
            "hidden_dropout_prob": case.dropout, "attention_probs_dropout_prob": case.dropout,
            "max_position_embeddings": TOKENS, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
            "initializer_range": 0.2,
        }))
        .unwrap();
        let mut store = nn::VarStore::new(device);
        let bert = BertModel::new(&(store.root() / "bert"), &config);
        let head = nn::linear(store.root() / "head", 16, 1, Default::default());
        store.set_kind(case.kind);
        Self { store, bert, head }
    }

    /// Mean binary cross-entropy.
    pub fn loss(&self, pairs: &[Pair], train: bool) -> Tensor {
        let tokens: Vec<Tokens> = pairs
            .iter()
            .map(|pair| {
                let ids = pair.text.bytes().map(|b| u32::from(b) % VOCABULARY as u32);
                Tokens::from_ids(ids.take(TOKENS).collect())
            })
            .collect();
        let device = self.store.device();
        let rows: Vec<usize> = (0..pairs.len()).collect();
        let batch = TokenBatch::new(&tokens, &rows, device);
        let hidden_th = self.bert.forward(&batch, train).unwrap();
        let logits = self
            .head
            .forward(&batch.first_tokens(&hidden_th).tanh())
            .squeeze_dim(-1);
        let labels: Vec<f32> = pairs.iter().map(|pair| pair.label).collect();
        let labels = Tensor::from_slice(&labels)
            .to_kind(logits.kind())
            .to_device(device);
        let none = None::<&Tensor>;
        logits.binary_cross_entropy_with_logits(&labels, none, none, tch::Reduction::Mean)
    }

    /// All variables in one row, by name.
    pub fn weights(&self) -> Vec<f64> {
        let all: std::collections::BTreeMap<String, Tensor> =
            self.store.variables().into_iter().collect();
        all.values()
            .flat_map(|tensor| {
                let flat = tensor.detach().to_kind(Kind::Double).contiguous().view(-1);
                Vec::<f64>::try_from(flat).unwrap()
            })
            .collect()
    }
}

/// Trains on the rows in `folder/train`; with `keeps`, log and checkpoints lie in `folder/work`. `after` sees the trainer
/// after each step.
pub fn train(
    world: &World,
    folder: &Path,
    case: &Case,
    keeps: bool,
    mut after: impl FnMut(&Trainer),
) -> Result<Net> {
    let net = Net::new(case, world.device());
    let mut rows: Cursor<Pair> = Cursor::open(&folder.join("train"), CursorConfig::default(), 5)?;
    let plan = Plan::new(&rows, BATCH, 1000, Some(case.steps), false)?;
    let config = TrainerConfig {
        optimizer: OptimizerConfig {
            learning_rate: 1e-3,
            ..OptimizerConfig::default()
        },
        precision: case.precision,
        accumulation: case.accumulation,
        checkpoint_every: case.checkpoint_every,
        ..TrainerConfig::default()
    };
    let place = Place {
        log: folder.join("work/log.jsonl"),
        checkpoints: folder.join("work/checkpoints"),
    };
    let stop = if keeps {
        Stop::on_sigterm()?
    } else {
        Stop::never()
    };
    let place = keeps.then_some(&place);
    let mut trainer = Trainer::start(world, &net.store, config, plan, 5, place, stop)?;
    while !trainer.is_done() {
        rows.seek(trainer.position())?;
        let batch = rows.next_batch(BATCH)?;
        for part in trainer.parts(batch.len()) {
            trainer.backward(&part, |rows| Ok::<_, Error>(net.loss(&batch[rows], true)))?;
        }
        trainer.step()?;
        if trainer.done().is_multiple_of(case.evaluate_every) {
            let measure = || {
                let loss = tch::no_grad(|| net.loss(&batch, false));
                Ok::<_, Error>(loss.double_value(&[]))
            };
            trainer.evaluate(measure, |loss| -loss)?;
        }
        trainer.save_if_due()?;
        after(&trainer);
    }
    trainer.finish::<f64>()?;
    Ok(net)
}
