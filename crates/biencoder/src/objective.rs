//! The loss of one rank's rows, with the passages of all ranks as candidates.

use jobmatch_encoder::{TokenBudget, TokenUsage, Tokens};
use jobmatch_torch_ext::World;
use jobmatch_training::Part;
use tch::Tensor;

use crate::loss::multiple_negatives_ranking_loss;
use crate::{BiEncoderConfig, Example, KnownPositives, Result, TrainableBiEncoder};

/// Tokens of one forward pass inside a step.
const STEP_BUDGET: TokenBudget = TokenBudget {
    max_tokens: 4096,
    max_rows: 4096,
};

/// The mean loss of this rank's rows of `part`. Its rows meet the passages of all ranks: the mean of the ranks' losses,
/// weighted by their rows, is the loss of the whole part, and its gradients are too.
pub(crate) fn part_loss(
    world: &World,
    model: &TrainableBiEncoder,
    batch: &[Example],
    part: &Part,
    known: &KnownPositives,
    config: &BiEncoderConfig,
    usage: &mut TokenUsage,
) -> Result<Tensor> {
    let (queries, passages) = tokenize(model, &batch[part.rows.clone()])?;
    for tokens in [&queries, &passages] {
        let lengths: Vec<usize> = tokens.iter().map(Tokens::len).collect();
        *usage += TokenUsage::of(&lengths);
    }
    let queries_qd = model.encoder.forward(&queries, STEP_BUDGET, true)?;
    let passages_pd = model.encoder.forward(&passages, STEP_BUDGET, true)?;
    let excluded_qp = config.mask_known_positives.then(|| {
        let rows = part.all.len() as i64;
        Tensor::from_slice(&known.excluded(&batch[part.all.clone()]))
            .view([rows, rows])
            .to_device(queries_qd.device())
    });
    let first = (part.rows.start - part.all.start) as i64;
    let rows = part.rows.len() as i64;
    let all_pd = world.gather_rows_with_gradient(&passages_pd, &part.rows_of_ranks)?;
    let mine = |excluded: &Tensor| excluded.narrow(0, first, rows);
    let forward = multiple_negatives_ranking_loss(
        &queries_qd,
        &all_pd,
        excluded_qp.as_ref().map(mine).as_ref(),
        config.scale,
        first,
    );
    if !config.symmetric {
        return Ok(forward);
    }
    let all_qd = world.gather_rows_with_gradient(&queries_qd, &part.rows_of_ranks)?;
    let excluded_pq = excluded_qp.as_ref().map(|all| mine(&all.transpose(0, 1)));
    let backward = multiple_negatives_ranking_loss(
        &passages_pd,
        &all_qd,
        excluded_pq.as_ref(),
        config.scale,
        first,
    );
    Ok((forward + backward) / 2.0)
}

fn tokenize(
    model: &TrainableBiEncoder,
    examples: &[Example],
) -> Result<(Vec<Tokens>, Vec<Tokens>)> {
    let prompts = &model.encoder.folder.prompts;
    let queries: Vec<&str> = examples.iter().map(|e| e.query.as_str()).collect();
    let passages: Vec<&str> = examples.iter().map(|e| e.passage.as_str()).collect();
    let tokenizer = model.encoder.tokenizer();
    Ok((
        tokenizer.encode(&prompts.query, &queries)?,
        tokenizer.encode(&prompts.passage, &passages)?,
    ))
}
