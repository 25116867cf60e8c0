//! A small net trained by two processes, each with half of every batch:
//! `cargo run --release -p jobmatch-torch-ext --example ddp`, or the program itself under `torchrun --no-python`.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::process::{Child, Command};

use jobmatch_torch_ext::{AdamW, AdamWConfig, Ddp, DdpConfig, ParameterGroup, World};
use tch::{Kind, Reduction, Tensor, nn, nn::Module};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    if std::env::var_os("RANK").is_none() {
        let (mut first, mut second) = (start("0")?, start("1")?);
        let well = first.wait()?.success() && second.wait()?.success();
        return well.then_some(()).ok_or_else(|| "a rank failed".into());
    }
    let world = World::from_env()?;
    tch::manual_seed(7);
    let store = nn::VarStore::new(world.device());
    let hidden = nn::linear(store.root() / "hidden", 4, 32, Default::default());
    let output = nn::linear(store.root() / "output", 32, 1, Default::default());

    let parameters = store.trainable_variables();
    let ddp = Ddp::new(&world, &parameters, &DdpConfig::default())?;
    let group = ParameterGroup {
        parameters,
        weight_decay: 0.01,
    };
    let mut adamw = AdamW::new(vec![group], AdamWConfig::default())?;

    let rows = 64 / i64::from(world.size());
    for step in 1..=200 {
        let batch = Tensor::rand([64, 4], (Kind::Float, world.device()));
        let mine = batch.narrow(0, i64::from(world.rank()) * rows, rows);
        let target = mine.sin().sum_dim_intlist(1, true, None::<Kind>);
        let guess = output.forward(&hidden.forward(&mine).tanh());
        let loss = guess.mse_loss(&target, Reduction::Mean);
        adamw.zero_gradients();
        ddp.backward(&loss)?;
        adamw.step(1e-2, None)?;
        if step % 50 == 0 && world.is_first() {
            println!("step {step}: loss {:.5}", loss.double_value(&[]));
        }
    }
    Ok(world.barrier()?)
}

fn start(rank: &str) -> Outcome<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env("RANK", rank).env("WORLD_SIZE", "2");
    command.env("MASTER_ADDR", "127.0.0.1");
    command.env("MASTER_PORT", "29511");
    Ok(command.spawn()?)
}
