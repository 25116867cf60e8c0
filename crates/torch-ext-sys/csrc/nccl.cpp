#include "nccl_part.h"

#include <c10/util/Exception.h>

#include <dlfcn.h>

#include <string>

namespace {

// The one function of the NCCL part; see nccl_library.cpp.
using MakeBackend = c10::intrusive_ptr<c10d::Backend> (*)(const c10::intrusive_ptr<c10d::Store> &, int, int,
                                                          std::chrono::milliseconds, int);
MakeBackend make_backend = nullptr;
std::string why_not = "libtorch's CUDA part was not loaded";

} // namespace

namespace tx {

void load_nccl(const char *library) {
  if (make_backend != nullptr) {
    return;
  }
  if (library == nullptr || *library == '\0') {
    why_not = "this program was built without CUDA's and NCCL's headers";
    return;
  }
  void *part = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (part == nullptr) {
    why_not = dlerror();
    return;
  }
  make_backend = reinterpret_cast<MakeBackend>(dlsym(part, "tx_make_nccl_backend"));
  if (make_backend == nullptr) {
    why_not = dlerror();
  }
}

c10::intrusive_ptr<c10d::Backend> nccl_backend(const c10::intrusive_ptr<c10d::Store> &store, int rank, int size,
                                               std::chrono::milliseconds timeout, int device) {
  TORCH_CHECK(make_backend != nullptr, "NCCL is not there: ", why_not);
  return make_backend(store, rank, size, timeout, device);
}

} // namespace tx
