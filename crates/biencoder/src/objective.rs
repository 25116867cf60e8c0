//! The loss of one rank's rows, with the passages of all ranks as candidates.

use jobmatch_encoder::{TokenBudget, TokenUsage};
use jobmatch_encoder::{Tokens, l2_normalize, plan_batches};
use jobmatch_torch_ext::World;
use jobmatch_training::{Part, Trainer};
use tch::Tensor;

use crate::loss::ranking_loss_in_blocks;
use crate::{BiEncoderConfig, Error, Example, KnownPositives, Result, TrainableBiEncoder};

/// Scores that the loss holds at once.
const SCORES_AT_ONCE: i64 = 1 << 20;

/// Adds the gradients of this rank's rows of `part`. Its rows meet the passages of all ranks: the mean of the ranks' losses,
/// weighted by their rows, is the loss of the whole part, and its gradients are too.
pub(crate) fn backward(
    world: &World,
    trainer: &mut Trainer,
    model: &TrainableBiEncoder,
    batch: &[Example],
    part: &Part,
    known: &KnownPositives,
    config: &BiEncoderConfig,
) -> Result<TokenUsage> {
    let tokens = tokenize(model, &batch[part.rows.clone()])?;
    let lengths: Vec<usize> = tokens.iter().map(Tokens::len).collect();
    // Queries and passages of like length share a forward pass.
    let budget = TokenBudget {
        max_tokens: config.chunk_tokens,
        max_rows: config.chunk_tokens,
    };
    let chunks = plan_batches(&lengths, budget);
    let embed = |chunk: usize| -> Result<Tensor> {
        let rows = chunks[chunk].iter().map(|&row| tokens[row].clone());
        let tokens: Vec<Tokens> = rows.collect();
        Ok(model.encoder.forward(&tokens, budget, true)?)
    };
    let objective = |embeddings: &[Tensor]| {
        let embeddings = in_order(embeddings, &chunks)?;
        part_loss(world, &embeddings, batch, part, known, config)
    };
    let cached = config.cached_gradients;
    trainer.backward_of_embeddings(part, chunks.len(), cached, embed, objective)?;
    Ok(TokenUsage::of(&lengths))
}

/// Queries, then passages, then hard negatives.
fn tokenize(model: &TrainableBiEncoder, examples: &[Example]) -> Result<Vec<Tokens>> {
    let prompts = &model.encoder.folder.prompts;
    let queries: Vec<&str> = examples.iter().map(|e| e.query.as_str()).collect();
    let passages = examples.iter().map(|e| e.passage.as_str());
    let negatives = examples.iter().flat_map(|e| &e.negatives);
    let passages: Vec<&str> = passages
        .chain(negatives.map(|negative| negative.passage.as_str()))
        .collect();
    let tokenizer = model.encoder.tokenizer();
    let mut tokens = tokenizer.encode(&prompts.query, &queries)?;
    tokens.extend(tokenizer.encode(&prompts.passage, &passages)?);
    Ok(tokens)
}

/// The rows of all chunks in the order of the texts.
fn in_order(embeddings: &[Tensor], chunks: &[Vec<usize>]) -> Result<Tensor> {
    let rows: Vec<usize> = chunks.concat();
    let mut place = vec![0_i64; rows.len()];
    for (at, row) in (0..).zip(rows) {
        place[row] = at;
    }
    let all = Tensor::f_cat(embeddings, 0)?;
    let place = Tensor::from_slice(&place).to_device(all.device());
    Ok(all.f_index_select(0, &place)?)
}

