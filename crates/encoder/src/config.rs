//! The part of `config.json` that decides a BERT encoder's shape and arithmetic.

use serde::Deserialize;

/// The non-linearity between the two linear layers of a feed-forward block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// Exact GELU, by the error function.
    Gelu,
    /// GELU by the tanh approximation.
    #[serde(alias = "gelu_pytorch_tanh")]
    GeluNew,
    /// Rectified linear.
    Relu,
}

/// Shape and arithmetic of a BERT encoder: the fields of Hugging Face's `BertConfig` that matter for the numbers.
#[derive(Debug, Clone, Deserialize)]
pub struct BertConfig {
    /// `bert`: the only family this crate computes by itself.
    pub model_type: String,
    /// Rows of the word embedding.
    pub vocab_size: i64,
    /// Width of a hidden state.
    pub hidden_size: i64,
    /// Transformer layers.
    pub num_hidden_layers: i64,
    /// Attention heads; divides `hidden_size`.
    pub num_attention_heads: i64,
    /// Width inside a feed-forward block.
    pub intermediate_size: i64,
    /// Non-linearity of the feed-forward blocks.
    pub hidden_act: Activation,
    /// Dropout probability of hidden states while training.
    pub hidden_dropout_prob: f64,
    /// Dropout probability of attention weights while training.
    pub attention_probs_dropout_prob: f64,
    /// Rows of the position embedding: the longest input in tokens.
    pub max_position_embeddings: i64,
    /// Rows of the segment embedding.
    pub type_vocab_size: i64,
    /// Added to the variance in layer normalization.
    pub layer_norm_eps: f64,
    /// Standard deviation of freshly made weights.
    #[serde(default = "default_initializer_range")]
    pub initializer_range: f64,
    /// Dropout probability before a classification head; absent: `hidden_dropout_prob`.
    #[serde(default)]
    pub classifier_dropout: Option<f64>,
    /// How positions enter; only `absolute` (or absent) is computed.
    #[serde(default)]
    pub position_embedding_type: Option<String>,
}

fn default_initializer_range() -> f64 {
    0.02
}

impl BertConfig {
    /// What is wrong with this configuration, if anything: the setting, its value, and what is supported.
    pub(crate) fn problem(&self) -> Option<String> {
        if self.model_type != "bert" {
            return Some(format!(
                "model_type is `{}`; `bert` is supported",
                self.model_type
            ));
        }
        if let Some(kind) = self.position_embedding_type.as_deref()
            && kind != "absolute"
        {
            return Some(format!(
                "position_embedding_type is `{kind}`; `absolute` is supported"
            ));
        }
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ];
        for (name, value) in sizes {
            if !(1..=1 << 24).contains(&value) {
                return Some(format!("{name} is {value}"));
            }
        }
        if self.hidden_size % self.num_attention_heads != 0 {
            return Some(format!(
                "hidden_size {} is not a multiple of num_attention_heads {}",
                self.hidden_size, self.num_attention_heads
            ));
        }
        let dropouts = [
            ("hidden_dropout_prob", Some(self.hidden_dropout_prob)),
            (
                "attention_probs_dropout_prob",
                Some(self.attention_probs_dropout_prob),
            ),
            ("classifier_dropout", self.classifier_dropout),
        ];
        dropouts.into_iter().find_map(|(name, value)| match value {
            Some(value) if !(0.0..1.0).contains(&value) => Some(format!("{name} is {value}")),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiny() -> serde_json::Value {
        serde_json::json!({
            "model_type": "bert", "vocab_size": 10, "hidden_size": 8, "num_hidden_layers": 1,
            "num_attention_heads": 2, "intermediate_size": 16, "hidden_act": "gelu",
            "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
            "max_position_embeddings": 16, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
        })
    }

    #[test]
    fn nonsense_is_named() {
        let sound: BertConfig = serde_json::from_value(tiny()).unwrap();
        assert_eq!(sound.problem(), None);
        for (name, value, expected) in [
            (
                "model_type",
                serde_json::json!("llama"),
                "model_type is `llama`",
            ),
            (
                "num_attention_heads",
                serde_json::json!(3),
                "not a multiple of num_attention_heads 3",
            ),
            (
                "hidden_dropout_prob",
                serde_json::json!(1.5),
                "hidden_dropout_prob is 1.5",
            ),
            ("vocab_size", serde_json::json!(-1), "vocab_size is -1"),
        ] {
            let mut json = tiny();
            json[name] = value;
            let config: BertConfig = serde_json::from_value(json).unwrap();
            let problem = config.problem().unwrap();
            assert!(problem.contains(expected), "{problem}");
        }
    }
}
