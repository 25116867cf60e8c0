//! Examples per second and peak memory of training a bi-encoder on the CPU, beside sentence-transformers on the same batches, and
//! what a batch of 4,096 with cached gradients takes beside one of 64.
//!
//! `JOBMATCH_PEER_PYTHON=python cargo run --release -p jobmatch-benches-model --bin biencoder -- DATASET DEFINITIONS TEMPLATE [MODEL] [STEPS]`,
//! where DATASET is the output of `jobmatch-dataset` and that Python has sentence-transformers 6.2. The number of threads is
//! libtorch's own (`OMP_NUM_THREADS`). Each training runs in a process of its own, since memory is a process's; ours and the
//! peer's take turns, and the faster turn of each counts.
#![allow(clippy::print_stdout, reason = "a bench prints its table")]

// Named before all others, so that the linker meets libtorch before FAISS's BLAS.
extern crate jobmatch_retrieval as _;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use jobmatch_benches_model::Best;
use jobmatch_biencoder::{BiEncoderConfig, DevSet, TrainableBiEncoder, TrainingData, train};
use jobmatch_encoder::{Device, ModelFolder};
use jobmatch_records::{ReadOptions, read_definitions};
use jobmatch_stage::peak_memory_bytes;
use jobmatch_torch_ext::World;
use jobmatch_training::Stop;

const TURNS: usize = 2;
const SEED: u64 = 1;
const PEER: &str = include_str!("../../biencoder.py");
/// The argument that makes a process one training of ours.
const OURS: &str = "--ours";

/// What a training is measured on.
struct Inputs {
    dataset: PathBuf,
    definitions: PathBuf,
    template: String,
    model: String,
    steps: u64,
}

impl Inputs {
    fn of(arguments: &[String]) -> anyhow::Result<Self> {
        let [dataset, definitions, template, rest @ ..] = arguments else {
            anyhow::bail!("expected DATASET DEFINITIONS TEMPLATE [MODEL] [STEPS]");
        };
        Ok(Self {
            dataset: dataset.into(),
            definitions: definitions.into(),
            template: template.clone(),
            model: rest.first().map_or("minilm", String::as_str).to_owned(),
            steps: rest.get(1).map_or(Ok(30), |text| text.parse())?,
        })
    }

    fn data(&self, config: &BiEncoderConfig) -> anyhow::Result<TrainingData> {
        let definitions = read_definitions(&self.definitions, &ReadOptions::default())?;
        let template = self.template.parse()?;
        let mut data = TrainingData::open(&self.dataset, &definitions, &template, config, SEED)?;
        // Steps are measured, not evaluations.
        data.dev = DevSet::default();
        Ok(data)
    }
}

fn config(batch_size: usize, steps: u64, cached_gradients: bool) -> BiEncoderConfig {
    BiEncoderConfig {
        batch_size,
        epochs: u64::MAX,
        max_steps: Some(steps),
        cached_gradients,
        // As the peer's loss.
        symmetric: false,
        ..BiEncoderConfig::default()
    }
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, batch_size, cached, rest @ ..] = &arguments[..]
        && flag == OURS
    {
        return ours(&Inputs::of(rest)?, batch_size.parse()?, cached == "cached");
    }
    let mut inputs = Inputs::of(&arguments)?;
    let place = tempfile::tempdir()?;
    let batches = write_batches(&inputs, place.path())?;
    let model = ModelFolder::open(&inputs.model)?.dir().to_path_buf();
    let peer = std::env::var_os("JOBMATCH_PEER_PYTHON");
    let (mut us, mut them) = (Best::default(), Best::default());
    let (mut our_memory, mut their_memory) = (0, 0);
    for _ in 0..TURNS {
        let (rate, memory) = measured(&mut one_of_ours(&inputs, 64, false)?)?;
        us.hear(1.0 / rate);
        our_memory = memory;
        if let Some(python) = &peer {
            let mut command = Command::new(python);
            command.args(["-c", PEER]).arg(&batches).arg(&model);
            command.arg(place.path().join("peer"));
            let threads = tch::get_num_threads().to_string();
            let (rate, memory) = measured(command.args(["--threads", &threads]))?;
            them.hear(1.0 / rate);
            their_memory = memory;
        }
    }
    let mib = |bytes: u64| bytes >> 20;
    let rate = |best: Best| 1.0 / best.seconds();
    println!("| training, float32 | examples/s | times | peak MiB |\n| --- | --- | --- | --- |");
    let times = if peer.is_some() {
        format!("{:.2}", them.seconds() / us.seconds())
    } else {
        String::new()
    };
    println!(
        "| jobmatch, batch 64 | {:.1} | {times} | {} |",
        rate(us),
        mib(our_memory)
    );
    if peer.is_some() {
        let (rate, memory) = (rate(them), mib(their_memory));
        println!("| sentence-transformers, batch 64 | {rate:.1} | 1 | {memory} |");
    }
    let (rate, memory) = measured(&mut one_of_ours(&inputs, 64, true)?)?;
    println!(
        "| jobmatch, batch 64, cached gradients | {rate:.1} | | {} |",
        mib(memory)
    );
    inputs.steps = 2;
    let (rate, memory) = measured(&mut one_of_ours(&inputs, 4096, true)?)?;
    println!(
        "| jobmatch, batch 4,096, cached gradients | {rate:.1} | | {} |",
        mib(memory)
    );
    let share = memory as f64 / our_memory as f64;
    println!("\nA batch of 4,096 takes {share:.2} times the memory of one of 64.");
    Ok(())
}

