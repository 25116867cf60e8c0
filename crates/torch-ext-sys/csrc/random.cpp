#include <ATen/Context.h>
#include <ATen/core/Generator.h>

#include "guard.h"

namespace {

at::Generator generator(int device_type, int device_index) {
  at::Device device(static_cast<at::DeviceType>(device_type), static_cast<c10::DeviceIndex>(device_index));
  return at::globalContext().defaultGenerator(device);
}

} // namespace

char *tx_rng_state(int device_type, int device_index, tx_tensor *state) {
  return tx::guard([&] {
    auto random = generator(device_type, device_index);
    std::lock_guard<std::mutex> lock(random.mutex());
    *state = tx::give(random.get_state());
  });
}

char *tx_set_rng_state(int device_type, int device_index, tx_tensor state) {
  return tx::guard([&] {
    auto random = generator(device_type, device_index);
    std::lock_guard<std::mutex> lock(random.mutex());
    random.set_state(tx::tensor(state));
  });
}
