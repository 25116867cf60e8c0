// What tch lacks of libtorch, as plain C. No exception passes through it: a function that can fail gives the error's
// text, to be freed with `tx_free`, or null when it succeeded. A tensor is libtorch's `at::Tensor *`, as in torch-sys;
// a tensor that comes out belongs to the caller, who frees it as torch-sys does. The functions may be called from any
// thread; collectives of one group are called in the same order by all ranks.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef void *tx_tensor;
typedef struct tx_store tx_store;
typedef struct tx_group tx_group;
typedef struct tx_reducer tx_reducer;

void tx_free(void *text_or_bytes);

// ---- the library itself (library.cpp)

// The version that this was compiled against, such as "2.11.0"; not to be freed.
const char *tx_version(void);
// Loads libtorch_cuda, which no program links, from where libtorch_cpu lies, and our NCCL part after it. Null when
// CUDA's functions are there now; otherwise why not.
char *tx_load_cuda(const char *nccl_library);
// Turns on errors for operations whose result depends on timing, and switches off the search for fast convolutions.
char *tx_set_deterministic(int on);
// What this thread computes on the CPU, it computes alone.
void tx_one_thread_here(void);

// ---- mixed precision (precision.cpp)

// Device types and scalar types are libtorch's own numbers.
typedef struct {
  int device_type;
  int enabled;
  int scalar_type;
  int cache;
} tx_autocast_state;
// Switches autocast on for this thread and device type, and says what was before.
char *tx_autocast_enter(int device_type, int scalar_type, tx_autocast_state *before);
char *tx_autocast_leave(const tx_autocast_state *before);
// Multiplies gradients by `inverse_scale`; `found_inf` becomes 1 when one holds what is not finite.
char *tx_unscale(const tx_tensor *gradients, size_t count, tx_tensor found_inf, tx_tensor inverse_scale);
char *tx_update_scale(tx_tensor scale, tx_tensor growth_tracker, tx_tensor found_inf, double growth, double backoff,
                      int64_t growth_interval);

// ---- the optimizer (optimizer.cpp)

typedef struct {
  double rate;
  double beta1;
  double beta2;
  double weight_decay;
  double epsilon;
} tx_adamw_settings;
// One step of AdamW in place. `found_inf` may be null; where it is 1 nothing changes.
char *tx_fused_adamw(const tx_tensor *parameters, const tx_tensor *gradients, const tx_tensor *means,
                     const tx_tensor *squares, const tx_tensor *steps, size_t count, const tx_adamw_settings *settings, tx_tensor found_inf);
// The Euclidean norm of all tensors together, a scalar on their device.
char *tx_global_norm(const tx_tensor *tensors, size_t count, tx_tensor *norm);
// Multiplies all tensors by a scalar tensor, in place.
char *tx_scale_all(const tx_tensor *tensors, size_t count, tx_tensor factor);

// ---- random numbers (random.cpp)

char *tx_rng_state(int device_type, int device_index, tx_tensor *state);
char *tx_set_rng_state(int device_type, int device_index, tx_tensor state);

// ---- linear layers on the CPU (linear.cpp, quantized.cpp)

// What follows a linear layer.
enum { TX_NO_ACTIVATION = 0, TX_GELU = 1, TX_GELU_TANH = 2, TX_RELU = 3 };
// 1 where libtorch was built with oneDNN.
int tx_has_onednn(void);
// input [..., in], weight [out, in], bias [out] or null. Gradients flow. float32 rows on the CPU go through oneDNN, all else
// through libtorch's own linear.
char *tx_linear(tx_tensor input, tx_tensor weight, tx_tensor bias, tx_tensor *output);
// A weight in the layout that oneDNN computes fastest for about `rows` rows; float32 or bfloat16.
char *tx_linear_pack(tx_tensor weight, int64_t rows, tx_tensor *packed);
// input [rows, in]; `other` [rows, out] is added to the result, or null; then there is no activation. No gradients.
char *tx_linear_packed(tx_tensor input, tx_tensor packed, tx_tensor bias, int activation, tx_tensor other, tx_tensor *output);
// Weight [out, in] to bytes, symmetric for each output; `scales` and `sums` (of an output's quantized weights) are [out].
char *tx_quantized_pack(tx_tensor weight, int64_t rows, tx_tensor *packed, tx_tensor *scales, tx_tensor *sums);
// input [rows, in] float32, quantized row by row. No gradients.
char *tx_quantized_linear(tx_tensor input, tx_tensor packed, tx_tensor scales, tx_tensor sums, tx_tensor bias, int activation,
                          tx_tensor other, tx_tensor *output);

