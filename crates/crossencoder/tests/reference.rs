//! One training step against PyTorch's numbers (`fixtures/reference/encoder.py` makes them).
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

use std::collections::HashMap;

use jobmatch_crossencoder::binary_cross_entropy;
use jobmatch_encoder::{Device, PairEncoder, TokenBudget};
use jobmatch_torch_ext::World;
use jobmatch_training::{Error, OptimizerConfig, Plan, Stop, Trainer, TrainerConfig};
use tch::Tensor;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures");

#[derive(serde::Deserialize)]
struct Texts {
    pairs: Vec<(String, String)>,
    labels: Vec<f32>,
    pos_weight: f64,
}

fn distance(ours: &Tensor, theirs: &Tensor) -> f64 {
    (ours - theirs).abs().max().double_value(&[])
}

#[test]
fn loss_gradient_and_a_step_equal_those_of_pytorch() {
    let numbers: HashMap<String, Tensor> =
        Tensor::read_safetensors(format!("{FIXTURES}/reference/encoder.safetensors"))
            .unwrap()
            .into_iter()
            .collect();
    let texts: Texts =
        serde_json::from_slice(&std::fs::read(format!("{FIXTURES}/reference/texts.json")).unwrap())
            .unwrap();
    let pairs: Vec<(&str, &str)> = texts
        .pairs
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();

    let encoder = PairEncoder::load(&format!("{FIXTURES}/models/tiny-cross"), Device::Cpu).unwrap();
    let config = TrainerConfig {
        optimizer: OptimizerConfig {
            learning_rate: 1e-3,
            weight_decay: 0.01,
            warmup_ratio: 0.0,
            ..OptimizerConfig::default()
        },
        ..TrainerConfig::default()
    };
    let plan = Plan {
        batch_size: pairs.len(),
        steps_per_epoch: 1,
        total_steps: 1_000_000_000,
        data: String::new(),
    };
    let (world, store) = (World::alone(Device::Cpu), encoder.store());
    let mut trainer = Trainer::start(&world, store, config, plan, 1, None, Stop::never()).unwrap();
    let tokens = encoder.tokenizer().encode_pairs(&pairs).unwrap();
    // Several forward passes of like lengths must sum to the gradient of the one padded batch.
    let budget = TokenBudget {
        max_tokens: 100,
        max_rows: 8,
    };
    let logits = encoder.forward(&tokens, budget, false).unwrap();
    let loss = binary_cross_entropy(
        &logits,
        &Tensor::from_slice(&texts.labels),
        texts.pos_weight,
    );
    let difference = distance(&loss.detach(), &numbers["classification_loss"]);
    assert!(difference < 1e-6, "loss: {difference}");

    let [part] = &trainer.parts(pairs.len())[..] else {
        panic!("one part was asked for");
    };
    trainer.backward(part, |_| Ok::<_, Error>(loss)).unwrap();
    let gradient_norm = trainer.step().unwrap().gradient_norm.unwrap();
    let norm = numbers["classification_gradient_norm"].double_value(&[0]);
    assert!(
        (gradient_norm - norm).abs() < 1e-4 * norm,
        "{} {norm}",
        gradient_norm
    );
    let after = tch::no_grad(|| encoder.forward(&tokens, budget, false).unwrap());
    let difference = distance(&after, &numbers["classification_logits_after_a_step"]);
    assert!(difference < 1e-4, "logits after a step: {difference}");
}
