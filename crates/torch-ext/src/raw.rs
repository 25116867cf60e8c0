//! The border to the shim: error texts, lists of tensors, tensors that come out.

use std::ffi::{CStr, CString, c_char, c_int};

use jobmatch_torch_ext_sys::{C_tensor, tx_free};
use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// The error's text, if there is one.
pub(crate) fn message(text: *mut c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the shim gives null or a text of its own that ends in 0, and wants it back.
    unsafe {
        let message = CStr::from_ptr(text).to_string_lossy().trim_end().to_owned();
        tx_free(text.cast());
        Some(message)
    }
}

/// What the shim says of an operation.
pub(crate) fn check(doing: &'static str, text: *mut c_char) -> Result<()> {
    message(text).map_or(Ok(()), |message| Err(Error::Torch { doing, message }))
}

/// The tensor as the shim takes it. The shim holds it no longer than the call, or as a reference of its own.
pub(crate) fn pointer(tensor: &Tensor) -> *mut C_tensor {
    tensor.as_ptr().cast_mut()
}

/// The tensors as the shim takes a list of them.
pub(crate) fn pointers(tensors: &[Tensor]) -> Vec<*mut C_tensor> {
    tensors.iter().map(pointer).collect()
}

/// Runs a call that gives a tensor.
pub(crate) fn tensor_from(
    doing: &'static str,
    call: impl FnOnce(*mut *mut C_tensor) -> *mut c_char,
) -> Result<Tensor> {
    let mut out = std::ptr::null_mut();
    check(doing, call(&raw mut out))?;
    // SAFETY: without an error `out` is a new tensor of ours.
    Ok(unsafe { Tensor::from_ptr(out) })
}

/// A text for C; a 0 in it ends it.
pub(crate) fn c_text(text: &str) -> CString {
    let bytes: Vec<u8> = text.bytes().take_while(|byte| *byte != 0).collect();
    CString::new(bytes).unwrap_or_default()
}

/// libtorch's number of a device type, and the device's index.
pub(crate) fn device_numbers(device: Device) -> (c_int, c_int) {
    match device {
        Device::Cuda(index) => (1, index as c_int),
        Device::Mps => (13, 0),
        Device::Vulkan => (10, 0),
        Device::Cpu => (0, 0),
    }
}

/// libtorch's number of a scalar type that autocast knows.
pub(crate) fn half_number(kind: Kind) -> Option<c_int> {
    match kind {
        Kind::Half => Some(5),
        Kind::BFloat16 => Some(15),
        _ => None,
    }
}
