#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "group.h"
#include "guard.h"

char *tx_store_connect(const char *host, uint16_t port, int is_server, int64_t timeout_ms, const char *prefix,
                       tx_store **store) {
  return tx::guard([&] {
    c10d::TCPStoreOptions options;
    options.port = port;
    options.isServer = is_server != 0;
    // Who is missing is found out by names that the ranks set; the store itself could only count.
    options.waitWorkers = false;
    options.timeout = std::chrono::milliseconds(timeout_ms);
    c10::intrusive_ptr<c10d::Store> tcp = c10::make_intrusive<c10d::TCPStore>(host, options);
    *store = new tx_store{c10::make_intrusive<c10d::PrefixStore>(prefix, tcp)};
  });
}

char *tx_store_clone(tx_store *store, tx_store **copy) {
  return tx::guard([&] { *copy = new tx_store{store->store->clone()}; });
}

void tx_store_free(tx_store *store) { delete store; }

char *tx_store_set(tx_store *store, const char *key, const uint8_t *value, size_t length) {
  return tx::guard([&] { store->store->set(key, std::vector<uint8_t>(value, value + length)); });
}

char *tx_store_get(tx_store *store, const char *key, uint8_t **value, size_t *length) {
  return tx::guard([&] {
    auto found = store->store->get(key);
    *value = static_cast<uint8_t *>(std::malloc(found.size() + 1));
    TORCH_CHECK(*value != nullptr, "out of memory");
    std::copy(found.begin(), found.end(), *value);
    *length = found.size();
  });
}

char *tx_store_check(tx_store *store, const char *key, int *there) {
  return tx::guard([&] { *there = store->store->check({key}) ? 1 : 0; });
}

char *tx_store_add(tx_store *store, const char *key, int64_t value, int64_t *sum) {
  return tx::guard([&] { *sum = store->store->add(key, value); });
}

char *tx_store_delete(tx_store *store, const char *key) {
  return tx::guard([&] { store->store->deleteKey(key); });
}
