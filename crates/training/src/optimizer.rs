//! AdamW with a schedule, clipping by global norm, and no decay on biases and layer normalizations.

use serde::{Deserialize, Serialize};
use tch::nn::{self, OptimizerConfig as _};
use tch::{Kind, Tensor};

use crate::{Error, Result, Schedule};

/// The parameter group of the weights that decay; the encoder puts biases and layer normalizations into another.
const DECAYED: usize = 0;

/// Settings of the optimizer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerConfig {
    /// The highest learning rate, reached at the end of the warm-up.
    pub learning_rate: f64,
    /// Decoupled weight decay (Loshchilov and Hutter 2019), not applied to biases and layer normalizations.
    pub weight_decay: f64,
    /// Share of the steps over which the rate rises from 0; in [0, 1].
    pub warmup_ratio: f64,
    /// Gradients are scaled down to this global Euclidean norm when they are longer.
    pub max_gradient_norm: f64,
}

impl Default for OptimizerConfig {
    /// The values that sentence-transformers' documentation trains with, but for the decay.
    fn default() -> Self {
        Self {
            learning_rate: 5e-5,
            weight_decay: 0.01,
            warmup_ratio: 0.1,
            max_gradient_norm: 1.0,
        }
    }
}

impl OptimizerConfig {
    /// Refuses nonsense.
    ///
    /// # Errors
    /// Names the first setting that makes no sense.
    pub fn validate(&self) -> Result<()> {
        let checks = [
            (
                "learning_rate",
                self.learning_rate,
                self.learning_rate > 0.0,
                "a number above 0",
            ),
            (
                "weight_decay",
                self.weight_decay,
                self.weight_decay >= 0.0,
                "0 or more",
            ),
            (
                "warmup_ratio",
                self.warmup_ratio,
                (0.0..=1.0).contains(&self.warmup_ratio),
                "between 0 and 1",
            ),
            (
                "max_gradient_norm",
                self.max_gradient_norm,
                self.max_gradient_norm > 0.0,
                "a number above 0",
            ),
        ];
        for (setting, value, sound, expected) in checks {
            if !sound || !value.is_finite() {
                return Err(Error::Setting {
                    setting,
                    value: value.to_string(),
                    expected,
                });
            }
        }
        Ok(())
    }
}

/// The numbers of one optimizer step.
#[derive(Debug, Clone, Copy)]
pub struct StepNumbers {
    /// The rate that the step was taken with.
    pub rate: f64,
    /// Global Euclidean norm of the gradients before clipping.
    pub gradient_norm: f64,
}

/// AdamW over the variables of one store.
#[derive(Debug)]
pub struct Optimizer {
    adamw: nn::Optimizer,
    schedule: Schedule,
    max_gradient_norm: f64,
    done: usize,
}

impl Optimizer {
    /// An optimizer for `total_steps` steps over `store`.
    ///
    /// # Errors
    /// A setting that makes no sense, or libtorch's refusal.
    pub fn new(store: &nn::VarStore, config: &OptimizerConfig, total_steps: usize) -> Result<Self> {
        config.validate()?;
        let schedule = Schedule::new(config, total_steps);
        let mut adamw = nn::AdamW {
            wd: 0.0,
            ..nn::AdamW::default()
        }
        .build(store, schedule.rate(0))?;
        adamw.set_weight_decay_group(DECAYED, config.weight_decay);
        Ok(Self {
            adamw,
            schedule,
            max_gradient_norm: config.max_gradient_norm,
            done: 0,
        })
    }

    /// Backpropagates `loss`, clips, and steps. The gradients are zero before and after.
    ///
    /// # Errors
    /// When the gradient norm is not finite; the variables are then untouched.
    pub fn step(&mut self, loss: &Tensor) -> Result<StepNumbers> {
        loss.f_backward()?;
        let gradient_norm = self.clip()?;
        let rate = self.schedule.rate(self.done);
        self.adamw.set_lr(rate);
        self.adamw.step();
        self.adamw.zero_grad();
        self.done += 1;
        Ok(StepNumbers {
            rate,
            gradient_norm,
        })
    }

    /// Scales all gradients by `min(1, max_gradient_norm / norm)`, as `torch.nn.utils.clip_grad_norm_`; the norm before.
    fn clip(&self) -> Result<f64> {
        tch::no_grad(|| {
            let mut gradients: Vec<Tensor> = self
                .adamw
                .trainable_variables()
                .iter()
                .map(Tensor::grad)
                .filter(Tensor::defined)
                .collect();
            let norms: Vec<Tensor> = gradients.iter().map(Tensor::norm).collect();
            let norm = Tensor::stack(&norms, 0)
                .to_kind(Kind::Float)
                .norm()
                .double_value(&[]);
            if !norm.is_finite() {
                return Err(Error::NotFinite {
                    what: "gradient norm",
                    value: norm,
                    step: self.done + 1,
                });
            }
            let scale = self.max_gradient_norm / (norm + 1e-6);
            if scale < 1.0 {
                for gradient in &mut gradients {
                    let _ = gradient.g_mul_scalar_(scale);
                }
            }
            Ok(norm)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    fn one_step(max_gradient_norm: f64) -> (f64, Vec<f64>) {
        let store = nn::VarStore::new(Device::Cpu);
        let weight = store.root().var("weight", &[2], nn::Init::Const(1.0));
        let config = OptimizerConfig {
            learning_rate: 0.1,
            weight_decay: 0.0,
            warmup_ratio: 0.0,
            max_gradient_norm,
        };
        let mut optimizer = Optimizer::new(&store, &config, 10).unwrap();
        let loss = (&weight * Tensor::from_slice(&[3f32, 4.])).sum(Kind::Float);
        let numbers = optimizer.step(&loss).unwrap();
        (
            numbers.gradient_norm,
            Vec::<f64>::try_from(weight.to_kind(Kind::Double)).unwrap(),
        )
    }

    #[test]
    fn the_norm_is_that_before_clipping() {
        let (norm, weight) = one_step(1.0);
        assert!((norm - 5.0).abs() < 1e-6);
        // Adam's first step has the size of the rate, whatever the gradient's size.
        assert!(weight.iter().all(|w| (w - 0.9).abs() < 1e-5), "{weight:?}");
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let config = OptimizerConfig {
            warmup_ratio: 1.5,
            ..OptimizerConfig::default()
        };
        let message = config.validate().unwrap_err().to_string();
        assert_eq!(message, "setting `warmup_ratio` is 1.5: between 0 and 1");
    }

    #[test]
    fn a_gradient_that_is_no_number_stops_the_run() {
        let store = nn::VarStore::new(Device::Cpu);
        let weight = store.root().var("weight", &[1], nn::Init::Const(0.0));
        let mut optimizer = Optimizer::new(&store, &OptimizerConfig::default(), 2).unwrap();
        let loss = weight.log().sum(Kind::Float);
        let error = optimizer.step(&loss).unwrap_err().to_string();
        assert!(error.contains("gradient norm is inf at step 1"), "{error}");
        assert_eq!(weight.double_value(&[0]), 0.0);
    }
}
