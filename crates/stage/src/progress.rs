//! How far a stage is: a bar on a terminal, a plain line every few seconds elsewhere.

use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::args::LogFormat;
use crate::log;
use crate::telemetry::grouped;

/// Between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Counts items and shows the count, the total, the rate and the time left. Threads may share it.
///
/// Nothing is shown before [`init_logging`](crate::init_logging), nor with `--quiet`.
#[derive(Debug)]
pub struct Progress {
    what: String,
    unit: String,
    total: Option<u64>,
    done: AtomicU64,
    started: Instant,
    /// What else is worth seeing.
    remark: Mutex<String>,
    display: Display,
}

#[derive(Debug)]
enum Display {
    Nothing,
    Bar(ProgressBar),
    /// When the last line was written.
    Lines(Mutex<Instant>),
}

impl Progress {
    /// Begins to count; `what` is done to so many (`total`, if known) `unit`s, such as `segmenting`
    /// of `jobs`.
    pub fn new(what: &str, unit: &str, total: Option<u64>) -> Self {
        let display = if !log::shows_progress() {
            Display::Nothing
        } else if io::stderr().is_terminal() && log::format() == Some(LogFormat::Pretty) {
            Display::Bar(bars().add(bar(what, unit, total)))
        } else {
            Display::Lines(Mutex::new(Instant::now()))
        };
        Progress {
            what: what.to_owned(),
            unit: unit.to_owned(),
            total,
            done: AtomicU64::new(0),
            started: Instant::now(),
            remark: Mutex::default(),
            display,
        }
    }

    /// Shows `remark` beside the count from now on, such as a loss.
    pub fn say(&self, remark: &str) {
        if let Display::Bar(bar) = &self.display {
            bar.set_message(format!("{}, {remark}", self.unit));
        }
        if let Ok(mut place) = self.remark.lock() {
            remark.clone_into(&mut place);
        }
    }

    /// Counts `items` more as done.
    pub fn add(&self, items: u64) {
        let done = self.done.fetch_add(items, Ordering::Relaxed) + items;
        match &self.display {
            Display::Nothing => {}
            Display::Bar(bar) => bar.set_position(done),
            Display::Lines(last) => {
                // Whoever finds the clock taken goes on: another thread is writing the line.
                if let Ok(mut last) = last.try_lock()
                    && last.elapsed() >= LINE_EVERY
                {
                    *last = Instant::now();
                    self.line(done, false);
                }
            }
        }
    }

    /// How many items are done.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Ends the display with one last line; returns how many items were done.
    pub fn finish(self) -> u64 {
        let done = self.done();
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
        if !matches!(self.display, Display::Nothing) {
            self.line(done, true);
        }
        done
    }

    fn line(&self, done: u64, finished: bool) {
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = done as f64 / seconds.max(1e-9);
        let remark = self
            .remark
            .lock()
            .map_or_else(|_| String::new(), |remark| remark.clone());
        if log::format() == Some(LogFormat::Json) {
            tracing::info!(
                what = self.what,
                unit = self.unit,
                done,
                total = self.total,
                rate,
                finished,
                remark,
                "progress"
            );
        } else {
            let mut text = plain(&self.what, &self.unit, done, self.total, seconds, finished);
            if !remark.is_empty() {
                text.push_str(&format!("; {remark}"));
            }
            tracing::info!("{text}");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // After an error the bar must not stand in the message's way.
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
    }
}

/// The bars of this process, which log lines have to step around.
pub(crate) fn bars() -> &'static MultiProgress {
    static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);
    &BARS
}

fn bar(what: &str, unit: &str, total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "{prefix} {bar:30} {human_pos} of {human_len} {msg}, {per_sec}, {eta} left",
        ),
        None => (
            ProgressBar::no_length(),
            "{prefix} {spinner} {human_pos} {msg}, {per_sec}, {elapsed}",
        ),
    };
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar.set_prefix(what.to_owned());
    bar.set_message(unit.to_owned());
    bar
}

fn plain(
    what: &str,
    unit: &str,
    done: u64,
    total: Option<u64>,
    seconds: f64,
    finished: bool,
) -> String {
    let rate = done as f64 / seconds.max(1e-9);
    let mut text = format!("{what}: {}", grouped(done));
    if let Some(total) = total.filter(|_| !finished) {
        let percent = 100.0 * done as f64 / total.max(1) as f64;
        text.push_str(&format!(" of {} {unit} ({percent:.0} %)", grouped(total)));
    } else {
        text.push_str(&format!(" {unit}"));
    }
    if finished {
        text.push_str(&format!(" in {}", duration(seconds)));
    }
    if done > 0 {
        text.push_str(&format!(", {} {unit}/s", short(rate)));
        if let Some(total) = total.filter(|total| !finished && *total >= done) {
            text.push_str(&format!(
                ", {} left",
                duration((total - done) as f64 / rate)
            ));
        }
    }
    text
}

fn short(rate: f64) -> String {
    if rate < 10.0 {
        format!("{rate:.1}")
    } else {
        grouped(rate.round() as u64)
    }
}

fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 if seconds < 10.0 => format!("{seconds:.1} s"),
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_line_has_count_total_rate_and_time_left() {
        let cases = [
            (
                plain("segmenting", "jobs", 1200, Some(4800), 3.0, false),
                "segmenting: 1,200 of 4,800 jobs (25 %), 400 jobs/s, 9.0 s left",
            ),
            (
                plain("reading", "rows", 30, None, 10.0, false),
                "reading: 30 rows, 3.0 rows/s",
            ),
            (
                plain("segmenting", "jobs", 4800, Some(4800), 75.0, true),
                "segmenting: 4,800 jobs in 1 min 15 s, 64 jobs/s",
            ),
            (
                plain("training", "steps", 1, Some(20_000), 2.0, false),
                "training: 1 of 20,000 steps (0 %), 0.5 steps/s, 11 h 6 min left",
            ),
            (
                plain("training", "steps", 0, Some(10), 0.0, false),
                "training: 0 of 10 steps (0 %)",
            ),
        ];
        for (line, expected) in cases {
            assert_eq!(line, expected);
        }
    }

    #[test]
    fn threads_count_together() {
        let progress = Progress::new("counting", "items", Some(400));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..100).for_each(|_| progress.add(1)));
            }
        });
        assert_eq!(progress.finish(), 400);
    }
}
