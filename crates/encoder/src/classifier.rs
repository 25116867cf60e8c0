//! An encoder with a classification head of one logit.

use jobmatch_torch_ext::{Activation, LinearFormat};
use tch::{Kind, Tensor, nn};

use crate::bert::{BertModel, Transformer, kind_of};
use crate::builder::Builder;
use crate::config::{BertConfig, Family};
use crate::projection::Projection;
use crate::{Result, TokenBatch};

/// Whether the variable of this name belongs to a classification head or a pooler, which a bare encoder's folder may lack.
pub(crate) const HEAD: [&str; 3] = ["pooler.", "classifier.", "pre_classifier."];

/// An encoder with a head of one logit, as `BertForSequenceClassification` (or RoBERTa's, or DistilBERT's) with one label.
#[derive(Debug)]
pub struct SequenceClassifier {
    config: BertConfig,
    encoder: Box<dyn Transformer>,
    /// Over the first token's hidden state: BERT's pooler, or what the family has in its place.
    dense: Projection,
    classifier: Projection,
    kind: Kind,
}

impl SequenceClassifier {
    /// Makes the variables under `path` (the encoder under the family's name, the head beside it), with fresh values.
    pub fn new(path: &nn::Path, config: &BertConfig) -> Self {
        let build = Builder { config };
        let (family, hidden) = (config.family(), config.hidden_size);
        let inner = path / family.prefix();
        let (dense, classifier) = match family {
            Family::Bert => (&inner / "pooler" / "dense", path / "classifier"),
            Family::Roberta => (
                path / "classifier" / "dense",
                path / "classifier" / "out_proj",
            ),
            Family::DistilBert => (path / "pre_classifier", path / "classifier"),
        };
        Self {
            encoder: Box::new(BertModel::new(&inner, config)),
            dense: Projection::new(&build, &[dense], hidden, hidden),
            classifier: Projection::new(&build, &[classifier], hidden, 1),
            config: config.clone(),
            kind: Kind::Float,
        }
    }

    /// One logit per row, `[rows]`, at least float32. `train` switches dropout on.
    ///
    /// # Errors
    /// When libtorch refuses, such as for a token id that the embedding has no row for.
    pub fn forward(&self, batch: &TokenBatch, train: bool) -> Result<Tensor> {
        let config = &self.config;
        let dropout = config
            .classifier_dropout
            .unwrap_or(config.hidden_dropout_prob);
        let hidden_th = self.encoder.forward(batch, train)?;
        let mut first_bh = batch.first_tokens(&hidden_th).to_kind(self.kind);
        if config.family() == Family::Roberta {
            first_bh = first_bh.f_dropout(dropout, train)?;
        }
        let pooled_bh = match config.family() {
            Family::Bert | Family::Roberta => self.dense.forward(&first_bh, None)?.f_tanh()?,
            Family::DistilBert => self.dense.forward(&first_bh, Some(Activation::Relu))?,
        };
        let logits = self
            .classifier
            .forward(&pooled_bh.f_dropout(dropout, train)?, None)?
            .f_squeeze_dim(-1)?;
        Ok(match logits.kind() {
            Kind::Double => logits,
            _ => logits.to_kind(Kind::Float),
        })
    }

    /// The same frozen weights, for another thread; `None` where they are not frozen.
    pub fn share(&self) -> Option<Self> {
        Some(Self {
            config: self.config.clone(),
            encoder: self.encoder.share()?,
            dense: self.dense.share()?,
            classifier: self.classifier.share()?,
            kind: self.kind,
        })
    }

    /// A copy for inference alone, whose linear layers compute in `format`; the head's are float32, which costs nothing.
    ///
    /// # Errors
    /// When there is none in this format, or this is frozen already.
    pub fn freeze(&self, format: LinearFormat) -> Result<Self> {
        let head = match kind_of(format) {
            Kind::Double => LinearFormat::Float(Kind::Double),
            _ => LinearFormat::Float(Kind::Float),
        };
        Ok(Self {
            config: self.config.clone(),
            encoder: self.encoder.freeze(format)?,
            dense: self.dense.freeze(head)?,
            classifier: self.classifier.freeze(head)?,
            kind: kind_of(head),
        })
    }
}
