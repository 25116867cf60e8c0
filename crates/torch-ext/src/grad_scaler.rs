//! A loss scale for float16, whose smallest numbers are too large for many gradients.

use jobmatch_torch_ext_sys::{tx_unscale, tx_update_scale};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::raw::{check, pointer, pointers};
use crate::{Error, Result};

/// Settings of a [`GradScaler`], with the defaults of `torch.amp.GradScaler`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GradScalerConfig {
    /// The first scale.
    pub initial_scale: f64,
    /// The scale is multiplied by this after `growth_interval` sound steps in a row; above 1.
    pub growth: f64,
    /// The scale is multiplied by this after a step with a gradient that is not finite; in (0, 1).
    pub backoff: f64,
    /// Sound steps in a row before the scale grows.
    pub growth_interval: u32,
}

impl Default for GradScalerConfig {
    fn default() -> Self {
        Self {
            initial_scale: 65536.0,
            growth: 2.0,
            backoff: 0.5,
            growth_interval: 2000,
        }
    }
}

impl GradScalerConfig {
    /// Refuses nonsense.
    ///
    /// # Errors
    /// Names the first setting that makes no sense.
    pub fn validate(&self) -> Result<()> {
        let refuse = |setting, value: f64, expected| {
            Err(Error::Setting {
                setting,
                value: value.to_string(),
                expected,
            })
        };
        if !(self.initial_scale > 0.0 && self.initial_scale.is_finite()) {
            return refuse("initial_scale", self.initial_scale, "a number above 0");
        }
        if !(self.growth > 1.0 && self.growth.is_finite()) {
            return refuse("growth", self.growth, "a number above 1");
        }
        if !(self.backoff > 0.0 && self.backoff < 1.0) {
            return refuse("backoff", self.backoff, "between 0 and 1, neither included");
        }
        if self.growth_interval == 0 {
            return refuse("growth_interval", 0.0, "1 or more");
        }
        Ok(())
    }
}

/// What a scaler has to remember between two runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GradScalerState {
    /// The scale.
    pub scale: f64,
    /// Sound steps since the scale last changed.
    pub sound_steps: u32,
    /// Steps skipped so far.
    pub skipped: u64,
}

/// Multiplies the loss, divides the gradients again, and skips a step whose gradients are not finite. The arithmetic is
/// libtorch's own, on the gradients' device.
#[derive(Debug)]
pub struct GradScaler {
    config: GradScalerConfig,
    scale: Tensor,
    sound_steps: Tensor,
    skipped: u64,
}

impl GradScaler {
    /// A scaler for gradients on `device`.
    ///
    /// # Errors
    /// A setting that makes no sense.
    pub fn new(config: GradScalerConfig, device: Device) -> Result<Self> {
        config.validate()?;
        let state = GradScalerState {
            scale: config.initial_scale,
            sound_steps: 0,
            skipped: 0,
        };
        Ok(Self::from_state(config, state, device))
    }

    /// A scaler that goes on from a saved state.
    pub fn from_state(config: GradScalerConfig, state: GradScalerState, device: Device) -> Self {
        Self {
            config,
            scale: Tensor::from_slice(&[state.scale as f32]).to_device(device),
            sound_steps: Tensor::from_slice(&[state.sound_steps as i32]).to_device(device),
            skipped: state.skipped,
        }
    }

    /// What to save.
    pub fn state(&self) -> GradScalerState {
        GradScalerState {
            scale: self.scale.double_value(&[0]),
            sound_steps: u32::try_from(self.sound_steps.int64_value(&[0])).unwrap_or(0),
            skipped: self.skipped,
        }
    }

    /// The loss to call backward on.
    pub fn scale(&self, loss: &Tensor) -> Tensor {
        loss * self.scale.squeeze().to_kind(loss.kind())
    }

    /// Divides the gradients by the scale, in place. What comes back is 1 when one of them is not finite and 0
    /// otherwise, as [`AdamW::step`](crate::AdamW::step) takes it.
    ///
    /// # Errors
    /// libtorch's refusal, such as for gradients on several devices.
    pub fn unscale(&self, gradients: &[Tensor]) -> Result<Tensor> {
        let found_inf = Tensor::zeros([1], (Kind::Float, self.scale.device()));
        let inverse = (self.scale.to_kind(Kind::Double).reciprocal()).to_kind(Kind::Float);
        let list = pointers(gradients);
        // SAFETY: the tensors live through the call.
        check("unscale the gradients", unsafe {
            tx_unscale(
                list.as_ptr(),
                list.len(),
                pointer(&found_inf),
                pointer(&inverse),
            )
        })?;
        Ok(found_inf)
    }

    /// Grows or backs off after a step; whether the step was skipped. On CUDA this waits for the device.
    ///
    /// # Errors
    /// libtorch's refusal.
    pub fn update(&mut self, found_inf: &Tensor) -> Result<bool> {
        // SAFETY: the tensors live through the call.
        check("update the loss scale", unsafe {
            tx_update_scale(
                pointer(&self.scale),
                pointer(&self.sound_steps),
                pointer(found_inf),
                self.config.growth,
                self.config.backoff,
                i64::from(self.config.growth_interval),
            )
        })?;
        let skipped = found_inf.double_value(&[0]) != 0.0;
        self.skipped += u64::from(skipped);
        Ok(skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaler() -> GradScaler {
        let config = GradScalerConfig {
            initial_scale: 8.0,
            growth_interval: 2,
            ..GradScalerConfig::default()
        };
        GradScaler::new(config, Device::Cpu).unwrap()
    }

    #[test]
    fn an_infinite_gradient_halves_the_scale_and_is_counted() {
        let mut scaler = scaler();
        let gradients = [
            Tensor::from_slice(&[8f32, 16.]),
            Tensor::from_slice(&[f32::INFINITY]),
        ];
        let found = scaler.unscale(&gradients).unwrap();
        assert!(scaler.update(&found).unwrap());
        let expected = GradScalerState {
            scale: 4.0,
            sound_steps: 0,
            skipped: 1,
        };
        assert_eq!(scaler.state(), expected);
    }

    #[test]
    fn sound_steps_unscale_and_in_the_end_grow() {
        let mut scaler = scaler();
        for expected in [8.0, 16.0] {
            let gradient = Tensor::from_slice(&[8f32]);
            let scale = scaler.state().scale;
            let found = scaler.unscale(std::slice::from_ref(&gradient)).unwrap();
            assert_eq!(gradient.double_value(&[0]), 8.0 / scale);
            assert!(!scaler.update(&found).unwrap());
            assert_eq!(scaler.state().scale, expected);
        }
    }

    #[test]
    fn a_saved_state_comes_back_and_nonsense_does_not() {
        let state = GradScalerState {
            scale: 1024.0,
            sound_steps: 7,
            skipped: 3,
        };
        let scaler = GradScaler::from_state(GradScalerConfig::default(), state, Device::Cpu);
        assert_eq!(scaler.state(), state);
        let config = GradScalerConfig {
            backoff: 1.0,
            ..GradScalerConfig::default()
        };
        let error = config.validate().unwrap_err().to_string();
        assert!(error.starts_with("setting `backoff` is 1"), "{error}");
    }
}
