//! Matrix products in a lower precision, the rest in float32.

use std::marker::PhantomData;

use jobmatch_torch_ext_sys::{tx_autocast_enter, tx_autocast_leave, tx_autocast_state};
use tch::{Device, Kind};

use crate::raw::{check, device_numbers, half_number, message};
use crate::{Error, Result};

/// Autocast is on in this thread as long as this lives. Regions nest; the last one entered ends first.
#[derive(Debug)]
#[must_use = "autocast ends when this is dropped"]
pub struct Autocast {
    before: tx_autocast_state,
    /// It belongs to one thread.
    thread: PhantomData<*const ()>,
}

/// Switches autocast on for `device`, as `torch.autocast(device_type, dtype)`: libtorch then computes what bears it
/// (matrix products, attention) in `kind`, [`Kind::Half`] or [`Kind::BFloat16`], and what does not (losses, norms) in
/// float32. Put the forward pass inside, and backward outside.
///
/// # Errors
/// When `kind` is neither of the two, or libtorch has no autocast for the device.
pub fn autocast(device: Device, kind: Kind) -> Result<Autocast> {
    let number = half_number(kind).ok_or_else(|| Error::Setting {
        setting: "autocast kind",
        value: format!("{kind:?}"),
        expected: "Half or BFloat16",
    })?;
    let mut before = tx_autocast_state::default();
    // SAFETY: `before` lives through the call.
    check("switch autocast on", unsafe {
        tx_autocast_enter(device_numbers(device).0, number, &raw mut before)
    })?;
    Ok(Autocast {
        before,
        thread: PhantomData,
    })
}

impl Drop for Autocast {
    fn drop(&mut self) {
        // SAFETY: the state is the one that entering gave.
        if let Some(problem) = message(unsafe { tx_autocast_leave(&raw const self.before) }) {
            tracing::error!("cannot switch autocast off: {problem}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Tensor;

    fn product_kind() -> Kind {
        let ones = Tensor::ones([4, 4], (Kind::Float, Device::Cpu));
        ones.matmul(&ones).kind()
    }

    #[test]
    fn regions_nest_and_end() {
        assert_eq!(product_kind(), Kind::Float);
        {
            let _outer = autocast(Device::Cpu, Kind::BFloat16).unwrap();
            assert_eq!(product_kind(), Kind::BFloat16);
            {
                let _inner = autocast(Device::Cpu, Kind::Half).unwrap();
                assert_eq!(product_kind(), Kind::Half);
            }
            assert_eq!(product_kind(), Kind::BFloat16);
        }
        assert_eq!(product_kind(), Kind::Float);
    }

    #[test]
    fn another_kind_is_refused() {
        let error = autocast(Device::Cpu, Kind::Double).unwrap_err().to_string();
        assert_eq!(error, "setting `autocast kind` is Double: Half or BFloat16");
    }
}
