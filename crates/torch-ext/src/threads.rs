//! How many threads compute what one thread asks for.

use jobmatch_torch_ext_sys::tx_one_thread_here;

/// From now on libtorch computes on the CPU what this thread asks for in this thread alone. Several such threads, each with work
/// of its own, wait for each other less than several threads that share each operation.
pub fn one_thread_here() {
    // SAFETY: it changes a setting of this thread.
    unsafe { tx_one_thread_here() }
}
