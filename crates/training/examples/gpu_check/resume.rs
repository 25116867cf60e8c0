//! A training that was interrupted against one that was not, with dropout.

use std::path::Path;

use anyhow::Result;
use jobmatch_training::Precision;
use tch::{Device, Kind, Tensor};

use crate::model::{Case, Net, Shape, train};
use crate::report::Outcome;

const STEPS: u64 = 20;

fn weights(net: &Net) -> Result<Vec<f32>> {
    let mut all: Vec<(String, Tensor)> = net.store.variables().into_iter().collect();
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut numbers = Vec::new();
    for (_, tensor) in all {
        let plain = tensor.detach().to_device(Device::Cpu).to_kind(Kind::Float);
        numbers.extend(Vec::<f32>::try_from(plain.contiguous().view(-1))?);
    }
    Ok(numbers)
}

pub fn same_bytes(device: Device) -> Result<Outcome> {
    let case = Case {
        precision: Precision::Fp16,
        steps: STEPS,
        poisoned: None,
    };
    let run = |folder: &Path, stops: &[u64]| -> Result<(Vec<f32>, Vec<u8>)> {
        let mut weights_now = Vec::new();
        for until in stops {
            // A new net each time: all that it knows comes from the checkpoint.
            let net = Net::new(Shape::SMALL, 0.1, device)?;
            train(&net, case, Some(folder), *until)?;
            weights_now = weights(&net)?;
        }
        Ok((weights_now, std::fs::read(folder.join("log.jsonl"))?))
    };
    let (straight, interrupted) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let one = run(straight.path(), &[STEPS])?;
    let two = run(interrupted.path(), &[7, 13, STEPS])?;
    let same = one == two;
    Ok(Outcome::judged(
        if same { "equal" } else { "different" },
        "weights and log of 20 steps in fp16, interrupted twice",
        same,
    ))
}
