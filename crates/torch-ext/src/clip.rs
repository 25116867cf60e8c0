//! Gradients no longer than a given norm.

use jobmatch_torch_ext_sys::{tx_global_norm, tx_scale_all};
use tch::Tensor;

use crate::Result;
use crate::raw::{check, pointer, pointers, tensor_from};

/// Scales all gradients by `min(1, longest / (norm + 1e-6))` in place, where `norm` is the Euclidean norm of all of them
/// together, and gives that norm as it was before, a scalar on their device: `torch.nn.utils.clip_grad_norm_`.
///
/// After [`Ddp::backward`](crate::Ddp::backward) every rank holds the same gradients, and so finds the same norm; with a
/// [`GradScaler`](crate::GradScaler), unscale first.
///
/// # Errors
/// Without gradients, or libtorch's refusal.
pub fn clip_gradients(gradients: &[Tensor], longest: f64) -> Result<Tensor> {
    let list = pointers(gradients);
    // SAFETY: the tensors live through both calls.
    let norm = tensor_from("take the gradients' norm", |out| unsafe {
        tx_global_norm(list.as_ptr(), list.len(), out)
    })?;
    let factor = (longest / (&norm + 1e-6)).clamp_max(1.0);
    check("clip the gradients", unsafe {
        tx_scale_all(list.as_ptr(), list.len(), pointer(&factor))
    })?;
    Ok(norm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_gradients_are_cut_and_short_ones_left() {
        let gradients = [Tensor::from_slice(&[3f64]), Tensor::from_slice(&[4f64, 0.])];
        let norm = clip_gradients(&gradients, 1.0).unwrap();
        assert_eq!(norm.double_value(&[]), 5.0);
        assert!((gradients[1].double_value(&[0]) - 0.8).abs() < 1e-6);
        let before = gradients[1].double_value(&[0]);
        let _norm = clip_gradients(&gradients, 100.0).unwrap();
        assert_eq!(gradients[1].double_value(&[0]), before);
        assert!(clip_gradients(&[], 1.0).is_err());
    }
}
