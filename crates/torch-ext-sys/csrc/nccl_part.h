// The NCCL part, a library of its own: it needs libtorch_cuda, which a machine without a GPU cannot load.
#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include <chrono>

namespace tx {

// Loads the NCCL part from this file; null or an empty name: it was not compiled. What is missing is said when a group
// asks for it.
void load_nccl(const char *library);

c10::intrusive_ptr<c10d::Backend> nccl_backend(const c10::intrusive_ptr<c10d::Store> &store, int rank, int size,
                                               std::chrono::milliseconds timeout, int device);

} // namespace tx
