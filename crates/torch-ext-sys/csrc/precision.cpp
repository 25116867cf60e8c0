#include <ATen/autocast_mode.h>
#include <ATen/ops/_amp_foreach_non_finite_check_and_unscale.h>
#include <ATen/ops/_amp_update_scale.h>

#include "guard.h"

char *tx_autocast_enter(int device_type, int scalar_type, tx_autocast_state *before) {
  return tx::guard([&] {
    auto device = static_cast<at::DeviceType>(device_type);
    before->device_type = device_type;
    before->enabled = at::autocast::is_autocast_enabled(device);
    before->scalar_type = static_cast<int>(at::autocast::get_autocast_dtype(device));
    before->cache = at::autocast::is_autocast_cache_enabled();
    at::autocast::set_autocast_dtype(device, static_cast<at::ScalarType>(scalar_type));
    at::autocast::set_autocast_enabled(device, true);
    at::autocast::set_autocast_cache_enabled(true);
    at::autocast::increment_nesting();
  });
}

char *tx_autocast_leave(const tx_autocast_state *before) {
  return tx::guard([&] {
    auto device = static_cast<at::DeviceType>(before->device_type);
    // Weights cast to the lower precision are kept until the outermost region ends: the optimizer changes them after.
    if (at::autocast::decrement_nesting() == 0) {
      at::autocast::clear_cache();
    }
    at::autocast::set_autocast_enabled(device, before->enabled != 0);
    at::autocast::set_autocast_dtype(device, static_cast<at::ScalarType>(before->scalar_type));
    at::autocast::set_autocast_cache_enabled(before->cache != 0);
  });
}

char *tx_unscale(const tx_tensor *gradients, size_t count, tx_tensor found_inf, tx_tensor inverse_scale) {
  return tx::guard([&] {
    c10::NoGradGuard no_gradient;
    auto all = tx::list(gradients, count);
    if (!all.empty()) {
      at::_amp_foreach_non_finite_check_and_unscale_(all, tx::tensor(found_inf), tx::tensor(inverse_scale));
    }
  });
}

char *tx_update_scale(tx_tensor scale, tx_tensor growth_tracker, tx_tensor found_inf, double growth, double backoff,
                      int64_t growth_interval) {
  return tx::guard([&] {
    c10::NoGradGuard no_gradient;
    at::_amp_update_scale_(tx::tensor(scale), tx::tensor(growth_tracker), tx::tensor(found_inf), growth, backoff,
                           growth_interval);
  });
}
