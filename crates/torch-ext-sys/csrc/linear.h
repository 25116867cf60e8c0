// What the linear layers share.
#pragma once

#include <ATen/ATen.h>

namespace tx {

bool onednn_here();

// In place; `activation` is one of TX_NO_ACTIVATION, TX_GELU, ...
void activate(at::Tensor &values, int activation);

} // namespace tx
