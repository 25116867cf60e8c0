//! What a run cost: a row for `telemetry.jsonl`, outside every digest.

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// Measures a run from its start.
#[derive(Debug)]
pub struct Telemetry {
    stage: String,
    started: Instant,
    threads: usize,
    phase: Option<(String, Instant)>,
    phases: Vec<(String, f64)>,
    items: BTreeMap<String, u64>,
}

/// What a run cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TelemetryRow {
    /// The stage's name.
    pub stage: String,
    /// From start to finish.
    pub wall_seconds: f64,
    /// The most memory that was resident at once, in bytes, since the process began; absent where
    /// the system does not tell.
    pub peak_memory_bytes: Option<u64>,
    /// Threads that worked.
    pub threads: usize,
    /// The machine's name, where the system tells.
    pub host: Option<String>,
    /// Seconds of each phase, in order.
    pub phases: Vec<(String, f64)>,
    /// What was worked on, such as `jobs`, and how many.
    pub items: BTreeMap<String, u64>,
    /// Items per wall second.
    pub rates: BTreeMap<String, f64>,
}

impl Telemetry {
    /// Starts the clock.
    pub fn start(stage: &str) -> Self {
        Telemetry {
            stage: stage.to_owned(),
            started: Instant::now(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            phase: None,
            phases: Vec::new(),
            items: BTreeMap::new(),
        }
    }

    /// Says how many threads work, where that is not one for each core.
    pub fn threads(&mut self, threads: usize) {
        self.threads = threads;
    }

    /// Ends the phase that runs, if any, and begins another.
    pub fn phase(&mut self, name: &str) {
        self.end_phase();
        self.phase = Some((name.to_owned(), Instant::now()));
    }

    /// Adds to the seconds of a phase that takes turns with others.
    pub fn spent(&mut self, phase: &str, seconds: f64) {
        match self.phases.iter_mut().find(|(name, _)| name == phase) {
            Some((_, sum)) => *sum += seconds,
            None => self.phases.push((phase.to_owned(), seconds)),
        }
    }

    /// Adds to a count that the row will hold with its rate.
    pub fn count(&mut self, what: &str, items: u64) {
        *self.items.entry(what.to_owned()).or_default() += items;
    }

    /// The row as of now.
    pub fn row(&mut self) -> TelemetryRow {
        self.end_phase();
        let wall_seconds = self.started.elapsed().as_secs_f64();
        let rate = |items: u64| items as f64 / wall_seconds.max(1e-9);
        TelemetryRow {
            stage: self.stage.clone(),
            wall_seconds,
            peak_memory_bytes: peak_memory_bytes(),
            threads: self.threads,
            host: fs::read_to_string("/proc/sys/kernel/hostname")
                .ok()
                .map(|name| name.trim().to_owned()),
            phases: self.phases.clone(),
            rates: self
                .items
                .iter()
                .map(|(what, items)| (what.clone(), rate(*items)))
                .collect(),
            items: self.items.clone(),
        }
    }

    fn end_phase(&mut self) {
        if let Some((name, started)) = self.phase.take() {
            self.phases.push((name, started.elapsed().as_secs_f64()));
        }
    }
}

impl TelemetryRow {
    /// One line for people: `segment: 3.2 s, 210 MiB, 4,615 jobs (1,442/s)`.
    pub fn summary(&self) -> String {
        let mut text = format!("{}: {:.1} s", self.stage, self.wall_seconds);
        if let Some(bytes) = self.peak_memory_bytes {
            text.push_str(&format!(", {} MiB", grouped(bytes >> 20)));
        }
        for (what, items) in &self.items {
            let rate = self.rates.get(what).copied().unwrap_or_default();
            text.push_str(&format!(
                ", {} {what} ({}/s)",
                grouped(*items),
                grouped(rate.round() as u64)
            ));
        }
        text
    }
}

/// The process's high-water mark of resident memory, in bytes: `VmHWM` of `/proc/self/status`. `None` where the system
/// does not tell.
pub fn peak_memory_bytes() -> Option<u64> {
    high_water_mark(&fs::read_to_string("/proc/self/status").ok()?)
}

fn high_water_mark(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// A number with commas between thousands: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, expected) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), expected);
        }
    }

    #[test]
    fn peak_memory_is_read() {
        let status = "Name:\tx\nVmPeak:\t   99 kB\nVmHWM:\t    2048 kB\n";
        assert_eq!(high_water_mark(status), Some(2048 * 1024));
        assert_eq!(high_water_mark("Name:\tx\n"), None);
    }

    #[test]
    fn a_row_counts_and_says_so() {
        let mut telemetry = Telemetry::start("demo");
        telemetry.phase("read");
        telemetry.count("jobs", 3);
        telemetry.phase("write");
        telemetry.spent("turn", 1.5);
        telemetry.spent("other", 0.5);
        telemetry.spent("turn", 1.0);
        telemetry.count("jobs", 2);
        let row = telemetry.row();
        assert_eq!(row.items["jobs"], 5);
        let names: Vec<&str> = row.phases.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["read", "turn", "other", "write"]);
        assert_eq!(row.phases[1].1, 2.5);
        assert!(row.summary().starts_with("demo: "));
        let json = serde_json::to_value(&row).unwrap();
        assert_eq!(json["items"]["jobs"], 5);
        assert!(json["rates"]["jobs"].is_f64());
    }
}
