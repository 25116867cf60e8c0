#include <torch/csrc/distributed/c10d/reducer.hpp>

#include <atomic>

#include "group.h"
#include "guard.h"

namespace {

using Group = c10::intrusive_ptr<c10d::ProcessGroup>;

// Each bucket's mean over the ranks, as the Reducer computes it by itself, and a count of how often.
class CountedMean : public c10d::CppCommHookInterface<Group> {
 public:
  CountedMean(const Group &group, std::shared_ptr<std::atomic<uint64_t>> count)
      : c10d::CppCommHookInterface<Group>(group), count_(std::move(count)) {}

  c10::intrusive_ptr<c10::ivalue::Future> runHook(c10d::GradBucket &bucket) override {
    ++*count_;
    std::vector<at::Tensor> tensors = {bucket.getBufferRef()};
    tensors[0] /= state_->getSize();
    return state_->allreduce(tensors)->getFuture();
  }

 private:
  std::shared_ptr<std::atomic<uint64_t>> count_;
};

} // namespace

struct tx_reducer {
  std::unique_ptr<c10d::Reducer> reducer;
  size_t buckets;
  std::shared_ptr<std::atomic<uint64_t>> all_reduces;
};

char *tx_reducer_new(tx_group *group, const tx_tensor *parameters, size_t count, int64_t first_bucket_bytes,
                     int64_t bucket_bytes, tx_reducer **reducer) {
  return tx::guard([&] {
    auto variables = tx::list(parameters, count);
    // Gradients come in about the reverse order of use: the first bucket to be full is made of the last parameters.
    std::vector<at::Tensor> reversed(variables.rbegin(), variables.rend());
    std::vector<int64_t> original;
    for (size_t at = 0; at < count; ++at) {
      original.push_back(static_cast<int64_t>(count - 1 - at));
    }
    auto limits = std::vector<size_t>{static_cast<size_t>(first_bucket_bytes), static_cast<size_t>(bucket_bytes)};
    auto [buckets, sizes] = c10d::compute_bucket_assignment_by_size(
        reversed, limits, /*expect_sparse_gradient=*/std::vector<bool>(count, false), original);
    auto number = buckets.size();
    auto made = std::make_unique<c10d::Reducer>(
        variables, std::move(buckets), group->group, /*expect_sparse_gradients=*/std::vector<bool>(count, false),
        bucket_bytes, /*find_unused_parameters=*/false, /*gradient_as_bucket_view=*/false,
        /*param_names=*/std::unordered_map<size_t, std::string>{}, first_bucket_bytes,
        /*skip_all_reduce_unused_params=*/false, /*use_python_reducer=*/false,
        /*bucket_bytes_cap_list=*/std::vector<int64_t>{});
    auto counter = std::make_shared<std::atomic<uint64_t>>(0);
    made->register_comm_hook(std::make_unique<CountedMean>(group->group, counter));
    *reducer = new tx_reducer{std::move(made), number, counter};
  });
}

void tx_reducer_free(tx_reducer *reducer) {
  // Its destructor may throw when gradients were still on their way.
  char *error = tx::guard([&] { delete reducer; });
  tx_free(error);
}

char *tx_reducer_prepare(tx_reducer *reducer) {
  return tx::guard([&] {
    reducer->reducer->prepare_for_forward();
    reducer->reducer->prepare_for_backward({});
  });
}

void tx_reducer_counts(tx_reducer *reducer, size_t *buckets, uint64_t *all_reduces) {
  *buckets = reducer->buckets;
  *all_reduces = reducer->all_reduces->load();
}
