#include <ATen/ops/_flash_attention_forward.h>

#include "guard.h"

char *tx_varlen_attention(tx_tensor query, tx_tensor key, tx_tensor value, tx_tensor offsets, int64_t longest,
                          double dropout, tx_tensor *context) {
  return tx::guard([&] {
    const auto &ends = tx::tensor(offsets);
    auto out = at::_flash_attention_forward(tx::tensor(query), tx::tensor(key), tx::tensor(value), ends, ends, longest,
                                            longest, dropout, /*is_causal=*/false, /*return_debug_mask=*/false);
    *context = tx::give(std::get<0>(out));
  });
}
