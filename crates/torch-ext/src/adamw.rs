//! AdamW over tensors that are ours, so that its state can be saved.

use jobmatch_torch_ext_sys::{tx_adamw_settings, tx_fused_adamw};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::raw::{check, pointer, pointers};
use crate::{Error, Result};

/// Settings of [`AdamW`], with the defaults of `torch.optim.AdamW`; rate and decay are given elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdamWConfig {
    /// Share of the old mean of gradients that stays at a step; in [0, 1).
    pub beta1: f64,
    /// Share of the old mean of squared gradients that stays at a step; in [0, 1).
    pub beta2: f64,
    /// Added to the root of the mean of squares.
    pub epsilon: f64,
}

impl Default for AdamWConfig {
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        }
    }
}

impl AdamWConfig {
    /// Refuses nonsense.
    ///
    /// # Errors
    /// Names the first setting that makes no sense.
    pub fn validate(&self) -> Result<()> {
        for (setting, value) in [("beta1", self.beta1), ("beta2", self.beta2)] {
            if !(0.0..1.0).contains(&value) {
                return Err(Error::Setting {
                    setting,
                    value: value.to_string(),
                    expected: "0 or more, below 1",
                });
            }
        }
        if !(self.epsilon > 0.0 && self.epsilon.is_finite()) {
            return Err(Error::Setting {
                setting: "epsilon",
                value: self.epsilon.to_string(),
                expected: "a number above 0",
            });
        }
        Ok(())
    }
}

/// Parameters that share their weight decay.
#[derive(Debug)]
pub struct ParameterGroup {
    /// The parameters.
    pub parameters: Vec<Tensor>,
    /// Decoupled weight decay (Loshchilov and Hutter 2019); 0 for biases and layer normalizations.
    pub weight_decay: f64,
}

/// What the optimizer remembers of its parameters, group after group.
#[derive(Debug)]
pub struct AdamWState {
    /// Running means of gradients, each shaped as its parameter.
    pub means: Vec<Tensor>,
    /// Running means of squared gradients, each shaped as its parameter.
    pub squares: Vec<Tensor>,
    /// Steps taken by each parameter.
    pub steps: Vec<f32>,
}

/// libtorch's fused AdamW (CPU and CUDA), equal to `torch.optim.AdamW(fused=True)`.
#[derive(Debug)]
pub struct AdamW {
    config: AdamWConfig,
    parameters: Vec<Tensor>,
    means: Vec<Tensor>,
    squares: Vec<Tensor>,
    steps: Vec<Tensor>,
    /// Where each group ends in the lists above, and its decay.
    groups: Vec<(usize, f64)>,
}

impl AdamW {
    /// An optimizer that has taken no step.
    ///
    /// # Errors
    /// A setting that makes no sense.
    pub fn new(groups: Vec<ParameterGroup>, config: AdamWConfig) -> Result<Self> {
        config.validate()?;
        let mut parameters = Vec::new();
        let mut ends = Vec::new();
        for group in groups {
            parameters.extend(group.parameters);
            ends.push((parameters.len(), group.weight_decay));
        }
        let zeros = |parameters: &[Tensor]| -> Vec<Tensor> {
            parameters
                .iter()
                .map(|each| each.detach().zeros_like())
                .collect()
        };
        Ok(Self {
            config,
            means: zeros(&parameters),
            squares: zeros(&parameters),
            steps: parameters
                .iter()
                .map(|each| Tensor::zeros([], (Kind::Float, each.device())))
                .collect(),
            parameters,
            groups: ends,
        })
    }

    /// The parameters, group after group.
    pub fn parameters(&self) -> &[Tensor] {
        &self.parameters
    }

    /// The gradients that are there, in the order of the parameters.
    pub fn gradients(&self) -> Vec<Tensor> {
        self.parameters
            .iter()
            .map(Tensor::grad)
            .filter(Tensor::defined)
            .collect()
    }

