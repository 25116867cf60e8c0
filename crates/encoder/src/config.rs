//! The part of `config.json` that decides a BERT-like encoder's shape and arithmetic.

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

/// How a family of encoders differs from BERT in names and details. All compute the same layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// BERT itself.
    Bert,
    /// RoBERTa, XLM-RoBERTa and CamemBERT: positions start after the padding id, and the classification head is a block of
    /// its own.
    Roberta,
    /// DistilBERT: no segments, no pooler, and names of its own.
    DistilBert,
}

/// What `model_type` may say beside that, where the feature `rust-bert` is on.
pub(crate) const RUST_BERTS: [&str; 4] = ["albert", "electra", "longformer", "mobilebert"];

impl Family {
    fn of(model_type: &str) -> Option<Self> {
        match model_type {
            "bert" => Some(Self::Bert),
            "roberta" | "xlm-roberta" | "camembert" => Some(Self::Roberta),
            "distilbert" => Some(Self::DistilBert),
            _ => None,
        }
    }

    /// What Hugging Face puts before the encoder's names when a head stands beside it, without the dot.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Bert => "bert",
            Self::Roberta => "roberta",
            Self::DistilBert => "distilbert",
        }
    }

    /// transformers' classes: the bare encoder, and with a classification head.
    pub(crate) fn architectures(self, model_type: &str) -> [String; 2] {
        let name = match (self, model_type) {
            (Self::Roberta, "xlm-roberta") => "XLMRoberta",
            (Self::Roberta, "camembert") => "Camembert",
            (Self::Roberta, _) => "Roberta",
            (Self::Bert, _) => "Bert",
            (Self::DistilBert, _) => "DistilBert",
        };
        ["Model", "ForSequenceClassification"].map(|end| format!("{name}{end}"))
    }
}

/// Shape and arithmetic of a BERT-like encoder: the fields of Hugging Face's `BertConfig`, `RobertaConfig` and
/// `DistilBertConfig` that matter for the numbers.
#[derive(Debug, Clone, Deserialize)]
pub struct BertConfig {
    /// `bert`, `roberta`, `xlm-roberta`, `camembert` or `distilbert`.
    pub model_type: String,
    /// Rows of the word embedding.
    pub vocab_size: i64,
    /// Width of a hidden state.
    #[serde(alias = "dim")]
    pub hidden_size: i64,
    /// Transformer layers.
    #[serde(alias = "n_layers")]
    pub num_hidden_layers: i64,
    /// Attention heads; divides `hidden_size`.
    #[serde(alias = "n_heads")]
    pub num_attention_heads: i64,
    /// Width inside a feed-forward block.
    #[serde(alias = "hidden_dim")]
    pub intermediate_size: i64,
    /// Non-linearity of the feed-forward blocks.
    #[serde(alias = "activation")]
    pub hidden_act: Activation,
    /// Dropout probability of hidden states while training.
    #[serde(alias = "dropout", default = "default_dropout")]
    pub hidden_dropout_prob: f64,
    /// Dropout probability of attention weights while training.
    #[serde(alias = "attention_dropout", default = "default_dropout")]
    pub attention_probs_dropout_prob: f64,
    /// Rows of the position embedding.
    pub max_position_embeddings: i64,
    /// Rows of the segment embedding; 0 for DistilBERT, which has none.
    #[serde(default)]
    pub type_vocab_size: i64,
    /// Added to the variance in layer normalization.
    #[serde(default = "default_layer_norm_eps")]
    pub layer_norm_eps: f64,
    /// Standard deviation of freshly made weights.
    #[serde(default = "default_initializer_range")]
    pub initializer_range: f64,
    /// Dropout probability before a classification head; absent: `hidden_dropout_prob`.
    #[serde(alias = "seq_classif_dropout", default)]
    pub classifier_dropout: Option<f64>,
    /// The id of padding; RoBERTa's positions start after it.
    #[serde(default)]
    pub pad_token_id: Option<i64>,
    /// How positions enter; only `absolute` (or absent) is computed.
    #[serde(default)]
    pub position_embedding_type: Option<String>,
}

fn default_dropout() -> f64 {
    0.1
}

fn default_layer_norm_eps() -> f64 {
    1e-12
}

fn default_initializer_range() -> f64 {
    0.02
}

impl BertConfig {
    /// The family that `model_type` names.
    pub fn family(&self) -> Family {
        Family::of(&self.model_type).unwrap_or(Family::Bert)
    }

    /// Whether the model is one that rust-bert computes, and that is compiled in.
    pub(crate) fn is_rust_berts(&self) -> bool {
        cfg!(feature = "rust-bert") && RUST_BERTS.contains(&self.model_type.as_str())
    }

    /// Row of the position embedding that a sequence's first token takes.
    pub fn first_position(&self) -> i64 {
        match self.family() {
            Family::Roberta => self.pad_token_id.unwrap_or(1) + 1,
            Family::Bert if self.model_type == "longformer" => self.pad_token_id.unwrap_or(1) + 1,
            Family::Bert | Family::DistilBert => 0,
        }
    }

    /// The longest input in tokens for which there are positions.
    pub fn max_tokens(&self) -> usize {
        usize::try_from(self.max_position_embeddings - self.first_position()).unwrap_or(0)
    }

    /// What is wrong with this configuration, if anything: the setting, its value, and what is supported.
    pub(crate) fn problem(&self) -> Option<String> {
        let family = Family::of(&self.model_type);
        if family.is_none() && !self.is_rust_berts() {
            let more = if cfg!(feature = "rust-bert") {
                format!(", by rust-bert also {}", RUST_BERTS.join(", "))
            } else if RUST_BERTS.contains(&self.model_type.as_str()) {
                "; it is with the feature `rust-bert` of jobmatch-encoder".to_owned()
            } else {
                String::new()
            };
            return Some(format!(
                "model_type is `{}`; bert, roberta, xlm-roberta, camembert and distilbert are supported{more}",
                self.model_type
            ));
        }
        let without_segments = family != Some(Family::Bert) && family != Some(Family::Roberta);
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
            (
                "type_vocab_size",
                self.type_vocab_size + i64::from(without_segments),
            ),
        ];
        for (name, value) in sizes {
            if !(1..=1 << 24).contains(&value) {
                return Some(format!("{name} is {value}"));
            }
        }
        if self.max_tokens() == 0 {
            return Some(format!(
                "max_position_embeddings is {}, and pad_token_id {:?} leaves none of them",
                self.max_position_embeddings, self.pad_token_id
            ));
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
