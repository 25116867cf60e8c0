//! MultipleNegativesRankingLoss.
//!
//! A tensor's name ends with its axes: `q` queries, `p` passages (as many: one per query), `d` dimension.

use tch::{Kind, Reduction, Tensor};

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
}
