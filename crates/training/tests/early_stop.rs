//! A training that gets no better ends, keeps what was best, and stays ended.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../../torch-ext/tests/common/mod.rs"]
mod common;
mod support;

use std::path::Path;

use common::by_itself;
use jobmatch_records::Pair;
use jobmatch_training::{
    Cursor, CursorConfig, Error, Finished, Place, Plan, Stop, Trainer, TrainerConfig,
};
use support::{BATCH, Case, Net, alone, write_rows};

/// What dev says after each step.
const FIGURES: [f64; 8] = [0.1, 0.5, 0.4, 0.5, 0.3, 0.4, 0.9, 0.9];

/// Trains for eight steps or until patience ends, and says how many steps it took and what it came to.
fn run(folder: &Path, patience: Option<u64>) -> (u64, Finished<f64>, Vec<f64>) {
    let world = alone();
    let net = Net::new(&Case::default(), world.device());
    let train = folder.join("train");
    let mut rows: Cursor<Pair> = Cursor::open(&train, CursorConfig::default(), 5).unwrap();
    let plan = Plan::new(&rows, BATCH, 1000, Some(8), false).unwrap();
    let config = TrainerConfig {
        patience,
        ..TrainerConfig::default()
    };
    let place = Place {
        log: folder.join("work/log.jsonl"),
        checkpoints: folder.join("work/checkpoints"),
    };
    let stop = Stop::never();
    let mut trainer =
        Trainer::start(&world, &net.store, config, plan, 5, Some(&place), stop).unwrap();
    let mut steps = 0;
    while !trainer.is_done() {
        rows.seek(trainer.position()).unwrap();
        let batch = rows.next_batch(BATCH).unwrap();
        for part in trainer.parts(batch.len()) {
            let loss = |rows| Ok::<_, Error>(net.loss(&batch[rows], true));
            trainer.backward(&part, loss).unwrap();
        }
        trainer.step().unwrap();
        let figure = FIGURES[trainer.done() as usize - 1];
        let measure = || Ok::<_, Error>(figure);
        trainer.evaluate(measure, |figure| *figure).unwrap();
        trainer.save_if_due().unwrap();
        steps += 1;
    }
    let finished = trainer.finish().unwrap();
    (steps, finished, net.weights())
}

#[test]
fn a_training_that_gets_no_better_ends_and_keeps_its_best() {
    by_itself(
        "a_training_that_gets_no_better_ends_and_keeps_its_best",
        || {
            let folder = tempfile::tempdir().unwrap();
            write_rows(&folder.path().join("train"), 60);
            let (steps, finished, weights) = run(folder.path(), Some(2));
            // As good as the best counts as progress, and the later weights are kept.
            assert_eq!(
                (steps, finished.kept_step, finished.kept),
                (6, 4, Some(0.5))
            );
            // Started again there is nothing left to do, and the same weights come out.
            let (steps, again, same) = run(folder.path(), Some(2));
            assert_eq!((steps, again, same), (0, finished, weights));
            // With more patience it goes on from where it ended.
            let (steps, finished, _) = run(folder.path(), None);
            assert_eq!(
                (steps, finished.kept_step, finished.kept),
                (2, 8, Some(0.9))
            );
        },
    );
}
