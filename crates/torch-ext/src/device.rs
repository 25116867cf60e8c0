//! CUDA when it is there.

use std::sync::OnceLock;

use jobmatch_torch_ext_sys::{NCCL_LIBRARY, tx_load_cuda};
use tch::Device;

use crate::raw::{c_text, message};

/// The NCCL part's name beside the program, where a program that was carried to another machine has it.
const NCCL_NAME: &str = "libtorch_ext_nccl.so";

/// Loads libtorch's CUDA part, which no program links, so that one program runs on machines with and without a GPU.
/// Call it before anything else asks libtorch for CUDA: libtorch looks once. Later calls give the first one's answer.
///
/// # Errors
/// Why it cannot be loaded, in the system's words: on a machine without CUDA that is no fault.
pub fn load_cuda() -> std::result::Result<(), &'static str> {
    static LOADED: OnceLock<Option<String>> = OnceLock::new();
    let problem = LOADED.get_or_init(|| {
        let beside = std::env::current_exe()
            .ok()
            .map(|program| program.with_file_name(NCCL_NAME))
            .filter(|path| path.exists())
            .map(|path| path.to_string_lossy().into_owned());
        let library = beside.unwrap_or_else(|| NCCL_LIBRARY.unwrap_or_default().to_owned());
        // SAFETY: the text lives through the call.
        let problem = message(unsafe { tx_load_cuda(c_text(&library).as_ptr()) });
        if let Some(problem) = &problem {
            tracing::debug!("CUDA is not there: {problem}");
        }
        problem
    });
    problem.as_deref().map_or(Ok(()), Err)
}

/// The GPU with number `local_rank` (the rank among the processes of one machine) when libtorch sees one, and the CPU
/// otherwise.
pub fn best_device(local_rank: usize) -> Device {
    if load_cuda().is_err() || !tch::Cuda::is_available() {
        return Device::Cpu;
    }
    let count = usize::try_from(tch::Cuda::device_count()).unwrap_or(0);
    if local_rank < count {
        Device::Cuda(local_rank)
    } else {
        tracing::warn!("there are {count} GPUs: local rank {local_rank} shares one");
        Device::Cuda(local_rank % count.max(1))
    }
}
