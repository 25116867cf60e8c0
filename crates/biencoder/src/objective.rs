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
mod tests;
