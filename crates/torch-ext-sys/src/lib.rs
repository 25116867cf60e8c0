//! C declarations of what `tch` lacks of libtorch; `jobmatch-torch-ext` is the safe side of them.
//!
//! They mirror `csrc/torch_ext.h`, where each function is described. A function that can fail gives the error's text,
//! to be freed with [`tx_free`], or null. A tensor that comes out belongs to the caller.
#![allow(
    non_camel_case_types,
    missing_docs,
    reason = "named and described as in csrc/torch_ext.h"
)]

use std::ffi::{c_char, c_double, c_int, c_void};

pub use torch_sys::C_tensor;

/// The library with the NCCL part as the build left it; absent when it was built without CUDA's and NCCL's headers.
pub const NCCL_LIBRARY: Option<&str> = option_env!("TORCH_EXT_NCCL");

#[repr(C)]
pub struct tx_store {
    _private: [u8; 0],
}

#[repr(C)]
pub struct tx_group {
    _private: [u8; 0],
}

#[repr(C)]
pub struct tx_reducer {
    _private: [u8; 0],
}

#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct tx_autocast_state {
    pub device_type: c_int,
    pub enabled: c_int,
    pub scalar_type: c_int,
    pub cache: c_int,
}

#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct tx_adamw_settings {
    pub rate: c_double,
    pub beta1: c_double,
    pub beta2: c_double,
    pub weight_decay: c_double,
    pub epsilon: c_double,
}

#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct tx_group_settings {
    pub rank: c_int,
    pub size: c_int,
    pub timeout_ms: i64,
    pub interface: *const c_char,
    pub hostname: *const c_char,
    pub cuda_device: c_int,
}

type Tensors = *const *mut C_tensor;

