//! The same bits from the same work.

use std::ffi::c_int;

use jobmatch_torch_ext_sys::tx_set_deterministic;

use crate::Result;
use crate::raw::check;

/// Makes libtorch refuse operations whose result depends on timing, as `torch.use_deterministic_algorithms`. cuBLAS
/// asks besides for the environment variable `CUBLAS_WORKSPACE_CONFIG`, which is set to `:4096:8` where it is not set: so
/// call it before anything computes on CUDA, and before other threads read the environment. On the CPU results are the
/// same for the same number of threads, with or without it.
///
/// # Errors
/// libtorch's refusal.
pub fn deterministic_algorithms(on: bool) -> Result<()> {
    // SAFETY: plain numbers.
    check("set deterministic algorithms", unsafe {
        tx_set_deterministic(c_int::from(on))
    })
}