// ---- attention without padding (attention.cpp)

// query, key, value [tokens, heads, width] in half or bfloat16 on CUDA; offsets [sequences + 1] int32.
char *tx_varlen_attention(tx_tensor query, tx_tensor key, tx_tensor value, tx_tensor offsets, int64_t longest,
                          double dropout, tx_tensor *context);
// query, key, value [tokens, heads, width] float32 on the CPU, laid out alike; `count` offsets. No gradients.
char *tx_varlen_attention_cpu(tx_tensor query, tx_tensor key, tx_tensor value, const int32_t *offsets, size_t count,
                              tx_tensor *context);

// ---- processes (store.cpp, group.cpp, reducer.cpp)

char *tx_store_connect(const char *host, uint16_t port, int is_server, int64_t timeout_ms, const char *prefix,
                       tx_store **store);
// A connection of its own to the same store, for another thread.
char *tx_store_clone(tx_store *store, tx_store **copy);
void tx_store_free(tx_store *store);
char *tx_store_set(tx_store *store, const char *key, const uint8_t *value, size_t length);
// Fails when the key does not come within the store's timeout.
char *tx_store_get(tx_store *store, const char *key, uint8_t **value, size_t *length);
char *tx_store_check(tx_store *store, const char *key, int *there);
char *tx_store_add(tx_store *store, const char *key, int64_t value, int64_t *sum);
char *tx_store_delete(tx_store *store, const char *key);

typedef struct {
  int rank;
  int size;
  int64_t timeout_ms;
  // Where gloo listens: a network interface, or else a host's name or address; both null: this machine's name.
  const char *interface;
  const char *hostname;
  // The CUDA device of this rank for NCCL; below 0: gloo alone.
  int cuda_device;
} tx_group_settings;
char *tx_group_new(tx_store *store, const tx_group_settings *settings, tx_group **group);
void tx_group_free(tx_group *group);
// Operations: 0 sum, 1 maximum, 2 minimum.
char *tx_all_reduce(tx_group *group, tx_tensor tensor, int operation);
// [n, ...] of each rank to [ranks * n, ...] in the order of ranks.
char *tx_all_gather(tx_group *group, tx_tensor input, tx_tensor *output);
// The same with a gradient: the sum over all ranks of the gradients of this rank's part.
char *tx_all_gather_with_gradient(tx_group *group, tx_tensor input, tx_tensor *output);
char *tx_broadcast(tx_group *group, tx_tensor tensor, int root);
// Many tensors at once, in pieces of `buffer_bytes`.
char *tx_broadcast_all(tx_group *group, const tx_tensor *tensors, size_t count, size_t buffer_bytes, int root);
char *tx_barrier(tx_group *group);

char *tx_reducer_new(tx_group *group, const tx_tensor *parameters, size_t count, int64_t first_bucket_bytes,
                     int64_t bucket_bytes, tx_reducer **reducer);
void tx_reducer_free(tx_reducer *reducer);
// The next backward pass reduces.
char *tx_reducer_prepare(tx_reducer *reducer);
void tx_reducer_counts(tx_reducer *reducer, size_t *buckets, uint64_t *all_reduces);

#ifdef __cplusplus
}
#endif