unsafe extern "C" {
    pub fn tx_free(text_or_bytes: *mut c_void);

    pub fn tx_version() -> *const c_char;
    pub fn tx_load_cuda(nccl_library: *const c_char) -> *mut c_char;
    pub fn tx_set_deterministic(on: c_int) -> *mut c_char;
    pub fn tx_one_thread_here();

    pub fn tx_autocast_enter(
        device_type: c_int,
        scalar_type: c_int,
        before: *mut tx_autocast_state,
    ) -> *mut c_char;
    pub fn tx_autocast_leave(before: *const tx_autocast_state) -> *mut c_char;
    pub fn tx_unscale(
        gradients: Tensors,
        count: usize,
        found_inf: *mut C_tensor,
        inverse_scale: *mut C_tensor,
    ) -> *mut c_char;
    pub fn tx_update_scale(
        scale: *mut C_tensor,
        growth_tracker: *mut C_tensor,
        found_inf: *mut C_tensor,
        growth: c_double,
        backoff: c_double,
        growth_interval: i64,
    ) -> *mut c_char;

    pub fn tx_fused_adamw(
        parameters: Tensors,
        gradients: Tensors,
        means: Tensors,
        squares: Tensors,
        steps: Tensors,
        count: usize,
        settings: *const tx_adamw_settings,
        found_inf: *mut C_tensor,
    ) -> *mut c_char;
    pub fn tx_global_norm(tensors: Tensors, count: usize, norm: *mut *mut C_tensor) -> *mut c_char;
    pub fn tx_scale_all(tensors: Tensors, count: usize, factor: *mut C_tensor) -> *mut c_char;

    pub fn tx_rng_state(
        device_type: c_int,
        device_index: c_int,
        state: *mut *mut C_tensor,
    ) -> *mut c_char;
    pub fn tx_set_rng_state(
        device_type: c_int,
        device_index: c_int,
        state: *mut C_tensor,
    ) -> *mut c_char;

    pub fn tx_varlen_attention(
        query: *mut C_tensor,
        key: *mut C_tensor,
        value: *mut C_tensor,
        offsets: *mut C_tensor,
        longest: i64,
        dropout: c_double,
        context: *mut *mut C_tensor,
    ) -> *mut c_char;
    pub fn tx_varlen_attention_cpu(
        query: *mut C_tensor,
        key: *mut C_tensor,
        value: *mut C_tensor,
        offsets: *const i32,
        count: usize,
        context: *mut *mut C_tensor,
    ) -> *mut c_char;

    pub fn tx_has_onednn() -> c_int;
    pub fn tx_linear(
        input: *mut C_tensor,
        weight: *mut C_tensor,
        bias: *mut C_tensor,
        output: *mut *mut C_tensor,
    ) -> *mut c_char;
    pub fn tx_linear_pack(
        weight: *mut C_tensor,
        rows: i64,
        packed: *mut *mut C_tensor,
    ) -> *mut c_char;
    pub fn tx_linear_packed(
        input: *mut C_tensor,
        packed: *mut C_tensor,
        bias: *mut C_tensor,
        activation: c_int,
        other: *mut C_tensor,
        output: *mut *mut C_tensor,
    ) -> *mut c_char;
    pub fn tx_quantized_pack(
        weight: *mut C_tensor,
        rows: i64,
        packed: *mut *mut C_tensor,
        scales: *mut *mut C_tensor,
        sums: *mut *mut C_tensor,
    ) -> *mut c_char;
    pub fn tx_quantized_linear(
        input: *mut C_tensor,
        packed: *mut C_tensor,
        scales: *mut C_tensor,
        sums: *mut C_tensor,
        bias: *mut C_tensor,
        activation: c_int,
        other: *mut C_tensor,
        output: *mut *mut C_tensor,
    ) -> *mut c_char;

    pub fn tx_store_connect(
        host: *const c_char,
        port: u16,
        is_server: c_int,
        timeout_ms: i64,
        prefix: *const c_char,
        store: *mut *mut tx_store,
    ) -> *mut c_char;
    pub fn tx_store_clone(store: *mut tx_store, copy: *mut *mut tx_store) -> *mut c_char;
    pub fn tx_store_free(store: *mut tx_store);
    pub fn tx_store_set(
        store: *mut tx_store,
        key: *const c_char,
        value: *const u8,
        length: usize,
    ) -> *mut c_char;
    pub fn tx_store_get(
        store: *mut tx_store,
        key: *const c_char,
        value: *mut *mut u8,
        length: *mut usize,
    ) -> *mut c_char;
    pub fn tx_store_check(
        store: *mut tx_store,
        key: *const c_char,
        there: *mut c_int,
    ) -> *mut c_char;
    pub fn tx_store_add(
        store: *mut tx_store,
        key: *const c_char,
        value: i64,
        sum: *mut i64,
    ) -> *mut c_char;
    pub fn tx_store_delete(store: *mut tx_store, key: *const c_char) -> *mut c_char;

    pub fn tx_group_new(
        store: *mut tx_store,
        settings: *const tx_group_settings,
        group: *mut *mut tx_group,
    ) -> *mut c_char;
    pub fn tx_group_free(group: *mut tx_group);
    pub fn tx_all_reduce(
        group: *mut tx_group,
        tensor: *mut C_tensor,
        operation: c_int,
    ) -> *mut c_char;
    pub fn tx_all_gather(
        group: *mut tx_group,
        input: *mut C_tensor,
        output: *mut *mut C_tensor,
    ) -> *mut c_char;
    pub fn tx_all_gather_with_gradient(
        group: *mut tx_group,
        input: *mut C_tensor,
        output: *mut *mut C_tensor,
    ) -> *mut c_char;
    pub fn tx_broadcast(group: *mut tx_group, tensor: *mut C_tensor, root: c_int) -> *mut c_char;
    pub fn tx_broadcast_all(
        group: *mut tx_group,
        tensors: Tensors,
        count: usize,
        buffer_bytes: usize,
        root: c_int,
    ) -> *mut c_char;
    pub fn tx_barrier(group: *mut tx_group) -> *mut c_char;

    pub fn tx_reducer_new(
        group: *mut tx_group,
        parameters: Tensors,
        count: usize,
        first_bucket_bytes: i64,
        bucket_bytes: i64,
        reducer: *mut *mut tx_reducer,
    ) -> *mut c_char;
    pub fn tx_reducer_free(reducer: *mut tx_reducer);
    pub fn tx_reducer_prepare(reducer: *mut tx_reducer) -> *mut c_char;
    pub fn tx_reducer_counts(reducer: *mut tx_reducer, buckets: *mut usize, all_reduces: *mut u64);
}
