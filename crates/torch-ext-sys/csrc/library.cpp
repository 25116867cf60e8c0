#include <ATen/Context.h>
#include <torch/version.h>

#include <dlfcn.h>

#include <cstdlib>

#include <ATen/Parallel.h>

#include <omp.h>

#include "guard.h"
#include "nccl_part.h"

namespace {

// The folder of the libtorch that this program runs on.
std::string libtorch_folder() {
  Dl_info found;
  auto *inside = reinterpret_cast<void *>(&at::globalContext);
  TORCH_CHECK(dladdr(inside, &found) != 0 && found.dli_fname != nullptr, "cannot find where libtorch lies");
  std::string path = found.dli_fname;
  auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string(".") : path.substr(0, slash);
}

} // namespace

void tx_free(void *text_or_bytes) { std::free(text_or_bytes); }

const char *tx_version(void) { return TORCH_VERSION; }

char *tx_load_cuda(const char *nccl_library) {
  return tx::guard([&] {
    std::string cuda = libtorch_folder() + "/libtorch_cuda.so";
    // Global, so that what is loaded after it finds its functions; never closed.
    TORCH_CHECK(dlopen(cuda.c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr, "libtorch's CUDA part does not load: ", dlerror());
    tx::load_nccl(nccl_library);
  });
}

char *tx_set_deterministic(int on) {
  return tx::guard([&] {
    if (on != 0) {
      // cuBLAS reads it when it starts; what the user has set stays.
      setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
    }
    at::globalContext().setDeterministicAlgorithms(on != 0, /*warn_only=*/false);
    at::globalContext().setDeterministicCuDNN(on != 0);
    if (on != 0) {
      at::globalContext().setBenchmarkCuDNN(false);
    }
  });
}

void tx_one_thread_here() {
  // libtorch sets a thread's number when it is first asked for it: after that it is ours.
  at::get_num_threads();
  omp_set_num_threads(1);
}
