//! MultipleNegativesRankingLoss.
//!
//! A tensor's name ends with its axes: `q` queries, `p` passages (as many: one per query), `d` dimension.

use tch::{Kind, Reduction, Tensor};

/// MultipleNegativesRankingLoss (Henderson et al. 2017, "Efficient Natural Language Response Suggestion"), a scalar:
///
/// `mean over i of  -log( exp(s·⟨q_i, p_i⟩) / Σ_j exp(s·⟨q_i, p_j⟩) )`
///
/// for unit-length embeddings `queries_qd` and `passages_pd` of shape `[batch, dimension]`, where row i of both is a
/// positive pair and `s` is `scale`. `excluded_qp`, boolean `[batch, batch]`, takes pairs out of the denominator: what is
/// known to match is no negative. Its diagonal must be false. With `symmetric` the mean of this loss and of the same
/// loss with queries and passages exchanged is returned.
///
/// Agrees with `MultipleNegativesRankingLoss` of sentence-transformers (cosine similarity, and its symmetric form)
/// when nothing is excluded.
pub fn multiple_negatives_ranking_loss(
    queries_qd: &Tensor,
    passages_pd: &Tensor,
    excluded_qp: Option<&Tensor>,
    scale: f64,
    symmetric: bool,
) -> Tensor {
    let mut scores_qp = queries_qd.matmul(&passages_pd.transpose(0, 1)) * scale;
    if let Some(excluded_qp) = excluded_qp {
        scores_qp = scores_qp.masked_fill(excluded_qp, f64::NEG_INFINITY);
    }
    let own = Tensor::arange(scores_qp.size()[0], (Kind::Int64, scores_qp.device()));
    let forward = cross_entropy(&scores_qp, &own);
    if symmetric {
        let backward = cross_entropy(&scores_qp.transpose(0, 1), &own);
        (forward + backward) / 2.0
    } else {
        forward
    }
}

/// Mean of `-log softmax(scores)[own]` over rows, in the precision of the scores.
fn cross_entropy(scores: &Tensor, own: &Tensor) -> Tensor {
    scores.cross_entropy_loss(own, None::<&Tensor>, Reduction::Mean, -100, 0.0)
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
        let loss = multiple_negatives_ranking_loss(&q, &p, None, 20.0, false).double_value(&[]);
        assert!((loss - by_hand(&q, &p, &[], 20.0)).abs() < 1e-12);
        let both = multiple_negatives_ranking_loss(&q, &p, None, 20.0, true).double_value(&[]);
        let expected = (by_hand(&q, &p, &[], 20.0) + by_hand(&p, &q, &[], 20.0)) / 2.0;
        assert!((both - expected).abs() < 1e-12);
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
        let loss = multiple_negatives_ranking_loss(&q, &p, Some(&mask), 20.0, false);
        let expected = by_hand(&q.detach(), &p.detach(), &[(0, 1), (2, 0)], 20.0);
        assert!((loss.double_value(&[]) - expected).abs() < 1e-12);
        loss.backward();
        assert!(q.grad().isfinite().all().int64_value(&[]) == 1);
        assert!(p.grad().isfinite().all().int64_value(&[]) == 1);
    }
}
