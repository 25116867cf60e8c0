//! From a program's work to its exit code, with one message.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::args::LogFormat;
use crate::log;

/// Returned as an error to end a program early and well: the settings were printed, or the reader
/// of standard output has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop;

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing more to do")
    }
}

impl std::error::Error for Stop {}

/// Runs a program's work. An error becomes one message on standard error, with its causes, and
/// exit code 1; [`Stop`] is success.
pub fn run(name: &str, work: impl FnOnce() -> anyhow::Result<()>) -> ExitCode {
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Stop>() => ExitCode::SUCCESS,
        Err(error) => {
            let message = message(&error);
            if log::format() == Some(LogFormat::Json) {
                tracing::error!(program = name, "{message}");
            } else {
                // Nobody is left to tell when standard error is closed.
                let _ = writeln!(io::stderr(), "{name}: {message}");
            }
            ExitCode::FAILURE
        }
    }
}

/// What a failed write to standard output means: a closed pipe ends the program well (`| head`),
/// everything else is an error.
pub fn stdout_error(error: io::Error) -> anyhow::Error {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Stop.into()
    } else {
        anyhow::Error::new(error).context("cannot write to standard output")
    }
}

/// The error and its causes. A cause that the line above already tells is left out.
fn message(error: &anyhow::Error) -> String {
    let mut text = String::new();
    let mut above = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.is_empty() {
            text.push_str(&cause);
        } else if !above.contains(&cause) {
            text.push_str("\n  because: ");
            text.push_str(&cause.trim_end().replace('\n', "\n    "));
        }
        above = cause;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context as _, anyhow};

    #[test]
    fn causes_follow_once() {
        let error = anyhow!("file not found")
            .context("jobs.csv: file not found")
            .context("cannot read the jobs");
        assert_eq!(
            message(&error),
            "cannot read the jobs\n  because: jobs.csv: file not found"
        );
    }

    #[test]
    fn exit_codes() {
        let code = |result: anyhow::Result<()>| format!("{:?}", run("demo", || result));
        let success = format!("{:?}", ExitCode::SUCCESS);
        assert_eq!(code(Ok(())), success);
        assert_eq!(code(Err(Stop.into())), success);
        assert_eq!(code(Err(Stop).context("printed")), success);
        assert_ne!(code(Err(anyhow!("no"))), success);
    }

    #[test]
    fn only_a_closed_pipe_is_no_error() {
        assert!(stdout_error(io::ErrorKind::BrokenPipe.into()).is::<Stop>());
        assert!(!stdout_error(io::ErrorKind::StorageFull.into()).is::<Stop>());
    }
}
