//! Half precision against float32.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../../torch-ext/tests/common/mod.rs"]
mod common;
mod support;

use std::path::Path;

use common::by_itself;
use jobmatch_training::{
    Cursor, CursorConfig, Error, Plan, Precision, StepRow, Stop, Trainer, TrainerConfig,
};
use support::{BATCH, Case, Net, alone, write_rows};
use tch::Kind;

/// The rows of 40 steps, and the weights before and after each. At `poisoned` the loss is infinite.
fn rows(folder: &Path, precision: Precision, poisoned: Option<u64>) -> Vec<(StepRow, bool)> {
    let case = Case {
        kind: Kind::Float,
        ..Case::default()
    };
    let world = alone();
    let net = Net::new(&case, world.device());
    let mut cursor: Cursor<jobmatch_records::Pair> =
        Cursor::open(&folder.join("train"), CursorConfig::default(), 5).unwrap();
    let plan = Plan::new(&cursor, BATCH, 100, Some(40), false).unwrap();
    let mut config = TrainerConfig {
        precision,
        ..TrainerConfig::default()
    };
    config.optimizer.learning_rate = 1e-3;
    let stop = Stop::never();
    let mut trainer = Trainer::start(&world, &net.store, config, plan, 5, None, stop).unwrap();
    let mut rows = Vec::new();
    while !trainer.is_done() {
        cursor.seek(trainer.position()).unwrap();
        let batch = cursor.next_batch(BATCH).unwrap();
        let before = net.weights();
        for part in trainer.parts(batch.len()) {
            let poison = Some(trainer.done() + 1) == poisoned;
            let objective = |rows: std::ops::Range<usize>| {
                let loss = net.loss(&batch[rows], true);
                Ok::<_, Error>(if poison { loss * f64::INFINITY } else { loss })
            };
            trainer.backward(&part, objective).unwrap();
        }
        rows.push((trainer.step().unwrap(), net.weights() == before));
    }
    rows
}

#[test]
fn losses_track_those_of_float32() {
    by_itself("losses_track_those_of_float32", || {
        let folder = tempfile::tempdir().unwrap();
        write_rows(&folder.path().join("train"), 100);
        let losses = |precision| -> Vec<f64> {
            let rows = rows(folder.path(), precision, None);
            rows.iter().map(|(row, _)| row.loss.unwrap()).collect()
        };
        let full = losses(Precision::Float32);
        // bfloat16 has 8 bits of mantissa, float16 11.
        for (precision, bound) in [(Precision::Bf16, 0.02), (Precision::Fp16, 0.003)] {
            let half = losses(precision);
            assert_ne!(half, full, "autocast changed nothing");
            let largest = full
                .iter()
                .zip(&half)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f64::max);
            assert!(largest < bound, "{precision:?} is off by {largest}");
        }
    });
}

#[test]
fn an_infinite_loss_skips_the_step_and_halves_the_scale() {
    by_itself(
        "an_infinite_loss_skips_the_step_and_halves_the_scale",
        || {
            let folder = tempfile::tempdir().unwrap();
            write_rows(&folder.path().join("train"), 100);
            let rows = rows(folder.path(), Precision::Fp16, Some(10));
            let scale = |step: usize| rows[step - 1].0.loss_scale.unwrap();
            assert_eq!(scale(10), scale(9));
            assert_eq!(scale(11), scale(10) / 2.0);
            let (row, unchanged) = &rows[9];
            assert!(*unchanged);
            assert_eq!((row.loss, row.gradient_norm), (None, None));
            assert!(
                rows.iter()
                    .enumerate()
                    .all(|(at, (_, same))| *same == (at == 0 || at == 9))
            );
        },
    );
}

#[test]
fn without_a_scale_an_infinite_loss_ends_the_run() {
    by_itself("without_a_scale_an_infinite_loss_ends_the_run", || {
        let folder = tempfile::tempdir().unwrap();
        write_rows(&folder.path().join("train"), 100);
        let path = folder.path().to_path_buf();
        let outcome = std::panic::catch_unwind(|| rows(&path, Precision::Bf16, Some(3)));
        let message = outcome.unwrap_err();
        let message = message.downcast_ref::<String>().unwrap();
        assert!(message.contains("NotFinite"), "{message}");
    });
}
