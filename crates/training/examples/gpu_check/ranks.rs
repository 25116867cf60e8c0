//! A world of one rank over NCCL.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::{Result, ensure};
use jobmatch_torch_ext::{Ddp, DdpConfig, Reduction, Rendezvous, World};
use tch::{Device, Kind, Tensor, nn};

use crate::report::Outcome;

pub fn world_of_one(device: Device) -> Result<Outcome> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    drop(listener);
    let rendezvous = Rendezvous {
        rank: 0,
        size: 1,
        local_rank: 0,
        host: "127.0.0.1".to_owned(),
        port,
        hosts_store: true,
        prefix: "/gpu-check".to_owned(),
        timeout: Duration::from_secs(60),
    };
    let world = match World::connect(&rendezvous, device) {
        Err(error) if error.to_string().contains("NCCL is not there") => {
            return Ok(Outcome::absent(&error.to_string()));
        }
        connected => connected?,
    };
    let numbers = Tensor::from_slice(&[1f32, 2.]).to_device(device);
    world.all_reduce(&numbers, Reduction::Sum)?;
    world.broadcast(&numbers, 0)?;
    let gathered = world.all_gather_with_gradient(&numbers.copy().set_requires_grad(true))?;
    world.barrier()?;
    ensure!(
        gathered.size() == [2] && numbers.double_value(&[1]) == 2.0,
        "wrong numbers"
    );

    let store = nn::VarStore::new(device);
    let weight = store.root().var("weight", &[3], nn::Init::Const(2.0));
    let ddp = Ddp::new(&world, &store.trainable_variables(), &DdpConfig::default())?;
    ddp.backward(&weight.square().sum(Kind::Float))?;
    ensure!(weight.grad().double_value(&[0]) == 4.0, "a wrong gradient");
    let counts = format!(
        "{} all-reduce of {} bucket",
        ddp.all_reduces(),
        ddp.buckets()
    );
    let over = if device.is_cuda() {
        "NCCL"
    } else {
        "gloo, on the CPU"
    };
    Ok(Outcome::held(
        format!("{over}: {counts}"),
        "collectives and DDP are right",
    ))
}
