// What libtorch has no fast CPU kernel for: attention over many short sequences, and the two ends of an int8 product.
// `kernels.cpp` is compiled once for each instruction set, and `best_kernels` chooses by the machine.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tx {

// Softmax attention of one head of one sequence. `query`, `key`, `value` and `context` point at its first token; from a token
// to the next it is `stride` floats (`context_stride` in the context). `scratch` holds `attention_scratch` floats.
struct attention_task {
  const float *query;
  const float *key;
  const float *value;
  float *context;
  int64_t tokens;
  int64_t width;
  int64_t stride;
  int64_t context_stride;
  float scale;
  float *scratch;
};

struct kernels {
  const char *name;
  int64_t (*attention_scratch)(int64_t tokens, int64_t width);
  void (*attention)(const attention_task &task);
  // One row to unsigned bytes: value = scale * (byte - zero), with bytes from 0 to `levels`.
  void (*quantize_row)(const float *row, int64_t width, int levels, uint8_t *bytes, float *scale, float *zero);
  // In place, one row of sums over (byte * weight): scale * (sum - zero * weight_sums) + bias + other. `bias` and `other` may
  // be null.
  void (*dequantize_row)(float *row, int64_t width, float scale, float zero, const float *weight_sums, const float *bias,
                         const float *other);
};

const kernels &kernels_plain();
#if defined(__x86_64__)
const kernels &kernels_avx2();
const kernels &kernels_avx512();
#endif

inline const kernels &best_kernels() {
#if defined(__x86_64__)
  static const kernels &best = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") ? kernels_avx512()
                               : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")       ? kernels_avx2()
                                                                                                       : kernels_plain();
  return best;
#else
  return kernels_plain();
#endif
}

} // namespace tx
