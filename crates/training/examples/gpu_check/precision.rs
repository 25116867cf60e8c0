//! Half precision against float32.

use anyhow::{Context, Result};
use jobmatch_training::Precision;
use tch::Device;

use crate::model::{Case, Net, Shape, train};
use crate::report::Outcome;

/// A half precision and how far its losses may be from those of float32.
#[derive(Debug)]
pub struct Half {
    pub title: &'static str,
    precision: Precision,
    bound: f64,
}

/// bfloat16 has 8 bits of mantissa, float16 11.
pub const ALL: [&Half; 2] = [
    &Half {
        title: "bf16 autocast: 30 losses track float32",
        precision: Precision::Bf16,
        bound: 0.02,
    },
    &Half {
        title: "fp16 autocast and loss scale: 30 losses track float32",
        precision: Precision::Fp16,
        bound: 0.005,
    },
];

fn losses(device: Device, precision: Precision) -> Result<Vec<f64>> {
    let case = Case {
        precision,
        steps: 30,
        poisoned: None,
    };
    let net = Net::new(Shape::SMALL, 0.0, device)?;
    let rows = train(&net, case, None, 30)?;
    let losses = rows.iter().map(|row| row.loss);
    losses
        .collect::<Option<Vec<f64>>>()
        .context("a step was skipped")
}

pub fn tracks_float32(device: Device, half: &Half) -> Result<Outcome> {
    let full = losses(device, Precision::Float32)?;
    let low = losses(device, half.precision)?;
    let difference = full
        .iter()
        .zip(&low)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    Ok(Outcome::judged(
        format!("largest difference {difference:.1e}"),
        format!("above 0, up to {}", half.bound),
        difference > 0.0 && difference <= half.bound,
    ))
}

pub fn skips_an_infinite_loss(device: Device) -> Result<Outcome> {
    let case = Case {
        precision: Precision::Fp16,
        steps: 6,
        poisoned: Some(4),
    };
    let net = Net::new(Shape::SMALL, 0.0, device)?;
    let rows = train(&net, case, None, 6)?;
    let scale = |step: usize| rows[step - 1].loss_scale.unwrap_or(0.0);
    let skipped = rows[3].loss.is_none() && rows[4].loss.is_some();
    Ok(Outcome::judged(
        format!("scale {} to {}", scale(4), scale(5)),
        "half, and the next step is sound",
        skipped && scale(5) == scale(4) / 2.0,
    ))
}
