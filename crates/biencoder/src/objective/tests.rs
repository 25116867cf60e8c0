//! The mask over ranks, whatever a batch holds.

use super::*;
use crate::Negative;
use crate::common::{by_itself, on_ranks};
use jobmatch_records::Positive;
use jobmatch_torch_ext::Reduction;
use jobmatch_training::share;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::cell::Cell;
use std::collections::BTreeMap;
use tch::{Device, Kind};

const JOBS: usize = 4;
const TEXTS: usize = 5;
const ATTRIBUTES: usize = 9;

/// A query's job and text, its attribute, and its hard negatives' attributes.
type Row = (usize, usize, usize, Vec<usize>);
/// The rows of a step, how many of them come before the part, and labels that no row of the step has.
type Case = (Vec<Row>, usize, Vec<(usize, usize, usize)>);

fn cases() -> impl Strategy<Value = Case> {
    let negatives = prop::collection::vec(0..ATTRIBUTES, 0..3);
    let row = (0..JOBS, 0..TEXTS, 0..ATTRIBUTES, negatives);
    let label = (0..JOBS, 0..TEXTS, 0..ATTRIBUTES);
    let labels = prop::collection::vec(label, 0..12);
    (prop::collection::vec(row, 11..30), 0..4_usize, labels)
}

/// Two attributes may read the same.
fn passage(attribute: usize) -> String {
    format!("passage {}", attribute % 7)
}

fn example((job, text, attribute, negatives): &Row) -> Example {
    let id = |attribute: usize| format!("a{attribute}");
    let (job, text) = (format!("j{job}"), format!("text {text}"));
    let mut example = Example::new(&job, &text, &id(*attribute), &passage(*attribute));
    let negative = |attribute: &usize| Negative {
        attribute_id: id(*attribute),
        passage: passage(*attribute),
    };
    example.negatives = negatives.iter().map(negative).collect();
    example
}

/// The loss over all ranks, of vectors whose product is 1 where an attribute is known to be right for a query's job or
/// text, and else 0: with a high scale it is 0 unless something known stands in a denominator, where each adds at least
/// log 2 to its row.
fn loss_of(world: &World, case: &Case, masked: bool, symmetric: bool) -> f64 {
    let (rows, before, more) = case;
    let of_rows = rows
        .iter()
        .map(|(job, text, attribute, _)| (*job, *text, *attribute));
    let labels: Vec<_> = of_rows.chain(more.iter().copied()).collect();
    let is_known = |job: usize, text: usize, attribute: usize| {
        let mut labels = labels.iter();
        labels.any(|(j, t, a)| *a == attribute && (*j == job || *t == text))
    };
    let batch: Vec<Example> = rows.iter().map(example).collect();
    let digests: BTreeMap<usize, String> = rows
        .iter()
        .zip(&batch)
        .map(|((_, text, _, _), example)| (*text, example.text_digest.clone()))
        .collect();
    let known = KnownPositives::new(labels.iter().map(|(job, text, attribute)| Positive {
        job_id: format!("j{job}"),
        text_digest: digests.get(text).cloned().unwrap_or_default(),
        attribute_id: format!("a{attribute}"),
    }));

    let (rank, size) = (world.rank() as usize, world.size() as usize);
    let in_part = batch.len() - before;
    let mine = share(in_part, rank, size);
    let part = Part {
        all: *before..batch.len(),
        rows: before + mine.start..before + mine.end,
        rows_of_ranks: (0..size)
            .map(|rank| share(in_part, rank, size).len())
            .collect(),
        batch: batch.len(),
        is_last: true,
    };
    let mine = &rows[part.rows.clone()];
    let places = 0..JOBS * TEXTS;
    let vector = |is_one: &dyn Fn(usize) -> bool| -> Vec<f64> {
        places
            .clone()
            .map(|place| f64::from(u8::from(is_one(place))))
            .collect()
    };
    let query = |(job, text, _, _): &Row| vector(&|place| place == job * TEXTS + text);
    let passage =
        |attribute: &usize| vector(&|place| is_known(place / TEXTS, place % TEXTS, *attribute));
    let passages = mine.iter().map(|row| &row.2);
    let passages = passages.chain(mine.iter().flat_map(|row| &row.3));
    let vectors: Vec<_> = mine
        .iter()
        .map(query)
        .chain(passages.map(passage))
        .collect();
    let embeddings = Tensor::from_slice(&vectors.concat()).view([-1, places.len() as i64]);
    let config = BiEncoderConfig {
        scale: 60.0,
        symmetric,
        mask_known_positives: masked,
        hard_negatives: 2,
        ..BiEncoderConfig::default()
    };
    let loss = part_loss(world, &embeddings, &batch, &part, &known, &config).unwrap();
    let weighted = loss.detach().to_kind(Kind::Double) * mine.len() as f64;
    world.all_reduce(&weighted, Reduction::Sum).unwrap();
    weighted.double_value(&[])
}

/// All ranks draw the same cases and see the same sum, so a failure is one on all of them.
fn check(world: &World, cases_drawn: u32) {
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let config = Config {
        cases: cases_drawn,
        failure_persistence: None,
        ..Config::default()
    };
    let unmasked = Cell::new(0.0_f64);
    let outcome = TestRunner::new_with_rng(config, random).run(&cases(), |case| {
        for symmetric in [false, true] {
            let loss = loss_of(world, &case, true, symmetric);
            prop_assert!(loss.abs() < 1e-12, "{loss}, symmetric: {symmetric}");
        }
        unmasked.set(unmasked.get().max(loss_of(world, &case, false, false)));
        Ok(())
    });
    outcome.unwrap();
    assert!(unmasked.get() > 1.0, "no batch held anything known");
}

#[test]
fn no_known_positive_stands_in_a_denominator() {
    by_itself(
        "objective::tests::no_known_positive_stands_in_a_denominator",
        || {
            check(&World::alone(Device::Cpu), 200);
        },
    );
}

#[test]
fn no_known_positive_of_another_rank_stands_in_a_denominator() {
    let test = "objective::tests::no_known_positive_of_another_rank_stands_in_a_denominator";
    on_ranks(test, 4, |world| check(world, 60));
}
