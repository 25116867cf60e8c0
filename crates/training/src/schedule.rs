//! The learning rate over a run.

use crate::OptimizerConfig;

/// Linear warm-up to the peak rate, then linear decay to 0 at the last step, as
/// `get_linear_schedule_with_warmup` of Hugging Face transformers.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    peak: f64,
    warmup_steps: usize,
    total_steps: usize,
}

impl Schedule {
    /// A schedule over `total_steps` optimizer steps, the first `ceil(warmup_ratio * total_steps)` of them warm-up.
    pub fn new(config: &OptimizerConfig, total_steps: usize) -> Self {
        Self {
            peak: config.learning_rate,
            warmup_steps: (config.warmup_ratio * total_steps as f64).ceil() as usize,
            total_steps,
        }
    }

    /// The rate after `done` steps: what the next step is taken with.
    pub fn rate(&self, done: usize) -> f64 {
        if done < self.warmup_steps {
            return self.peak * (done as f64 / self.warmup_steps.max(1) as f64);
        }
        let left = self.total_steps.saturating_sub(done) as f64;
        let decay_steps = self.total_steps.saturating_sub(self.warmup_steps).max(1) as f64;
        self.peak * (left / decay_steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_and_falls_in_straight_lines() {
        let config = OptimizerConfig {
            learning_rate: 1.0,
            warmup_ratio: 0.2,
            ..OptimizerConfig::default()
        };
        let schedule = Schedule::new(&config, 10);
        let rates: Vec<f64> = (0..=10).map(|done| schedule.rate(done)).collect();
        let expected = [0., 0.5, 1., 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0.];
        assert_eq!(rates, expected);
    }

    #[test]
    fn without_warmup_it_starts_at_the_peak() {
        let config = OptimizerConfig {
            learning_rate: 1.0,
            warmup_ratio: 0.0,
            ..OptimizerConfig::default()
        };
        assert_eq!(Schedule::new(&config, 4).rate(0), 1.0);
    }
}
