#pragma once

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

struct tx_store {
  c10::intrusive_ptr<c10d::Store> store;
};

struct tx_group {
  c10::intrusive_ptr<c10d::ProcessGroup> group;
};
