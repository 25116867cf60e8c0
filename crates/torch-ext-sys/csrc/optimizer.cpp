#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>

#include <c10/core/GradMode.h>

#include "guard.h"

char *tx_fused_adamw(const tx_tensor *parameters, const tx_tensor *gradients, const tx_tensor *means,
                     const tx_tensor *squares, const tx_tensor *steps, size_t count, const tx_adamw_settings *settings, tx_tensor found_inf) {
  return tx::guard([&] {
    c10::NoGradGuard no_gradient;
    if (count == 0) {
      return;
    }
    std::optional<at::Tensor> inf;
    if (found_inf != nullptr) {
      inf = tx::tensor(found_inf);
    }
    auto all_steps = tx::list(steps, count);
    at::_foreach_add_(all_steps, 1);
    at::_fused_adamw_(tx::list(parameters, count), tx::list(gradients, count), tx::list(means, count),
                      tx::list(squares, count), /*max_exp_avg_sqs=*/{}, all_steps, settings->rate, settings->beta1,
                      settings->beta2, settings->weight_decay, settings->epsilon, /*amsgrad=*/false,
                      /*maximize=*/false, /*grad_scale=*/{}, inf);
    if (inf) {
      // A skipped step does not count.
      at::_foreach_sub_(all_steps, std::vector<at::Tensor>(count, inf->squeeze()));
    }
  });
}

char *tx_global_norm(const tx_tensor *tensors, size_t count, tx_tensor *norm) {
  return tx::guard([&] {
    c10::NoGradGuard no_gradient;
    TORCH_CHECK(count > 0, "no tensors to take the norm of");
    auto norms = at::_foreach_norm(tx::list(tensors, count), 2);
    *norm = tx::give(at::linalg_vector_norm(at::stack(norms), 2));
  });
}

char *tx_scale_all(const tx_tensor *tensors, size_t count, tx_tensor factor) {
  return tx::guard([&] {
    c10::NoGradGuard no_gradient;
    if (count > 0) {
      at::_foreach_mul_(tx::list(tensors, count), tx::tensor(factor));
    }
  });
}
