//! How fast a training is beside the device's matrix products, measured in the same run.

use std::process::Command;
use std::time::Instant;

use anyhow::Result;
use jobmatch_training::Precision;
use tch::{Device, Kind, Tensor};

use crate::model::{Case, Net, Shape, train};
use crate::report::Outcome;

/// The rows of the table, one for each figure.
pub fn measure(device: Device) -> Result<Vec<(String, Outcome)>> {
    let pace = paces(device)?;
    let row = |check: String, figure: String| (check, Outcome::measured(figure));
    Ok(vec![
        row(
            format!("{} rate of matrix products", pace.kind),
            pace.products,
        ),
        row(
            format!("training in {}, {}", pace.kind, pace.shape),
            pace.training,
        ),
        row(
            "its share of the rate of matrix products".to_owned(),
            pace.share,
        ),
        row("peak memory".to_owned(), pace.memory),
    ])
}

struct Pace {
    kind: &'static str,
    shape: &'static str,
    products: String,
    training: String,
    share: String,
    memory: String,
}

fn paces(device: Device) -> Result<Pace> {
    let (shape, precision, kind, steps) = if device.is_cuda() {
        (Shape::BASE, Precision::Bf16, Kind::BFloat16, 60)
    } else {
        let small = Shape {
            layers: 2,
            hidden: 256,
            heads: 4,
            inner: 1024,
            ..Shape::BASE
        };
        (small, Precision::Float32, Kind::Float, 4)
    };
    let rate = product_rate(device, kind, if device.is_cuda() { 8192 } else { 1024 });
    let net = Net::new(shape, 0.1, device)?;
    let case = Case {
        precision,
        steps: u64::MAX,
        poisoned: None,
    };
    // The first steps load kernels.
    train(&net, case, None, steps / 4)?;
    wait(device);
    let begun = Instant::now();
    train(&net, case, None, steps)?;
    wait(device);
    let seconds = begun.elapsed().as_secs_f64();
    let tokens = (shape.rows * shape.tokens) as f64 * steps as f64;
    let reached = shape.flops() * steps as f64 / seconds;
    Ok(Pace {
        kind: if device.is_cuda() { "bf16" } else { "float32" },
        shape: if device.is_cuda() {
            "e5-base shape, 64 rows of 128 tokens"
        } else {
            "2 layers of 256, 64 rows of 128 tokens"
        },
        products: format!("{:.2} TFLOP/s", rate / 1e12),
        training: format!("{:.0} tokens/s", tokens / seconds),
        share: format!("{:.0} %", 100.0 * reached / rate),
        memory: memory(device),
    })
}

/// Operations per second of a product of two square matrices.
fn product_rate(device: Device, kind: Kind, side: i64) -> f64 {
    let matrix = Tensor::rand([side, side], (Kind::Float, device)).to_kind(kind);
    let times = 20;
    for _ in 0..3 {
        let _ = matrix.matmul(&matrix);
    }
    wait(device);
    let begun = Instant::now();
    for _ in 0..times {
        let _ = matrix.matmul(&matrix);
    }
    wait(device);
    2.0 * (side as f64).powi(3) * f64::from(times) / begun.elapsed().as_secs_f64()
}

fn wait(device: Device) {
    if let Device::Cuda(index) = device {
        tch::Cuda::synchronize(index as i64);
    }
}

/// On a GPU what the driver says is used; on the CPU the most that was resident.
fn memory(device: Device) -> String {
    if device.is_cuda() {
        let asked = Command::new("nvidia-smi")
            .args(["--query-gpu=memory.used", "--format=csv,noheader"])
            .output();
        let text = asked.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        return text.map_or("unknown".to_owned(), |text| {
            text.lines().next().unwrap_or("unknown").to_owned()
        });
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or("unknown".to_owned(), |line| line.trim().to_owned())
}
