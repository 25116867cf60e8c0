use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail};

/// A Python program that waits for its turn: it prints one line when it is ready, and for each line it is given one with the
/// seconds that its work took.
pub struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts `python script arguments...` and waits until it is ready.
    ///
    /// # Errors
    /// When it does not start, or ends.
    pub fn start(python: &Path, script: &str, arguments: &[&str]) -> anyhow::Result<Self> {
        let mut child = Command::new(python)
            .args(["-c", script])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", python.display()))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("no pipes to the peer");
        };
        let mut peer = Self {
            child,
            input,
            output: BufReader::new(output),
        };
        peer.line()?;
        Ok(peer)
    }

    /// One turn: the seconds it took.
    ///
    /// # Errors
    /// When the peer ends or prints something else.
    pub fn turn(&mut self, what: &str) -> anyhow::Result<f64> {
        writeln!(self.input, "{what}")?;
        self.input.flush()?;
        let line = self.line()?;
        line.trim()
            .parse()
            .with_context(|| format!("the peer printed `{}`", line.trim()))
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            bail!("the peer ended; its own messages say why");
        }
        Ok(line)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
