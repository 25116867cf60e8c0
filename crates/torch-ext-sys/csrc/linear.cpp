// Linear layers on the CPU by oneDNN, which chooses its kernels by the instruction set alone. (MKL, which libtorch's own linear
// calls, keeps to AVX2 on processors that are not Intel's, and is then less than half as fast.)
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>
#include <torch/csrc/autograd/custom_function.h>

#include "guard.h"
#include "linear.h"

namespace {

using maybe_tensor = std::optional<at::Tensor>;
using scalars = c10::List<std::optional<at::Scalar>>;
using pointwise_op = at::Tensor(const at::Tensor &, const at::Tensor &, const maybe_tensor &, std::string_view, scalars,
                                std::optional<std::string_view>);
using binary_op = at::Tensor(const at::Tensor &, const at::Tensor &, const at::Tensor &, const maybe_tensor &,
                             std::string_view);
using reorder_op = at::Tensor(const at::Tensor &, std::optional<int64_t>);

// libtorch's operators over oneDNN's inner product; empty where libtorch was built without oneDNN.
struct operators {
  std::optional<c10::TypedOperatorHandle<pointwise_op>> pointwise;
  std::optional<c10::TypedOperatorHandle<binary_op>> binary;
  std::optional<c10::TypedOperatorHandle<reorder_op>> reorder;
};

const operators &onednn() {
  static const operators found = [] {
    auto &all = c10::Dispatcher::singleton();
    operators ops;
    auto pointwise = all.findSchema({"mkldnn::_linear_pointwise", ""});
    auto binary = all.findSchema({"mkldnn::_linear_pointwise", "binary"});
    auto reorder = all.findSchema({"mkldnn::_reorder_linear_weight", ""});
    if (pointwise && binary && reorder) {
      ops.pointwise = pointwise->typed<pointwise_op>();
      ops.binary = binary->typed<binary_op>();
      ops.reorder = reorder->typed<reorder_op>();
    }
    return ops;
  }();
  return found;
}

at::Tensor product(const at::Tensor &input, const at::Tensor &weight, const maybe_tensor &bias) {
  return onednn().pointwise->call(input, weight, bias, "none", scalars(), "");
}

// input [rows, in] times the transpose of weight [out, in], with the gradients of all three.
struct Linear : torch::autograd::Function<Linear> {
  static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &input, const at::Tensor &weight,
                            const maybe_tensor &bias) {
    context->save_for_backward({input, weight});
    return product(input, weight, bias);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &input = saved[0], &weight = saved[1];
    const auto gradient = gradients[0].contiguous();
    at::Tensor of_input, of_weight, of_bias;
    if (context->needs_input_grad(0)) {
      of_input = product(gradient, weight.t(), std::nullopt);
    }
    if (context->needs_input_grad(1)) {
      of_weight = product(gradient.t(), input.t(), std::nullopt);
    }
    if (context->needs_input_grad(2)) {
      of_bias = gradient.sum(0);
    }
    return {of_input, of_weight, of_bias};
  }
};

bool fits(const at::Tensor &input, const at::Tensor &weight) {
  return tx::onednn_here() && input.is_cpu() && input.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat &&
         input.dim() == 2 && input.numel() > 0 && !at::autocast::is_autocast_enabled(at::kCPU);
}

maybe_tensor maybe(tx_tensor tensor) { return tensor == nullptr ? maybe_tensor() : maybe_tensor(tx::tensor(tensor)); }

} // namespace

namespace tx {

bool onednn_here() { return onednn().pointwise.has_value(); }

void activate(at::Tensor &values, int activation) {
  switch (activation) {
  case TX_GELU:
    at::gelu_(values, "none");
    break;
  case TX_GELU_TANH:
    at::gelu_(values, "tanh");
    break;
  case TX_RELU:
    values.relu_();
    break;
  default:
    break;
  }
}

} // namespace tx

int tx_has_onednn() { return tx::onednn_here() ? 1 : 0; }

char *tx_linear(tx_tensor input, tx_tensor weight, tx_tensor bias, tx_tensor *output) {
  return tx::guard([&] {
    const auto &in = tx::tensor(input), &by = tx::tensor(weight);
    const auto plus = maybe(bias);
    *output = tx::give(fits(in, by) ? Linear::apply(in.contiguous(), by.contiguous(), plus) : at::linear(in, by, plus));
  });
}

char *tx_linear_pack(tx_tensor weight, int64_t rows, tx_tensor *packed) {
  return tx::guard([&] {
    at::NoGradGuard no_gradient;
    TORCH_CHECK(tx::onednn_here(), "this libtorch was built without oneDNN");
    *packed = tx::give(onednn().reorder->call(tx::tensor(weight).detach().contiguous(), rows));
  });
}

char *tx_linear_packed(tx_tensor input, tx_tensor packed, tx_tensor bias, int activation, tx_tensor other, tx_tensor *output) {
  return tx::guard([&] {
    at::NoGradGuard no_gradient;
    const auto in = tx::tensor(input).contiguous();
    const auto &by = tx::tensor(packed);
    const auto plus = maybe(bias);
    if (other != nullptr) {
      *output = tx::give(onednn().binary->call(in, tx::tensor(other).contiguous(), by, plus, "add"));
      return;
    }
    const char *fused = activation == TX_NO_ACTIVATION ? "none" : activation == TX_RELU ? "relu" : "gelu";
    const char *algorithm = activation == TX_GELU_TANH ? "tanh" : activation == TX_GELU ? "none" : "";
    *output = tx::give(onednn().pointwise->call(in, by, plus, fused, scalars(), algorithm));
  });
}
