//! `log.jsonl`: one line per step, one per evaluation; no clocks, so that equal runs have equal logs.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Result};

/// What the log says of one optimizer step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepRow {
    /// The step, from 1.
    pub step: u64,
    /// The epoch, from 0.
    pub epoch: u64,
    /// Mean loss over the batch, of all ranks; null when a step was skipped because of it.
    pub loss: Option<f64>,
    /// The learning rate that the step was taken with.
    pub rate: f64,
    /// Global norm of the gradients before clipping; null when it is not finite and the step was skipped.
    pub gradient_norm: Option<f64>,
    /// The loss scale of this step, with `fp16`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_scale: Option<f64>,
}

#[derive(Serialize)]
struct EvaluationRow<'a, E> {
    step: u64,
    evaluation: &'a E,
}

/// The run log of a training. Only the first rank has one.
#[derive(Debug)]
pub struct RunLog {
    path: PathBuf,
    file: File,
}

impl RunLog {
    /// Opens the log at `path` cut back to its first `bytes`: what a run wrote after its last checkpoint comes again.
    ///
    /// # Errors
    /// When the file cannot be made or cut, or is shorter than that.
    pub fn open(path: &Path, bytes: u64) -> Result<Self> {
        let failed = |source| Error::Log {
            path: path.to_path_buf(),
            source,
        };
        let file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(path)
            .map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        if length < bytes {
            return Err(Error::ShortLog {
                path: path.to_path_buf(),
                length,
                expected: bytes,
            });
        }
        file.set_len(bytes).map_err(failed)?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
        })
    }

    /// Logs a step.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn step(&mut self, row: &StepRow) -> Result<()> {
        self.line(row)
    }

    /// Logs an evaluation made after `step` steps.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn evaluation<E: Serialize>(&mut self, step: u64, evaluation: &E) -> Result<()> {
        self.line(&EvaluationRow { step, evaluation })
    }

    /// Brings the log to the disk; its length in bytes, which a checkpoint keeps.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn sync(&mut self) -> Result<u64> {
        let length = self
            .file
            .sync_all()
            .and_then(|()| self.file.metadata())
            .map(|about| about.len());
        length.map_err(|source| self.failed(source))
    }

    /// Mean loss of the last tenth of the steps, rounded up; `None` without steps that have a loss.
    ///
    /// # Errors
    /// When the log cannot be read again.
    pub fn final_loss(&mut self) -> Result<Option<f64>> {
        let rows = self.rows()?;
        let losses: Vec<Option<f64>> = rows
            .iter()
            .filter(|row| row.get("rate").is_some())
            .map(|row| row.get("loss").and_then(Value::as_f64))
            .collect();
        let tail = &losses[losses.len() - losses.len().div_ceil(10)..];
        let tail: Vec<f64> = tail.iter().copied().flatten().collect();
        Ok((!tail.is_empty()).then(|| tail.iter().sum::<f64>() / tail.len() as f64))
    }

    /// The evaluation made after `step` steps, as it was logged.
    ///
    /// # Errors
    /// When the log cannot be read again.
    pub fn evaluation_at(&mut self, step: u64) -> Result<Option<Value>> {
        let rows = self.rows()?;
        let mut evaluations = rows.into_iter().filter_map(|mut row| {
            let this = row.get("step")?.as_u64()? == step;
            this.then(|| row.get_mut("evaluation").map(Value::take))?
        });
        Ok(evaluations.next_back())
    }

    fn rows(&mut self) -> Result<Vec<Value>> {
        let mut rows = Vec::new();
        let read = self.file.seek(SeekFrom::Start(0));
        read.map_err(|source| self.failed(source))?;
        for line in BufReader::new(&self.file).lines() {
            let line = line.map_err(|source| self.failed(source))?;
            let row = serde_json::from_str(&line).map_err(|error| self.failed(error.into()))?;
            rows.push(row);
        }
        Ok(rows)
    }

    fn line<T: Serialize>(&mut self, row: &T) -> Result<()> {
        let line = serde_json::to_string(row).map_err(|error| self.failed(error.into()))?;
        // One call, so that a process that is killed leaves whole lines in all but the rarest case.
        let written = self.file.write_all((line + "\n").as_bytes());
        written.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: std::io::Error) -> Error {
        Error::Log {
            path: self.path.clone(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(step: u64, loss: f64) -> StepRow {
        StepRow {
            step,
            epoch: 0,
            loss: Some(loss),
            rate: 1e-5,
            gradient_norm: Some(2.0),
            loss_scale: None,
        }
    }

    #[test]
    fn it_is_cut_back_to_a_checkpoint_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        let mut log = RunLog::open(&path, 0).unwrap();
        log.step(&row(1, 0.5)).unwrap();
        log.evaluation(1, &[0.25]).unwrap();
        let kept = log.sync().unwrap();
        log.step(&row(2, 0.75)).unwrap();
        drop(log);

        let mut log = RunLog::open(&path, kept).unwrap();
        log.step(&row(2, 0.125)).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "{\"step\":1,\"epoch\":0,\"loss\":0.5,\"rate\":0.00001,\"gradient_norm\":2.0}\n\
             {\"step\":1,\"evaluation\":[0.25]}\n\
             {\"step\":2,\"epoch\":0,\"loss\":0.125,\"rate\":0.00001,\"gradient_norm\":2.0}\n"
        );
        assert_eq!(log.final_loss().unwrap(), Some(0.125));
        assert_eq!(
            log.evaluation_at(1).unwrap(),
            Some(serde_json::json!([0.25]))
        );
        assert_eq!(log.evaluation_at(2).unwrap(), None);
    }

    #[test]
    fn a_log_that_lost_lines_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        std::fs::write(&path, "{}\n").unwrap();
        let error = RunLog::open(&path, 100).unwrap_err().to_string();
        assert!(
            error.contains("has 3 bytes, but the checkpoint was made after 100"),
            "{error}"
        );
    }
}