/// Writes what our training will see, for the peer.
fn write_batches(inputs: &Inputs, folder: &Path) -> anyhow::Result<PathBuf> {
    let config = config(64, inputs.steps, false);
    let mut data = inputs.data(&config)?;
    let plan = data.plan(&config)?;
    let path = folder.join("batches.jsonl");
    let mut file = fs::File::create(&path)?;
    for step in 0..plan.total_steps {
        for example in data.batch(plan.position(step), config.batch_size)? {
            let (query, passage) = (example.query, example.passage);
            let row = serde_json::json!({"step": step, "query": query, "passage": passage});
            writeln!(file, "{row}")?;
        }
    }
    Ok(path)
}

fn one_of_ours(inputs: &Inputs, batch_size: usize, cached: bool) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    let way = if cached { "cached" } else { "plain" };
    command.args([OURS, &batch_size.to_string(), way]);
    command.args([&inputs.dataset, &inputs.definitions]);
    command.args([&inputs.template, &inputs.model, &inputs.steps.to_string()]);
    Ok(command)
}

/// Runs a training and reads its last line: examples per second, and bytes of memory at their peak.
fn measured(command: &mut Command) -> anyhow::Result<(f64, u64)> {
    let output = command.output().context("cannot start a training")?;
    let problem = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "a training failed: {problem}");
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().unwrap_or_default();
    let numbers: serde_json::Value = serde_json::from_str(line).context("no numbers")?;
    let rate = numbers["examples_per_second"].as_f64().context("no rate")?;
    let memory = numbers["peak_memory_bytes"].as_u64();
    Ok((rate, memory.context("no memory")?))
}

/// One training of ours. The first tenth of the steps is warm-up, as at the peer.
fn ours(inputs: &Inputs, batch_size: usize, cached: bool) -> anyhow::Result<()> {
    let config = config(batch_size, inputs.steps, cached);
    let mut data = inputs.data(&config)?;
    let folder = ModelFolder::open(&inputs.model)?;
    let most = config.max_tokens.unwrap_or(usize::MAX);
    let max_tokens = folder.max_tokens().min(most);
    let folder = folder.with_max_tokens(max_tokens);
    let mut model = TrainableBiEncoder::from_folder(folder, Device::Cpu)?;
    let world = World::alone(Device::Cpu);
    let begun = Instant::now();
    let mut ends = vec![0.0];
    let hear = &mut |_: &_, _, _| ends.push(begun.elapsed().as_secs_f64());
    let stop = Stop::never();
    train(
        &world, &mut model, &mut data, &config, SEED, None, stop, hear,
    )?;
    let steps = ends.len() - 1;
    let warm = steps / 10;
    let seconds = ends[steps] - ends[warm];
    let examples = ((steps - warm) * batch_size) as f64;
    let rate = examples / seconds;
    let memory = peak_memory_bytes();
    let numbers = serde_json::json!({"examples_per_second": rate, "peak_memory_bytes": memory});
    println!("{numbers}");
    Ok(())
}
