//! What a person sees of a training, and what its telemetry keeps of it.

use std::time::Instant;

use jobmatch_encoder::TokenUsage;
use jobmatch_stage::{Progress, peak_memory_bytes};
use jobmatch_torch_ext::World;
use jobmatch_training::StepRow;
use serde::Serialize;

use crate::Output;

/// Steps between two rows of the telemetry.
const ROW_EVERY: u64 = 50;

/// Hears each step of a training.
#[derive(Debug)]
pub struct Monitor<'o> {
    output: &'o Output,
    progress: Option<Progress>,
    shows: bool,
    since: Instant,
    steps: u64,
    usage: TokenUsage,
}

/// How fast the last steps were, and how much of their work was padding.
#[derive(Debug, Serialize)]
struct Pace {
    step: u64,
    steps_per_second: f64,
    /// Of this rank.
    tokens_per_second: f64,
    padding_share: f64,
    peak_memory_bytes: Option<u64>,
}

impl<'o> Monitor<'o> {
    /// Begins to listen; only the first rank shows anything.
    pub fn new(world: &World, output: &'o Output) -> Self {
        Self {
            output,
            progress: None,
            shows: world.is_first(),
            since: Instant::now(),
            steps: 0,
            usage: TokenUsage::default(),
        }
    }

    /// Hears of a step.
    pub fn hear(&mut self, row: &StepRow, total: u64, usage: TokenUsage) {
        tracing::debug!(step = row.step, loss = row.loss, rate = row.rate);
        if self.shows {
            let progress = self
                .progress
                .get_or_insert_with(|| Progress::new("training", "steps", Some(total)));
            // A run that goes on begins where it stopped.
            progress.add(row.step - progress.done());
        }
        self.steps += 1;
        self.usage += usage;
        if let Some(progress) = &self.progress {
            let rate = self.usage.tokens as f64 / self.since.elapsed().as_secs_f64().max(1e-9);
            let loss = row.loss.unwrap_or(f64::NAN);
            progress.say(&format!(
                "loss {loss:.4}, rate {:.2e}, {rate:.0} tokens/s",
                row.rate
            ));
        }
        if row.step.is_multiple_of(ROW_EVERY) || row.step == total {
            self.write(row.step);
        }
    }

    fn write(&mut self, step: u64) {
        let seconds = self.since.elapsed().as_secs_f64().max(1e-9);
        let places = (self.usage.tokens + self.usage.padding).max(1);
        self.output.telemetry(&Pace {
            step,
            steps_per_second: self.steps as f64 / seconds,
            tokens_per_second: self.usage.tokens as f64 / seconds,
            padding_share: self.usage.padding as f64 / places as f64,
            peak_memory_bytes: peak_memory_bytes(),
        });
        (self.since, self.steps, self.usage) = (Instant::now(), 0, TokenUsage::default());
    }

    /// Ends the display.
    pub fn finish(self) {
        if let Some(progress) = self.progress {
            progress.finish();
        }
    }
}
