//! Checks on a GPU machine what a machine without one cannot: run it there by `cargo xtask gpu-kit`'s script, or
//! `cargo run --release -p jobmatch-training --example gpu_check -- FOLDER`, which leaves `table.md` and `report.json` in
//! the folder. Without a GPU it does what can be done on the CPU, with a small model, and says what is absent.
#![allow(clippy::print_stdout, reason = "a program that shows a table")]

mod attention;
mod model;
mod pace;
mod precision;
mod ranks;
mod report;
mod resume;

use std::path::PathBuf;
use std::process::ExitCode;

use jobmatch_torch_ext::best_device;

use crate::report::{Outcome, Report};

fn main() -> ExitCode {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| ".".to_owned()));
    let device = best_device(0);
    let mut report = Report::default();
    report.run("CUDA seen by the program", || {
        if device.is_cuda() {
            let count = tch::Cuda::device_count();
            return Ok(Outcome::held(format!("{count} GPUs"), "1 or more"));
        }
        let why = jobmatch_torch_ext::load_cuda().err();
        Ok(Outcome::absent(why.unwrap_or("libtorch sees no GPU")))
    });
    report.run("NCCL: a world of one", || ranks::world_of_one(device));
    for precision in precision::ALL {
        report.run(precision.title, || {
            precision::tracks_float32(device, precision)
        });
    }
    report.run(
        "fp16: an infinite loss skips the step, halves the scale",
        || precision::skips_an_infinite_loss(device),
    );
    report.run("attention without padding: values", || {
        attention::values(device)
    });
    report.run("attention without padding: gradients", || {
        attention::gradients(device)
    });
    report.run("a resumed training has the same bytes", || {
        resume::same_bytes(device)
    });
    report.run_all("pace", || pace::measure(device));
    println!("{}", report.table());
    match report.write(&folder) {
        Ok(()) if report.all_held() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            println!("cannot write into {}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}