    /// One step with the learning rate `rate`. Parameters without a gradient stay as they are. Where `found_inf` (of
    /// [`GradScaler::unscale`](crate::GradScaler::unscale)) is 1, nothing changes and the step does not count.
    ///
    /// # Errors
    /// libtorch's refusal, such as for a gradient of another kind than its parameter.
    pub fn step(&mut self, rate: f64, found_inf: Option<&Tensor>) -> Result<()> {
        let mut from = 0;
        for &(to, weight_decay) in &self.groups {
            let settings = tx_adamw_settings {
                rate,
                beta1: self.config.beta1,
                beta2: self.config.beta2,
                weight_decay,
                epsilon: self.config.epsilon,
            };
            let with_gradient: Vec<usize> = (from..to)
                .filter(|at| self.parameters[*at].grad().defined())
                .collect();
            let gradients: Vec<Tensor> = with_gradient
                .iter()
                .map(|at| self.parameters[*at].grad())
                .collect();
            let chosen = |tensors: &[Tensor]| -> Vec<_> {
                with_gradient
                    .iter()
                    .map(|at| pointer(&tensors[*at]))
                    .collect()
            };
            // SAFETY: the lists have one length, and all tensors live through the call.
            check("step with AdamW", unsafe {
                tx_fused_adamw(
                    chosen(&self.parameters).as_ptr(),
                    pointers(&gradients).as_ptr(),
                    chosen(&self.means).as_ptr(),
                    chosen(&self.squares).as_ptr(),
                    chosen(&self.steps).as_ptr(),
                    gradients.len(),
                    &raw const settings,
                    found_inf.map_or(std::ptr::null_mut(), pointer),
                )
            })?;
            from = to;
        }
        Ok(())
    }

    /// Makes all gradients zero.
    pub fn zero_gradients(&mut self) {
        for gradient in &mut self.gradients() {
            let _ = gradient.zero_();
        }
    }

    /// What to save: the tensors themselves, not copies.
    pub fn state(&self) -> AdamWState {
        let same = |tensors: &[Tensor]| tensors.iter().map(Tensor::shallow_clone).collect();
        AdamWState {
            means: same(&self.means),
            squares: same(&self.squares),
            steps: self
                .steps
                .iter()
                .map(|step| step.double_value(&[]) as f32)
                .collect(),
        }
    }

    /// Copies a saved state in.
    ///
    /// # Errors
    /// When its tensors are not shaped as the parameters; nothing has changed then.
    pub fn restore(&mut self, state: &AdamWState) -> Result<()> {
        let wrong = |problem: String| Err(Error::State { problem });
        for (name, saved) in [("means", &state.means), ("squares", &state.squares)] {
            if saved.len() != self.parameters.len() {
                let (found, wanted) = (saved.len(), self.parameters.len());
                return wrong(format!("it has {found} {name} for {wanted} parameters"));
            }
            for (at, (saved, parameter)) in saved.iter().zip(&self.parameters).enumerate() {
                if saved.size() != parameter.size() {
                    let (found, wanted) = (saved.size(), parameter.size());
                    return wrong(format!(
                        "{name} {at} is shaped {found:?}, its parameter {wanted:?}"
                    ));
                }
            }
        }
        if state.steps.len() != self.parameters.len() {
            return wrong(format!(
                "it counts the steps of {} parameters",
                state.steps.len()
            ));
        }
        tch::no_grad(|| -> Result<()> {
            for (to, from) in [
                (&mut self.means, &state.means),
                (&mut self.squares, &state.squares),
            ] {
                for (to, from) in to.iter_mut().zip(from) {
                    to.f_copy_(from)?;
                }
            }
            for (to, from) in self.steps.iter_mut().zip(&state.steps) {
                let _ = to.f_fill_(f64::from(*from))?;
            }
            Ok(())
        })
    }

    /// The device of the parameters: of the first, or the CPU when there is none.
    pub fn device(&self) -> Device {
        self.parameters.first().map_or(Device::Cpu, Tensor::device)
    }
}
