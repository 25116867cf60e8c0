//! Child processes that never outlive us: Ctrl-C, a termination signal and an early return all end them.

use std::process::{Child, ChildStdout, Command, ExitStatus, exit};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};

static RUNNING: Mutex<Vec<Arc<Mutex<Child>>>> = Mutex::new(Vec::new());

/// How often a child is asked whether it has ended.
pub const POLL: Duration = Duration::from_millis(20);

/// A child process; dropped while it still runs, it is killed.
pub struct Running {
    child: Arc<Mutex<Child>>,
    program: String,
}

impl Running {
    /// Starts `command`.
    pub fn start(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        // Held while starting: the signal handler either sees the child, or has ended us before it exists.
        let mut running = lock(&RUNNING);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let child = Arc::new(Mutex::new(child));
        running.push(Arc::clone(&child));
        Ok(Self { child, program })
    }

    /// The pipe from the child's standard output, if it was asked for; only once.
    pub fn take_output(&self) -> Option<ChildStdout> {
        lock(&self.child).stdout.take()
    }

    /// How the child ended; `None` while it runs.
    pub fn poll(&self) -> Result<Option<ExitStatus>> {
        lock(&self.child)
            .try_wait()
            .with_context(|| format!("cannot wait for {}", self.program))
    }

    /// Waits for the end of the child.
    pub fn wait(&self) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.poll()? {
                return Ok(status);
            }
            sleep(POLL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = lock(&RUNNING);
        running.retain(|child| !Arc::ptr_eq(child, &self.child));
        end(&mut lock(&self.child));
    }
}

/// Runs `command` to its end, with our own standard streams; an error unless it succeeds.
pub fn succeed(command: &mut Command) -> Result<()> {
    let status = Running::start(command)?.wait()?;
    if !status.success() {
        bail!("`{}` ended with {status}", shown(command));
    }
    Ok(())
}

/// Installs the handler that ends the children, then us, on Ctrl-C or a termination signal.
pub fn stop_children_on_signal() -> Result<()> {
    ctrlc::set_handler(|| {
        for child in lock(&RUNNING).iter() {
            end(&mut lock(child));
        }
        // 128 + SIGINT, as shells report it.
        exit(130);
    })
    .context("cannot listen for Ctrl-C")
}

/// A command as one could type it.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| {
            let word = word.to_string_lossy();
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
            if !word.is_empty() && word.chars().all(plain) {
                word.into_owned()
            } else {
                format!("'{}'", word.replace('\'', "'\\''"))
            }
        })
        .collect::<Vec<_>>()
        .join(" ")
}

fn end(child: &mut Child) {
    // Both fail only when the child has ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_child_is_gone() {
        let running = Running::start(Command::new("sleep").arg("1000")).unwrap();
        let child = Arc::clone(&running.child);
        assert!(running.poll().unwrap().is_none());
        drop(running);
        assert!(lock(&child).try_wait().unwrap().is_some());
    }

    #[test]
    fn a_failing_command_is_named() {
        let error = succeed(&mut Command::new("false")).unwrap_err().to_string();
        assert!(error.contains("`false` ended with"), "{error}");
    }

    #[test]
    fn commands_are_shown_as_typed() {
        let mut command = Command::new("program");
        command.args(["--input", "Occupation Data.txt", "it's"]);
        assert_eq!(
            shown(&command),
            "program --input 'Occupation Data.txt' 'it'\\''s'"
        );
    }
}
