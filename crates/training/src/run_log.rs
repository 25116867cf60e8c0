//! `log.jsonl`: one line per step, one per evaluation; no clocks, so that equal runs have equal logs.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::{Error, Result};

/// What the log says of one optimizer step.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct StepRow {
    /// The step, from 1.
    pub step: usize,
    /// The epoch, from 0.
    pub epoch: usize,
    /// Mean loss over the batch.
    pub loss: f64,
    /// The learning rate that the step was taken with.
    pub rate: f64,
    /// Global norm of the gradients before clipping.
    pub gradient_norm: f64,
}

/// The run log of a training.
#[derive(Debug)]
pub struct RunLog {
    path: PathBuf,
    file: BufWriter<File>,
}

#[derive(Serialize)]
struct EvaluationRow<'a, E> {
    step: usize,
    evaluation: &'a E,
}

impl RunLog {
    /// Starts a log at `path`; what stood there is gone.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(|source| Error::Log {
            path: path.to_path_buf(),
            source,
        })?;
        Ok(Self {
            path: path.to_path_buf(),
            file: BufWriter::new(file),
        })
    }

    /// Logs a step.
    ///
    /// # Errors
    /// When the loss is not finite, or the line cannot be written.
    pub fn step(&mut self, row: &StepRow) -> Result<()> {
        if !row.loss.is_finite() {
            return Err(Error::NotFinite {
                what: "loss",
                value: row.loss,
                step: row.step,
            });
        }
        self.line(row)
    }

    /// Logs an evaluation made after `step` steps.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn evaluation<E: Serialize>(&mut self, step: usize, evaluation: &E) -> Result<()> {
        self.line(&EvaluationRow { step, evaluation })
    }

    fn line<T: Serialize>(&mut self, row: &T) -> Result<()> {
        let failed = |source| Error::Log {
            path: self.path.clone(),
            source,
        };
        let line = serde_json::to_string(row).map_err(|error| failed(error.into()))?;
        writeln!(self.file, "{line}")
            .and_then(|()| self.file.flush())
            .map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_each_and_no_nan() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        let mut log = RunLog::create(&path).unwrap();
        let row = StepRow {
            step: 1,
            epoch: 0,
            loss: 0.5,
            rate: 1e-5,
            gradient_norm: 2.0,
        };
        log.step(&row).unwrap();
        log.evaluation(1, &[0.25]).unwrap();
        let nan = log
            .step(&StepRow {
                loss: f64::NAN,
                step: 2,
                ..row
            })
            .unwrap_err();
        assert!(nan.to_string().contains("loss is NaN at step 2"));
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "{\"step\":1,\"epoch\":0,\"loss\":0.5,\"rate\":0.00001,\"gradient_norm\":2.0}\n\
             {\"step\":1,\"evaluation\":[0.25]}\n"
        );
    }
}
