//! Binary cross-entropy over logits.

use tch::{Reduction, Tensor};

/// Binary cross-entropy of `logits` against `labels` (both `[batch]`, labels in [0, 1], soft ones allowed), a scalar:
///
/// `mean over i of  -( w·y_i·log σ(z_i) + (1 - y_i)·log(1 - σ(z_i)) )`
///
/// with `w` the weight of positives. Agrees with `torch.nn.BCEWithLogitsLoss(pos_weight=w)`, which
/// `BinaryCrossEntropyLoss` of sentence-transformers uses.
pub fn binary_cross_entropy(logits: &Tensor, labels: &Tensor, pos_weight: f64) -> Tensor {
    let weight = Tensor::from_slice(&[pos_weight])
        .to_kind(logits.kind())
        .to_device(logits.device());
    logits.binary_cross_entropy_with_logits(labels, None::<&Tensor>, Some(&weight), Reduction::Mean)
}

/// A label as it counts with label smoothing: `(1 - s)·y + s/2`.
pub(crate) fn smoothed(label: f32, smoothing: f64) -> f32 {
    ((1.0 - smoothing) * f64::from(label) + smoothing / 2.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_formula() {
        let (z, y) = ([1.5f64, -0.5, 3.0], [1.0f64, 0.0, 0.25]);
        let loss = binary_cross_entropy(&Tensor::from_slice(&z), &Tensor::from_slice(&y), 4.0);
        let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
        let each =
            |(z, y): (f64, f64)| -(4.0 * y * sigmoid(z).ln() + (1.0 - y) * (1.0 - sigmoid(z)).ln());
        let expected = z.into_iter().zip(y).map(each).sum::<f64>() / 3.0;
        assert!((loss.double_value(&[]) - expected).abs() < 1e-12);
    }

    #[test]
    fn smoothing_moves_labels_to_the_middle() {
        assert_eq!([smoothed(1.0, 0.0), smoothed(0.0, 0.0)], [1.0, 0.0]);
        assert_eq!([smoothed(1.0, 0.2), smoothed(0.0, 0.2)], [0.9, 0.1]);
        assert_eq!(smoothed(0.5, 0.7), 0.5);
    }
}
