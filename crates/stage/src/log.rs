//! Log lines on standard error, kept apart from the progress bar.

use std::io::{self, IsTerminal as _, Write};
use std::sync::OnceLock;
use std::time::Instant;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use crate::args::{Common, LogFormat};
use crate::progress;

/// What [`init_logging`] was told; until then there is none.
static STATE: OnceLock<State> = OnceLock::new();

#[derive(Debug, Clone, Copy)]
struct State {
    format: LogFormat,
    quiet: bool,
}

/// Starts logging as `--log` and `--quiet` say. `JOBMATCH_LOG` holds a filter for whoever wants
/// more or less, such as `debug` or `jobmatch_dataset=trace`. Only the first call counts.
pub fn init_logging(common: &Common) {
    let state = State {
        format: common.log,
        quiet: common.quiet,
    };
    if STATE.set(state).is_err() {
        return;
    }
    let default = if common.quiet { "warn" } else { "info" };
    let wanted = std::env::var("JOBMATCH_LOG").ok();
    let filter = match wanted.as_deref().map(EnvFilter::try_new) {
        Some(Ok(filter)) => filter,
        _ => EnvFilter::new(default),
    };
    let bad_filter = wanted.filter(|text| EnvFilter::try_new(text).is_err());

    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(BesideProgress)
        .with_ansi(io::stderr().is_terminal());
    // A subscriber that an embedding program installed first stays.
    let _ = match common.log {
        LogFormat::Pretty => subscriber
            .with_target(false)
            .with_timer(Elapsed(Instant::now()))
            .try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
    };
    if let Some(text) = bad_filter {
        tracing::warn!("JOBMATCH_LOG=`{text}` is no log filter, so `{default}` is used");
    }
}

/// The format of log lines, once logging has started.
pub(crate) fn format() -> Option<LogFormat> {
    STATE.get().map(|state| state.format)
}

/// Whether progress is wanted at all: never before logging has started.
pub(crate) fn shows_progress() -> bool {
    STATE.get().is_some_and(|state| !state.quiet)
}

/// Seconds since logging started: `  12.3 s`.
struct Elapsed(Instant);

impl FormatTime for Elapsed {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        write!(writer, "{:6.1} s", self.0.elapsed().as_secs_f64())
    }
}

/// Writes to standard error while the progress bar steps aside.
struct BesideProgress;

impl Write for BesideProgress {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        progress::bars().suspend(|| io::stderr().lock().write_all(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl MakeWriter<'_> for BesideProgress {
    type Writer = BesideProgress;

    fn make_writer(&self) -> Self::Writer {
        BesideProgress
    }
}
