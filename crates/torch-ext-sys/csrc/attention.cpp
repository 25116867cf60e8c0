#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_flash_attention_forward.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <vector>

#include "guard.h"
#include "kernels.h"

char *tx_varlen_attention(tx_tensor query, tx_tensor key, tx_tensor value, tx_tensor offsets, int64_t longest,
                          double dropout, tx_tensor *context) {
  return tx::guard([&] {
    const auto &ends = tx::tensor(offsets);
    auto out = at::_flash_attention_forward(tx::tensor(query), tx::tensor(key), tx::tensor(value), ends, ends, longest,
                                            longest, dropout, /*is_causal=*/false, /*return_debug_mask=*/false);
    *context = tx::give(std::get<0>(out));
  });
}

char *tx_varlen_attention_cpu(tx_tensor query, tx_tensor key, tx_tensor value, const int32_t *offsets, size_t count,
                              tx_tensor *context) {
  return tx::guard([&] {
    at::NoGradGuard no_gradient;
    const auto &q = tx::tensor(query), &k = tx::tensor(key), &v = tx::tensor(value);
    const int64_t heads = q.size(1), width = q.size(2);
    for (const auto *each : {&q, &k, &v}) {
      TORCH_CHECK(each->is_cpu() && each->scalar_type() == at::kFloat && each->sizes() == q.sizes() && each->stride(2) == 1 &&
                      each->strides() == q.strides(),
                  "attention takes float32 on the CPU, laid out alike, with a head's numbers side by side");
    }
    auto out = at::empty({q.size(0), heads, width}, q.options());
    const auto &kernels = tx::best_kernels();
    const auto sequences = static_cast<int64_t>(count) - 1;
    int64_t longest = 0;
    for (int64_t at = 0; at < sequences; ++at) {
      longest = std::max<int64_t>(longest, offsets[at + 1] - offsets[at]);
    }
    const int64_t space = kernels.attention_scratch(longest, width);
    const float *qs = q.const_data_ptr<float>(), *ks = k.const_data_ptr<float>(), *vs = v.const_data_ptr<float>();
    float *cs = out.data_ptr<float>();
    const int64_t stride = q.stride(0), of_head = q.stride(1);
    const float scale = 1.0f / std::sqrt(static_cast<float>(width));
    // Head by head, so that the threads' parts are alike whatever the sequences' lengths.
    at::parallel_for(0, heads * sequences, 1, [&](int64_t first, int64_t last) {
      std::vector<float> scratch(space);
      for (int64_t task = first; task < last; ++task) {
        const int64_t head = task / sequences, sequence = task % sequences;
        const int64_t token = offsets[sequence], at = token * stride + head * of_head;
        kernels.attention({qs + at, ks + at, vs + at, cs + (token * heads + head) * width, offsets[sequence + 1] - token, width,
                           stride, heads * width, scale, scratch.data()});
      }
    });
    *context = tx::give(out);
  });
}
