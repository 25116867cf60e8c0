//! One line that tells what is going on: rewritten in place on a terminal, and repeated now and then elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Longest live line in characters; a longer one would wrap and could not be rewritten.
const WIDTH: usize = 79;

/// A live status line on standard error.
pub struct Status {
    terminal: bool,
    every: Duration,
    last: Instant,
    shown: bool,
}

impl Status {
    /// A status line; where there is no terminal, a plain line at most once per `every`.
    pub fn new(every: Duration) -> Self {
        Self {
            terminal: io::stderr().is_terminal(),
            every,
            last: Instant::now(),
            shown: false,
        }
    }

    /// Shows `line()` if it is time to; the text is only made when it is shown.
    pub fn update(&mut self, line: impl FnOnce() -> String) {
        let every = if self.terminal {
            Duration::from_millis(150)
        } else {
            self.every
        };
        if self.last.elapsed() < every {
            return;
        }
        self.last = Instant::now();
        let line = shorten(&line(), WIDTH);
        // A closed standard error is no reason to stop the work.
        let _ = if self.terminal {
            self.shown = true;
            write!(io::stderr(), "\r\x1b[2K{line}").and_then(|()| io::stderr().flush())
        } else {
            writeln!(io::stderr(), "{line}")
        };
    }

    /// Wipes the live line, so that a lasting one can be printed in its place.
    pub fn clear(&mut self) {
        if self.shown {
            self.shown = false;
            let _ = write!(io::stderr(), "\r\x1b[2K").and_then(|()| io::stderr().flush());
        }
    }
}

impl Drop for Status {
    fn drop(&mut self) {
        self.clear();
    }
}

/// `bytes` in megabytes (10^6), as `531 MB` or `0.1 MB`.
pub fn megabytes(bytes: u64) -> String {
    let places = usize::from(bytes < 10_000_000);
    format!("{:.places$} MB", bytes as f64 / 1e6)
}

/// A duration as `0.4 s`, `12.4 s` or `3 min 05 s`.
pub fn seconds(duration: Duration) -> String {
    let tenths = (duration.as_secs_f64() * 10.0).round() / 10.0;
    if tenths < 60.0 {
        format!("{tenths:.1} s")
    } else {
        let whole = duration.as_secs_f64().round() as u64;
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

/// The first `width` characters of `line`, without control characters.
fn shorten(line: &str, width: usize) -> String {
    line.chars()
        .filter(|c| !c.is_control())
        .take(width)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        let cases = [
            (0.04, "0.0 s"),
            (12.41, "12.4 s"),
            (59.96, "1 min 00 s"),
            (185.2, "3 min 05 s"),
        ];
        for (length, text) in cases {
            assert_eq!(seconds(Duration::from_secs_f64(length)), text);
        }
    }

    #[test]
    fn a_live_line_never_wraps_or_colours() {
        assert_eq!(shorten("ab\x1bcd\rэф", 5), "abcdэ");
    }
}
