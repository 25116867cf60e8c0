//! The variables of a store with their names, in an order that is the same on all ranks.

use std::collections::BTreeMap;

use jobmatch_torch_ext::ParameterGroup;
use tch::{Tensor, nn};

/// The parameter group of the weights that decay; the encoder puts biases and layer normalizations into another.
const DECAYED: usize = 0;

/// What is trained of a store.
#[derive(Debug)]
pub(crate) struct Parameters {
    /// Names, those that decay first, each part in the order in which the variables were made.
    pub names: Vec<String>,
    /// The variables themselves, in the same order.
    pub tensors: Vec<Tensor>,
    /// The variables in the order in which they were made, which is about that of their use: gradients are ready in its
    /// reverse, and buckets of them are reduced as they fill.
    pub in_order_of_use: Vec<Tensor>,
    /// How many decay.
    decayed: usize,
}

impl Parameters {
    /// The variables of `store` that ask for a gradient.
    pub fn of(store: &nn::VarStore) -> Self {
        // The store knows names in a map, and the order in a list without names.
        let names: BTreeMap<usize, String> = store
            .variables()
            .into_iter()
            .map(|(name, tensor)| (tensor.data_ptr() as usize, name))
            .collect();
        let variables: Vec<(usize, Tensor)> = store
            .variables_
            .lock()
            .map(|all| {
                let trainable = all.trainable_variables.iter();
                trainable
                    .map(|variable| (variable.group, variable.tensor.shallow_clone()))
                    .filter(|(_, tensor)| tensor.requires_grad())
                    .collect()
            })
            .unwrap_or_default();
        let in_order_of_use = variables.iter().map(|(_, t)| t.shallow_clone()).collect();
        let (decayed, rest): (Vec<_>, Vec<_>) = variables
            .into_iter()
            .partition(|(group, _)| *group == DECAYED);
        let count = decayed.len();
        let tensors: Vec<Tensor> = decayed.into_iter().chain(rest).map(|(_, t)| t).collect();
        let name = |(at, tensor): (usize, &Tensor)| {
            let found = names.get(&(tensor.data_ptr() as usize)).cloned();
            found.unwrap_or_else(|| at.to_string())
        };
        Self {
            names: tensors.iter().enumerate().map(name).collect(),
            tensors,
            in_order_of_use,
            decayed: count,
        }
    }

    /// The two groups of the optimizer.
    pub fn groups(&self, weight_decay: f64) -> Vec<ParameterGroup> {
        let same = |tensors: &[Tensor]| tensors.iter().map(Tensor::shallow_clone).collect();
        let (decayed, rest) = self.tensors.split_at(self.decayed);
        vec![
            ParameterGroup {
                parameters: same(decayed),
                weight_decay,
            },
            ParameterGroup {
                parameters: same(rest),
                weight_decay: 0.0,
            },
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn those_that_decay_come_first_and_frozen_ones_not_at_all() {
        let store = nn::VarStore::new(Device::Cpu);
        let root = store.root();
        let _ = root.set_group(1).var("bias", &[1], nn::Init::Const(0.0));
        let _ = root.set_group(0).var("weight", &[2], nn::Init::Const(0.0));
        let frozen = root.set_group(0).var("frozen", &[3], nn::Init::Const(0.0));
        let _ = frozen.set_requires_grad(false);
        let parameters = Parameters::of(&store);
        assert_eq!(parameters.names, ["weight", "bias"]);
        let sizes: Vec<usize> = parameters
            .in_order_of_use
            .iter()
            .map(Tensor::numel)
            .collect();
        assert_eq!(sizes, [1, 2]);
        let decay: Vec<(usize, f64)> = parameters
            .groups(0.5)
            .iter()
            .map(|group| (group.parameters.len(), group.weight_decay))
            .collect();
        assert_eq!(decay, [(1, 0.5), (1, 0.0)]);
    }
}
