// How errors leave: as text, never as an exception.
#pragma once

#include <ATen/ATen.h>

#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "torch_ext.h"

namespace tx {

// Copied by malloc, so that `tx_free` can free it whatever made it.
inline char *text(const std::string &message) {
  char *copy = static_cast<char *>(std::malloc(message.size() + 1));
  if (copy != nullptr) {
    std::memcpy(copy, message.c_str(), message.size() + 1);
  }
  return copy;
}

template <typename Work> char *guard(Work &&work) noexcept {
  try {
    work();
    return nullptr;
  } catch (const c10::Error &error) {
    return text(error.what_without_backtrace());
  } catch (const std::exception &error) {
    return text(error.what());
  } catch (...) {
    return text("an error of unknown type");
  }
}

inline at::Tensor &tensor(tx_tensor pointer) { return *static_cast<at::Tensor *>(pointer); }

inline tx_tensor give(at::Tensor value) { return new at::Tensor(std::move(value)); }

inline std::vector<at::Tensor> list(const tx_tensor *pointers, size_t count) {
  std::vector<at::Tensor> tensors;
  tensors.reserve(count);
  for (size_t at = 0; at < count; ++at) {
    tensors.push_back(tensor(pointers[at]));
  }
  return tensors;
}

} // namespace tx
