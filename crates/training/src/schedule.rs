//! The learning rate over a run.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::OptimizerConfig;

/// How the rate goes on after the warm-up, as the schedules of Hugging Face transformers do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleShape {
    /// In a straight line to 0 at the last step (`get_linear_schedule_with_warmup`).
    #[default]
    Linear,
    /// Along half a cosine to 0 at the last step (`get_cosine_schedule_with_warmup`).
    Cosine,
    /// It stays (`get_constant_schedule_with_warmup`).
    Constant,
}

impl std::str::FromStr for ScheduleShape {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "linear" => Ok(Self::Linear),
            "cosine" => Ok(Self::Cosine),
            "constant" => Ok(Self::Constant),
            _ => Err(format!("`{text}` is none of linear, cosine and constant")),
        }
    }
}

/// A linear rise from 0 to the peak rate, then the shape.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    peak: f64,
    shape: ScheduleShape,
    warmup_steps: u64,
    total_steps: u64,
}

impl Schedule {
    /// A schedule over `total_steps` optimizer steps, the first `ceil(warmup_ratio * total_steps)` of them warm-up.
    pub fn new(config: &OptimizerConfig, total_steps: u64) -> Self {
        Self {
            peak: config.learning_rate,
            shape: config.schedule,
            warmup_steps: (config.warmup_ratio * total_steps as f64).ceil() as u64,
            total_steps,
        }
    }

    /// The rate after `done` steps: what the next step is taken with.
    pub fn rate(&self, done: u64) -> f64 {
        if done < self.warmup_steps {
            return self.peak * (done as f64 / self.warmup_steps.max(1) as f64);
        }
        let left = self.total_steps.saturating_sub(done) as f64;
        let falling_steps = self.total_steps.saturating_sub(self.warmup_steps).max(1) as f64;
        match self.shape {
            ScheduleShape::Linear => self.peak * (left / falling_steps),
            ScheduleShape::Cosine => {
                let fallen = 1.0 - left / falling_steps;
                self.peak * 0.5 * (1.0 + (PI * fallen).cos())
            }
            ScheduleShape::Constant => self.peak,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(shape: ScheduleShape, warmup_ratio: f64) -> Vec<f64> {
        let config = OptimizerConfig {
            learning_rate: 1.0,
            warmup_ratio,
            schedule: shape,
            ..OptimizerConfig::default()
        };
        let schedule = Schedule::new(&config, 10);
        (0..=10).map(|done| schedule.rate(done)).collect()
    }

    #[test]
    fn linear_rises_and_falls_in_straight_lines() {
        let expected = [0., 0.5, 1., 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0.];
        assert_eq!(rates(ScheduleShape::Linear, 0.2), expected);
        assert_eq!(rates(ScheduleShape::Linear, 0.0)[0], 1.0);
    }

    #[test]
    fn cosine_is_at_half_in_the_middle_and_constant_stays() {
        let cosine = rates(ScheduleShape::Cosine, 0.0);
        for (done, expected) in [(0, 1.0), (5, 0.5), (10, 0.0)] {
            assert!((cosine[done] - expected).abs() < 1e-12, "{cosine:?}");
        }
        assert_eq!(rates(ScheduleShape::Constant, 0.1)[1..], [1.0; 10]);
    }
}
