// Compiled into a library of its own, where the headers of CUDA and NCCL are there.
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include <chrono>

// C++ types pass through, but both sides come from one build against one libtorch.
extern "C" __attribute__((visibility("default"))) c10::intrusive_ptr<c10d::Backend>
tx_make_nccl_backend(const c10::intrusive_ptr<c10d::Store> &store, int rank, int size,
                     std::chrono::milliseconds timeout, int device) {
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  auto backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, options);
  backend->setBoundDeviceId(at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device)));
  return backend;
}
