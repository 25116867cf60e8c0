// Linear layers in int8 on the CPU: weights quantized per output, inputs per row while they pass, the product of bytes by
// libtorch's own kernel over oneDNN.
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include "guard.h"
#include "kernels.h"
#include "linear.h"

namespace {

using maybe_tensor = std::optional<at::Tensor>;
using scalars = c10::List<std::optional<at::Scalar>>;
using prepack_op = at::Tensor(at::Tensor, std::optional<torch::List<int64_t>>);
using qlinear_op = at::Tensor(at::Tensor, double, int64_t, at::Tensor, at::Tensor, at::Tensor, maybe_tensor, double, int64_t,
                              std::optional<at::ScalarType>, std::string_view, torch::List<std::optional<at::Scalar>>,
                              std::string_view);

// Without instructions that add four products of bytes at once, sums of two products must fit in 16 bits: half the levels.
int levels() {
#if defined(__x86_64__)
  static const bool whole = __builtin_cpu_supports("avx512vnni") || __builtin_cpu_supports("avxvnni");
  return whole ? 255 : 127;
#else
  return 255;
#endif
}

} // namespace

char *tx_quantized_pack(tx_tensor weight, int64_t rows, tx_tensor *packed, tx_tensor *scales, tx_tensor *sums) {
  return tx::guard([&] {
    at::NoGradGuard no_gradient;
    static const auto prepack =
        c10::Dispatcher::singleton().findSchemaOrThrow("onednn::qlinear_prepack", "").typed<prepack_op>();
    const auto values = tx::tensor(weight).detach().to(at::kFloat).contiguous();
    const auto step = (values.abs().amax(1, true) / 127.0).clamp_min(1e-12);
    const auto bytes = (values / step).round().clamp(-127, 127);
    *packed = tx::give(prepack.call(bytes.to(at::kChar), c10::List<int64_t>({rows, values.size(1)})));
    *scales = tx::give(step.squeeze(1));
    *sums = tx::give((bytes * step).sum(1));
  });
}

char *tx_quantized_linear(tx_tensor input, tx_tensor packed, tx_tensor scales, tx_tensor sums, tx_tensor bias, int activation,
                          tx_tensor other, tx_tensor *output) {
  return tx::guard([&] {
    at::NoGradGuard no_gradient;
    static const auto product =
        c10::Dispatcher::singleton().findSchemaOrThrow("onednn::qlinear_pointwise", "").typed<qlinear_op>();
    const auto in = tx::tensor(input).contiguous();
    TORCH_CHECK(in.is_cpu() && in.scalar_type() == at::kFloat && in.dim() == 2, "int8 layers take float32 rows on the CPU");
    const int64_t rows = in.size(0), width = in.size(1);
    const auto &kernels = tx::best_kernels();
    auto bytes = at::empty({rows, width}, in.options().dtype(at::kByte));
    auto row_scales = at::empty({2, rows}, in.options());
    const float *from = in.const_data_ptr<float>();
    uint8_t *to = bytes.data_ptr<uint8_t>();
    float *scale = row_scales.data_ptr<float>(), *zero = scale + rows;
    const int most = levels();
    at::parallel_for(0, rows, 16, [&](int64_t first, int64_t last) {
      for (int64_t row = first; row < last; ++row) {
        kernels.quantize_row(from + row * width, width, most, to + row * width, scale + row, zero + row);
      }
    });
    const auto &by = tx::tensor(scales);
    auto out = product.call(bytes, 1.0, 0, tx::tensor(packed), by, at::zeros(by.sizes(), at::kInt), std::nullopt, 1.0, 0,
                            at::kFloat, "none", scalars(), "");
    const int64_t outputs = out.size(1);
    const auto residual = other == nullptr ? at::Tensor() : tx::tensor(other).contiguous();
    const float *added = other == nullptr ? nullptr : residual.const_data_ptr<float>();
    const float *plus = bias == nullptr ? nullptr : tx::tensor(bias).const_data_ptr<float>();
    const float *columns = tx::tensor(sums).const_data_ptr<float>();
    float *values = out.data_ptr<float>();
    at::parallel_for(0, rows, 16, [&](int64_t first, int64_t last) {
      for (int64_t row = first; row < last; ++row) {
        kernels.dequantize_row(values + row * outputs, outputs, scale[row], zero[row], columns, plus,
                               added == nullptr ? nullptr : added + row * outputs);
      }
    });
    tx::activate(out, activation);
    *output = tx::give(std::move(out));
  });
}
