//! What libtorch has and `tch` does not give: training on several processes, mixed precision, an optimizer and random
//! numbers whose state can be saved.
//!
//! - [`World`]: the processes of a training, started by torchrun, Slurm or Kubernetes, and their collectives. NCCL on
//!   CUDA, gloo on the CPU. What the ranks bring to a collective is compared first, so a mismatch is an error on every
//!   rank and not a hang.
//! - [`Ddp`]: gradients averaged over the ranks by libtorch's own `Reducer`, in buckets, while backward goes on.
//! - [`autocast`] and [`GradScaler`]: half and bfloat16.
//! - [`AdamW`]: fused, over tensors that are ours; [`clip_gradients`] by the global norm.
//! - [`RngState`]: dropout goes on where it stopped.
//! - [`variable_length_attention`]: attention inside sequences of different lengths, without padding.
//! - [`linear`] and [`FrozenLinear`]: linear layers by oneDNN on the CPU, also in int8.
//!
//! It knows nothing of text, and needs `tch` alone. One program serves machines with and without a GPU:
//! [`best_device`] loads libtorch's CUDA part when it is there.
//!
//! ```
//! use jobmatch_torch_ext::{Ddp, DdpConfig, World};
//! use tch::{Device, Kind, Tensor, nn};
//!
//! let world = World::from_env()?; // alone without torchrun's variables
//! let store = nn::VarStore::new(Device::Cpu);
//! let weight = store.root().var("weight", &[2], nn::Init::Const(1.0));
//! let ddp = Ddp::new(&world, &store.trainable_variables(), &DdpConfig::default())?;
//! ddp.backward(&(&weight * &weight).sum(Kind::Float))?;
//! assert_eq!(Vec::<f32>::try_from(weight.grad())?, [2.0, 2.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        reason = "a failed unwrap is a failed test, and says where"
    )
)]

mod adamw;
mod attention;
mod autocast;
mod clip;
mod collectives;
mod ddp;
mod determinism;
mod device;
mod error;
mod grad_scaler;
mod linear;
mod raw;
mod rendezvous;
mod rng;
mod signature;
mod store;
mod threads;
mod together;
mod world;

pub use adamw::{AdamW, AdamWConfig, AdamWState, ParameterGroup};
pub use attention::variable_length_attention;
pub use autocast::{Autocast, autocast};
pub use clip::clip_gradients;
pub use ddp::{Ddp, DdpConfig};
pub use determinism::deterministic_algorithms;
pub use device::{best_device, load_cuda};
pub use error::{Error, Result};
pub use grad_scaler::{GradScaler, GradScalerConfig, GradScalerState};
pub use linear::{Activation, FrozenLinear, LinearFormat, linear};
pub use rendezvous::{Rendezvous, local_rank};
pub use rng::RngState;
pub use threads::one_thread_here;
pub use world::{Reduction, World};
