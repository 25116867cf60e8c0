//! MultipleNegativesRankingLoss.
//!
//! A tensor's name ends with its axes: `q` queries, `p` passages (as many: one per query), `d` dimension.

use tch::{Kind, Reduction, Tensor};

use crate::Result;

/// MultipleNegativesRankingLoss (Henderson et al. 2017, "Efficient Natural Language Response Suggestion"), a scalar:
///
/// `mean over i of  -log( exp(s·⟨q_i, p_own(i)⟩) / Σ_j exp(s·⟨q_i, p_j⟩) ),  own(i) = first + i`
///
/// for unit-length embeddings `queries_qd` `[queries, dimension]` and `passages_pd` `[passages, dimension]`, where the
/// queries' own passages stand in a row from `first` on (0 where the batch is all one rank's) and `s` is `scale`.
/// `excluded_qp`, boolean `[queries, passages]`, takes pairs out of the denominator: what is known to match is no negative.
/// It must be false for a query's own passage. The symmetric form is the mean of this loss and of the one with queries
/// and passages exchanged.
///
/// Agrees with `MultipleNegativesRankingLoss` of sentence-transformers (cosine similarity, and its symmetric form)
/// when nothing is excluded.
pub fn multiple_negatives_ranking_loss(
    queries_qd: &Tensor,
    passages_pd: &Tensor,
    excluded_qp: Option<&Tensor>,
    scale: f64,
    first: i64,
) -> Tensor {
    let mut scores_qp = queries_qd.matmul(&passages_pd.transpose(0, 1)) * scale;
    if let Some(excluded_qp) = excluded_qp {
        scores_qp = scores_qp.masked_fill(excluded_qp, f64::NEG_INFINITY);
    }
    let rows = scores_qp.size().first().copied().unwrap_or(0);
    let own = Tensor::arange_start(first, first + rows, (Kind::Int64, scores_qp.device()));
    scores_qp.cross_entropy_loss(&own, None::<&Tensor>, Reduction::Mean, -100, 0.0)
}

