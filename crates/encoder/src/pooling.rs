//! From hidden states to one vector per text.

use serde_json::Value;
use tch::{Kind, Tensor};

use crate::TokenBatch;

/// Which tokens' hidden states make the embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolingMode {
    /// Mean over all tokens that are not padding, special tokens included (as sentence-transformers counts them).
    Mean,
    /// The first token's hidden state.
    Cls,
    /// Maximum over all tokens that are not padding.
    Max,
}

/// Pooling of hidden states, and whether the result is brought to unit length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pooling {
    /// Which tokens count.
    pub mode: PoolingMode,
    /// Whether the vector is divided by its Euclidean length.
    pub normalize: bool,
}

impl Pooling {
    /// Embeddings `[rows, hidden]`, float32 or float64, of the hidden states `[tokens, hidden]` of `batch`. A row's embedding does
    /// not depend on the others.
    pub fn apply(&self, hidden_th: &Tensor, batch: &TokenBatch) -> Tensor {
        let kind = match hidden_th.kind() {
            Kind::Double => Kind::Double,
            _ => Kind::Float,
        };
        let pooled_bh = match self.mode {
            PoolingMode::Cls => batch.first_tokens(hidden_th),
            PoolingMode::Mean => batch.by_runs(hidden_th, |run_blh| {
                run_blh.mean_dim([1].as_slice(), false, kind)
            }),
            PoolingMode::Max => {
                batch.by_runs(hidden_th, |run_blh| run_blh.amax([1].as_slice(), false))
            }
        }
        .to_kind(kind);
        if self.normalize {
            l2_normalize(&pooled_bh)
        } else {
            pooled_bh
        }
    }

    /// Reads sentence-transformers' `1_Pooling/config.json`, in its old form (one switch per mode) or its new one
    /// (`pooling_mode`). `Err` holds what is wrong.
    pub(crate) fn mode_from_json(json: &Value) -> Result<PoolingMode, String> {
        if let Some(mode) = json.get("pooling_mode") {
            return match mode.as_str() {
                Some("mean") => Ok(PoolingMode::Mean),
                Some("cls") => Ok(PoolingMode::Cls),
                Some("max") => Ok(PoolingMode::Max),
                _ => Err(format!(
                    "pooling_mode is {mode}; mean, cls and max are supported"
                )),
            };
        }
        let switched_on: Vec<&str> = json
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, value)| {
                name.starts_with("pooling_mode_") && **value == Value::Bool(true)
            })
            .map(|(name, _)| name.as_str())
            .collect();
        match switched_on.as_slice() {
            ["pooling_mode_mean_tokens"] => Ok(PoolingMode::Mean),
            ["pooling_mode_cls_token"] => Ok(PoolingMode::Cls),
            ["pooling_mode_max_tokens"] => Ok(PoolingMode::Max),
            other => Err(format!(
                "pooling {other:?} is switched on; one of mean, cls and max is supported"
            )),
        }
    }

    /// sentence-transformers' `1_Pooling/config.json` for this pooling, in the form that every version reads.
    pub(crate) fn to_json(self, dimension: i64) -> Value {
        serde_json::json!({
            "word_embedding_dimension": dimension,
            "pooling_mode_cls_token": self.mode == PoolingMode::Cls,
            "pooling_mode_mean_tokens": self.mode == PoolingMode::Mean,
            "pooling_mode_max_tokens": self.mode == PoolingMode::Max,
            "pooling_mode_mean_sqrt_len_tokens": false,
        })
    }
}

/// Rows of `[rows, dimension]` divided by their Euclidean length (at least 1e-12, as `torch.nn.functional.normalize`).
pub fn l2_normalize(vectors: &Tensor) -> Tensor {
    let length = vectors
        .norm_scalaropt_dim(2, [-1].as_slice(), true)
        .clamp_min(1e-12);
    vectors / length
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tokens;
    use tch::Device;

    #[test]
    fn each_mode_by_hand() {
        let hidden = Tensor::from_slice(&[1f32, 2., 3., 6., -5., 4.]).view([3, 2]);
        let rows = [2, 1].map(|length| Tokens::from_ids(vec![0; length]));
        let batch = TokenBatch::new(&rows, &[0, 1], Device::Cpu);
        for (mode, expected) in [
            (PoolingMode::Mean, [2f32, 4., -5., 4.]),
            (PoolingMode::Cls, [1., 2., -5., 4.]),
            (PoolingMode::Max, [3., 6., -5., 4.]),
        ] {
            let pooling = Pooling {
                mode,
                normalize: false,
            };
            let pooled = pooling.apply(&hidden, &batch);
            assert_eq!(Vec::<f32>::try_from(pooled.view(-1)).unwrap(), expected);
        }
        let unit = Pooling {
            mode: PoolingMode::Max,
            normalize: true,
        }
        .apply(&hidden, &batch);
        let length = unit.select(0, 1).norm().double_value(&[]);
        assert!((length - 1.).abs() < 1e-6);
    }

    #[test]
    fn both_forms_of_the_pooling_file_are_read() {
        let old = Pooling {
            mode: PoolingMode::Cls,
            normalize: true,
        }
        .to_json(8);
        assert_eq!(Pooling::mode_from_json(&old), Ok(PoolingMode::Cls));
        let new = serde_json::json!({"pooling_mode": "mean", "embedding_dimension": 8});
        assert_eq!(Pooling::mode_from_json(&new), Ok(PoolingMode::Mean));
        let odd = serde_json::json!({"pooling_mode": "lasttoken"});
        assert!(Pooling::mode_from_json(&odd).is_err());
    }
}
