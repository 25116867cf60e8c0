#include "group.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/comm.hpp>

#include "guard.h"
#include "nccl_part.h"

namespace {

using Group = c10::intrusive_ptr<c10d::ProcessGroup>;

c10::intrusive_ptr<c10d::Backend> gloo_backend(const c10::intrusive_ptr<c10d::Store> &store,
                                               const tx_group_settings &settings) {
  auto options = c10d::ProcessGroupGloo::Options::create();
  options->timeout = std::chrono::milliseconds(settings.timeout_ms);
  if (settings.interface != nullptr) {
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForInterface(settings.interface));
  } else if (settings.hostname != nullptr) {
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname(settings.hostname));
  } else {
    options->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
  }
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, settings.rank, settings.size, options);
}

at::Tensor all_gather(const Group &group, const at::Tensor &input) {
  auto shape = input.sizes().vec();
  shape.at(0) *= group->getSize();
  auto output = at::empty(shape, input.options());
  auto source = input.contiguous();
  group->_allgather_base(output, source)->wait();
  return output;
}

// The derivative of a gather is a scatter of the summed gradients.
struct AllGather : public torch::autograd::Function<AllGather> {
  static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &input, const Group &group) {
    context->saved_data["group"] = group;
    return all_gather(group, input.detach());
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext *context,
                                               torch::autograd::tensor_list gradients) {
    auto group = context->saved_data["group"].toCustomClass<c10d::ProcessGroup>();
    // A copy: the engine may hand one gradient to several functions.
    std::vector<at::Tensor> sum = {gradients.at(0).clone(at::MemoryFormat::Contiguous)};
    group->allreduce(sum)->wait();
    auto rows = sum[0].size(0) / group->getSize();
    return {sum[0].narrow(0, group->getRank() * rows, rows), at::Tensor()};
  }
};

} // namespace

char *tx_group_new(tx_store *store, const tx_group_settings *settings, tx_group **group) {
  return tx::guard([&] {
    auto made = c10::make_intrusive<c10d::ProcessGroup>(store->store, settings->rank, settings->size);
    auto gloo = gloo_backend(store->store, *settings);
    made->setBackend(c10::DeviceType::CPU, c10d::ProcessGroup::BackendType::GLOO, gloo);
    made->setDefaultBackend(c10d::ProcessGroup::BackendType::GLOO);
    if (settings->cuda_device >= 0) {
      auto nccl = tx::nccl_backend(store->store, settings->rank, settings->size,
                                   std::chrono::milliseconds(settings->timeout_ms), settings->cuda_device);
      made->setBackend(c10::DeviceType::CUDA, c10d::ProcessGroup::BackendType::NCCL, nccl);
      made->setDefaultBackend(c10d::ProcessGroup::BackendType::NCCL);
    }
    *group = new tx_group{made};
  });
}

void tx_group_free(tx_group *group) { delete group; }

char *tx_all_reduce(tx_group *group, tx_tensor tensor, int operation) {
  return tx::guard([&] {
    c10::NoGradGuard no_gradient;
    c10d::AllreduceOptions options;
    options.reduceOp = operation == 0   ? c10d::ReduceOp::SUM
                       : operation == 1 ? c10d::ReduceOp::MAX
                                        : c10d::ReduceOp::MIN;
    std::vector<at::Tensor> tensors = {tx::tensor(tensor)};
    group->group->allreduce(tensors, options)->wait();
  });
}

char *tx_all_gather(tx_group *group, tx_tensor input, tx_tensor *output) {
  return tx::guard([&] {
    c10::NoGradGuard no_gradient;
    *output = tx::give(all_gather(group->group, tx::tensor(input)));
  });
}

char *tx_all_gather_with_gradient(tx_group *group, tx_tensor input, tx_tensor *output) {
  return tx::guard([&] { *output = tx::give(AllGather::apply(tx::tensor(input), group->group)); });
}

char *tx_broadcast(tx_group *group, tx_tensor tensor, int root) {
  return tx::guard([&] {
    c10::NoGradGuard no_gradient;
    c10d::BroadcastOptions options;
    options.rootRank = root;
    std::vector<at::Tensor> tensors = {tx::tensor(tensor)};
    group->group->broadcast(tensors, options)->wait();
  });
}

char *tx_broadcast_all(tx_group *group, const tx_tensor *tensors, size_t count, size_t buffer_bytes, int root) {
  return tx::guard([&] {
    c10::NoGradGuard no_gradient;
    std::vector<at::Tensor> plain;
    for (auto &each : tx::list(tensors, count)) {
      plain.push_back(each.detach());
    }
    c10d::broadcast_coalesced(group->group, plain, buffer_bytes, root);
  });
}

char *tx_barrier(tx_group *group) {
  return tx::guard([&] { group->group->barrier()->wait(); });
}