/// The same loss without ever holding the scores of more than `rows_at_once` queries. Each block of rows gives its gradients
/// to the vectors at once; what is returned has the loss's value, and those gradients.
///
/// # Errors
/// When libtorch fails.
pub(crate) fn ranking_loss_in_blocks(
    queries_qd: &Tensor,
    passages_pd: &Tensor,
    excluded_qp: Option<&Tensor>,
    scale: f64,
    first: i64,
    rows_at_once: i64,
) -> Result<Tensor> {
    let leaf = |vectors: &Tensor| vectors.detach().set_requires_grad(true);
    let (queries, passages) = (leaf(queries_qd), leaf(passages_pd));
    let rows = queries.size().first().copied().unwrap_or(0);
    let mut value = Tensor::zeros([], (queries.kind(), queries.device()));
    for start in (0..rows).step_by(usize::try_from(rows_at_once).unwrap_or(1).max(1)) {
        let count = rows_at_once.min(rows - start);
        let block = queries.f_narrow(0, start, count)?;
        let excluded = excluded_qp
            .map(|excluded| excluded.f_narrow(0, start, count))
            .transpose()?;
        let first = first + start;
        let mean =
            multiple_negatives_ranking_loss(&block, &passages, excluded.as_ref(), scale, first);
        let addend = mean * (count as f64 / rows as f64);
        addend.f_backward()?;
        value += addend.detach();
    }
    let carried = (queries_qd * queries.grad()).sum(None::<Kind>)
        + (passages_pd * passages.grad()).sum(None::<Kind>);
    Ok(value + (&carried - carried.detach()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jobmatch_encoder::l2_normalize;

    fn random_pair(rows: i64) -> (Tensor, Tensor) {
        tch::manual_seed(11);
        let make = || l2_normalize(&Tensor::randn([rows, 6], (Kind::Double, tch::Device::Cpu)));
        (make(), make())
    }

    /// The loss by its formula, number by number.
    fn by_hand(q: &Tensor, p: &Tensor, excluded: &[(usize, usize)], scale: f64) -> f64 {
        let rows = q.size()[0] as usize;
        let score =
            |i: usize, j: usize| scale * q.get(i as i64).dot(&p.get(j as i64)).double_value(&[]);
        let row_loss = |i: usize| {
            let sum: f64 = (0..rows)
                .filter(|&j| !excluded.contains(&(i, j)))
                .map(|j| score(i, j).exp())
                .sum();
            sum.ln() - score(i, i)
        };
        (0..rows).map(row_loss).sum::<f64>() / rows as f64
    }

    #[test]
    fn agrees_with_the_formula() {
        let (q, p) = random_pair(5);
        let loss = multiple_negatives_ranking_loss(&q, &p, None, 20.0, 0).double_value(&[]);
        assert!((loss - by_hand(&q, &p, &[], 20.0)).abs() < 1e-12);
    }

    #[test]
    fn shares_of_the_queries_have_the_mean_loss_of_all() {
        let (q, p) = random_pair(6);
        let whole = multiple_negatives_ranking_loss(&q, &p, None, 20.0, 0).double_value(&[]);
        let share = |first: i64, rows: i64| {
            let mine = q.narrow(0, first, rows);
            multiple_negatives_ranking_loss(&mine, &p, None, 20.0, first).double_value(&[])
        };
        let mean = (share(0, 4) * 4.0 + share(4, 2) * 2.0) / 6.0;
        assert!((mean - whole).abs() < 1e-12);
    }

    #[test]
    fn what_is_excluded_leaves_loss_and_gradient() {
        let (q, p) = random_pair(4);
        let q = q.set_requires_grad(true);
        let p = p.set_requires_grad(true);
        let mask = Tensor::from_slice(
            &(0..16)
                .map(|cell| cell == 1 || cell == 8)
                .collect::<Vec<_>>(),
        )
        .view([4, 4]);
        let loss = multiple_negatives_ranking_loss(&q, &p, Some(&mask), 20.0, 0);
        let expected = by_hand(&q.detach(), &p.detach(), &[(0, 1), (2, 0)], 20.0);
        assert!((loss.double_value(&[]) - expected).abs() < 1e-12);
        loss.backward();
        assert!(q.grad().isfinite().all().int64_value(&[]) == 1);
        assert!(p.grad().isfinite().all().int64_value(&[]) == 1);
    }

    #[test]
    fn blocks_have_the_value_and_the_gradients_of_the_whole() {
        tch::manual_seed(5);
        let vectors = |rows| Tensor::randn([rows, 6], (Kind::Double, tch::Device::Cpu));
        let (q, p) = (vectors(7), vectors(12));
        let mask = Tensor::rand([7, 12], (Kind::Double, tch::Device::Cpu)).lt(0.3);
        // The queries' own passages, from 2 on, stay.
        let columns = Tensor::arange(12, (Kind::Int64, tch::Device::Cpu));
        let own = Tensor::arange_start(2, 9, (Kind::Int64, tch::Device::Cpu)).unsqueeze(1);
        let mask = mask.logical_and(&columns.eq_tensor(&own).logical_not());
        let run = |rows_at_once: Option<i64>| {
            let q = q.copy().set_requires_grad(true);
            let p = p.copy().set_requires_grad(true);
            let loss = match rows_at_once {
                Some(rows) => ranking_loss_in_blocks(&q, &p, Some(&mask), 3.0, 2, rows).unwrap(),
                None => multiple_negatives_ranking_loss(&q, &p, Some(&mask), 3.0, 2),
            };
            (&loss * 5.0).backward();
            [loss.detach(), q.grad(), p.grad()]
        };
        let whole = run(None);
        for rows_at_once in [1, 3, 7, 100] {
            for (ours, expected) in run(Some(rows_at_once)).iter().zip(&whole) {
                let difference = (ours - expected).abs().max().double_value(&[]);
                assert!(
                    difference < 1e-12,
                    "{rows_at_once} rows at once: {difference}"
                );
            }
        }
    }
}