/// The mean loss of this rank's rows. `embeddings` `[rows + rows + their hard negatives, dimension]` are this rank's.
fn part_loss(
    world: &World,
    embeddings: &Tensor,
    batch: &[Example],
    part: &Part,
    known: &KnownPositives,
    config: &BiEncoderConfig,
) -> Result<Tensor> {
    let rows = part.rows.len() as i64;
    let first = (part.rows.start - part.all.start) as i64;
    let mine = |all: &Tensor| all.narrow(0, first, rows);
    let negatives = negatives_of_ranks(batch, part);
    let own_negatives = embeddings.size().first().copied().unwrap_or(0) - 2 * rows;

    let queries_qd = embeddings.f_narrow(0, 0, rows)?;
    let passages_pd = embeddings.f_narrow(0, rows, rows)?;
    let mut candidates_cd = world.gather_rows_with_gradient(&passages_pd, &part.rows_of_ranks)?;
    if negatives.iter().any(|count| *count > 0) {
        let hard_nd = embeddings.f_narrow(0, 2 * rows, own_negatives)?;
        let hard_nd = world.gather_rows_with_gradient(&hard_nd, &negatives)?;
        candidates_cd = Tensor::f_cat(&[candidates_cd, hard_nd], 0)?;
    }
    let all_queries_qd = match config.symmetric {
        true => Some(world.gather_rows_with_gradient(&queries_qd, &part.rows_of_ranks)?),
        false => None,
    };
    let excluded_qc = config.mask_known_positives.then(|| {
        let excluded = Tensor::from_slice(&known.excluded(&batch[part.all.clone()]));
        let excluded = excluded.view([part.all.len() as i64, -1]);
        excluded.to_device(embeddings.device())
    });
    let forward_mask = excluded_qc.as_ref().map(mine);
    // A passage looks for its query among all queries; hard negatives have none.
    let backward_mask = excluded_qc.as_ref().map(|excluded_qc| {
        let passages = excluded_qc.narrow(1, 0, part.all.len() as i64);
        mine(&passages.transpose(0, 1))
    });

    let loss = |dimension: Option<usize>| -> Result<Tensor> {
        let cut = |vectors: &Tensor| shortened(vectors, dimension);
        let one_way = |from: &Tensor, to: &Tensor, mask: Option<&Tensor>| {
            let rows_at_once = SCORES_AT_ONCE / to.size().first().copied().unwrap_or(1).max(1);
            let (from, to) = (cut(from), cut(to));
            let rows_at_once = rows_at_once.max(1);
            ranking_loss_in_blocks(&from, &to, mask, config.scale, first, rows_at_once)
        };
        let forward = one_way(&queries_qd, &candidates_cd, forward_mask.as_ref())?;
        Ok(match &all_queries_qd {
            Some(all) => (forward + one_way(&passages_pd, all, backward_mask.as_ref())?) / 2.0,
            None => forward,
        })
    };
    let dimensions = &config.matryoshka_dimensions;
    let Some((one, others)) = dimensions.split_first() else {
        return loss(None);
    };
    let mut total = loss(Some(*one))?;
    for dimension in others {
        total += loss(Some(*dimension))?;
    }
    Ok(total)
}

/// How many hard negatives each rank's rows of the part have.
fn negatives_of_ranks(batch: &[Example], part: &Part) -> Vec<usize> {
    let mut rest = &batch[part.all.clone()];
    let of_rank = |rows: &usize| {
        let (mine, others) = rest.split_at(*rows);
        rest = others;
        mine.iter().map(|row| row.negatives.len()).sum()
    };
    part.rows_of_ranks.iter().map(of_rank).collect()
}

/// The first `dimension` numbers of each vector, again of unit length.
fn shortened(vectors: &Tensor, dimension: Option<usize>) -> Tensor {
    match dimension {
        Some(dimension) => l2_normalize(&vectors.narrow(-1, 0, dimension as i64)),
        None => vectors.shallow_clone(),
    }
}

/// Refuses Matryoshka dimensions that the model does not have.
pub(crate) fn check_dimensions(config: &BiEncoderConfig, model: &TrainableBiEncoder) -> Result<()> {
    let most = model.encoder.dimension();
    let too_many = config.matryoshka_dimensions.iter().find(|d| **d > most);
    match too_many {
        Some(dimension) => Err(Error::TooManyDimensions {
            dimension: *dimension,
            most,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
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
        let labels = rows
            .iter()
            .map(|(job, text, attribute, _)| (job, text, attribute));
        let labels = labels.chain(
            more.iter()
                .map(|(job, text, attribute)| (job, text, attribute)),
        );
        let labels: Vec<(usize, usize, usize)> = labels.map(|(j, t, a)| (*j, *t, *a)).collect();
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
        let query = |(job, text, _, _): &Row| {
            (0..JOBS * TEXTS)
                .map(|place| f64::from(u8::from(place == job * TEXTS + text)))
                .collect()
        };
        let passage = |attribute: usize| -> Vec<f64> {
            let known = |place| is_known(place / TEXTS, place % TEXTS, attribute);
            (0..JOBS * TEXTS)
                .map(|place| f64::from(u8::from(known(place))))
                .collect()
        };
        let vectors: Vec<Vec<f64>> = mine
            .iter()
            .map(query)
            .chain(mine.iter().map(|row| passage(row.2)))
            .chain(
                mine.iter()
                    .flat_map(|row| &row.3)
                    .map(|attribute| passage(*attribute)),
            )
            .collect();
        let embeddings = Tensor::from_slice(&vectors.concat()).view([-1, (JOBS * TEXTS) as i64]);
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
}
