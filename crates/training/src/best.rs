//! The best weights of a run.

use tch::{Tensor, nn};

/// A copy of the weights that did best on dev, by one figure that is better when higher.
#[derive(Debug)]
pub struct BestWeights<Q> {
    kept: Option<Kept<Q>>,
}

#[derive(Debug)]
struct Kept<Q> {
    step: usize,
    quality: Q,
    figure: f64,
    weights: Vec<Tensor>,
}

impl<Q: Copy> BestWeights<Q> {
    /// Nothing kept yet.
    pub fn new() -> Self {
        Self { kept: None }
    }

    /// Keeps a copy of `store`'s weights after `step` when `figure` is at least as high as that of the ones kept before.
    pub fn offer(&mut self, step: usize, quality: Q, figure: f64, store: &nn::VarStore) {
        if self.kept.as_ref().is_none_or(|kept| figure >= kept.figure) {
            let variables = store.trainable_variables();
            self.kept = Some(Kept {
                step,
                quality,
                figure,
                weights: variables.iter().map(|v| v.detach().copy()).collect(),
            });
        }
    }

    /// Puts the kept weights back into `store` and says after which step they stood and how good they were.
    pub fn restore(self, store: &nn::VarStore) -> Option<(usize, Q)> {
        let kept = self.kept?;
        tch::no_grad(|| {
            for (mut variable, weights) in
                store.trainable_variables().into_iter().zip(&kept.weights)
            {
                variable.copy_(weights);
            }
        });
        Some((kept.step, kept.quality))
    }
}

impl<Q: Copy> Default for BestWeights<Q> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_come_back_and_the_later_of_equals() {
        let store = nn::VarStore::new(tch::Device::Cpu);
        let mut weight = store.root().var("weight", &[1], nn::Init::Const(0.0));
        let mut best = BestWeights::new();
        for (step, figure) in [(1, 0.2), (2, 0.7), (3, 0.7), (4, 0.1)] {
            let _ = tch::no_grad(|| weight.fill_(step as f64));
            best.offer(step, figure, figure, &store);
        }
        assert_eq!(best.restore(&store), Some((3, 0.7)));
        assert_eq!(weight.double_value(&[0]), 3.0);
    }
}
