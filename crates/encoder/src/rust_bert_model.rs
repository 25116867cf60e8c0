//! Encoders that rust-bert computes: families that are not computed here, and, as a second reference, those that are.

use std::collections::HashMap;

use jobmatch_torch_ext::LinearFormat;
use rust_bert::albert::{AlbertConfig, AlbertModel};
use rust_bert::bert::{BertConfig, BertEmbeddings, BertModel};
use rust_bert::distilbert::{DistilBertConfig, DistilBertModel};
use rust_bert::electra::{ElectraConfig, ElectraModel};
use rust_bert::longformer::{LongformerConfig, LongformerModel};
use rust_bert::mobilebert::{MobileBertConfig, MobileBertModel};
use rust_bert::roberta::RobertaEmbeddings;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tch::{Kind, Tensor, nn};

use crate::folder::ModelFolder;
use crate::{Error, Result, TokenBatch, Transformer};

/// An encoder of rust-bert's behind our interface.
pub struct RustBertModel {
    net: Net,
    folder: ModelFolder,
    variables: HashMap<String, Tensor>,
}

impl std::fmt::Debug for RustBertModel {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let name = &self.folder.config().model_type;
        write!(f, "RustBertModel({name})")
    }
}

enum Net {
    Albert(AlbertModel),
    Bert(BertModel<BertEmbeddings>),
    DistilBert(DistilBertModel),
    Electra(ElectraModel),
    Longformer(LongformerModel),
    MobileBert(MobileBertModel),
    Roberta(BertModel<RobertaEmbeddings>),
}

impl RustBertModel {
    /// Makes the variables in `store`, with fresh values, for the model that the folder's configuration describes.
    ///
    /// # Errors
    /// When rust-bert does not know the family, or the configuration lacks something that it needs.
    pub fn new(store: &nn::VarStore, folder: &ModelFolder) -> Result<Self> {
        let json = folder.config_json();
        let path = &store.root();
        let net = match folder.config().model_type.as_str() {
            "albert" => Net::Albert(AlbertModel::new(path, &read::<AlbertConfig>(folder, json)?)),
            "bert" => Net::Bert(BertModel::new(path, &read::<BertConfig>(folder, json)?)),
            "distilbert" => {
                let config = read::<DistilBertConfig>(folder, json)?;
                Net::DistilBert(DistilBertModel::new(path, &config))
            }
            "electra" => Net::Electra(ElectraModel::new(
                path,
                &read::<ElectraConfig>(folder, json)?,
            )),
            "longformer" => {
                let config = read::<LongformerConfig>(folder, json)?;
                Net::Longformer(LongformerModel::new(path, &config, false))
            }
            "mobilebert" => {
                let config = read::<MobileBertConfig>(folder, json)?;
                Net::MobileBert(MobileBertModel::new(path, &config, false))
            }
            "roberta" | "xlm-roberta" | "camembert" => {
                Net::Roberta(BertModel::new(path, &read::<BertConfig>(folder, json)?))
            }
            other => {
                return Err(Error::Setting {
                    setting: "model_type",
                    value: other.to_owned(),
                    expected: "rust-bert has no such encoder".to_owned(),
                });
            }
        };
        Ok(Self {
            net,
            folder: folder.clone(),
            variables: store.variables(),
        })
    }
}

fn read<C: DeserializeOwned>(folder: &ModelFolder, json: &Value) -> Result<C> {
    let mut json = json.clone();
    if let Some(fields) = json.as_object_mut() {
        // Old configurations of DistilBERT had it, rust-bert asks for it, and no number depends on it.
        let tied = fields.entry("tie_weights_");
        tied.or_insert(Value::Bool(true));
    }
    serde_json::from_value(json).map_err(|error| Error::Config {
        path: folder.dir().join("config.json"),
        reason: format!("rust-bert cannot read it: {error}"),
    })
}

impl Transformer for RustBertModel {
    fn forward(&self, batch: &TokenBatch, train: bool) -> Result<Tensor> {
        // Sequences of one length at a time: with padding its ELECTRA gives other numbers than transformers.
        let mut first = 0;
        let mut parts = Vec::new();
        let lengths: Vec<i64> = batch.lengths().collect();
        for run in lengths.chunk_by(|a, b| a == b) {
            let (rows, length) = (run.len() as i64, run[0]);
            let part = |values: &Tensor| -> Result<Tensor> {
                Ok(values
                    .f_narrow(0, first, rows * length)?
                    .f_view([rows, length])?)
            };
            let (ids_bt, types_bt) = (part(&batch.ids_t)?, part(&batch.type_ids_t)?);
            parts.push(self.net.forward(&ids_bt, &types_bt, train)?.flatten(0, 1));
            first += rows * length;
        }
        Ok(Tensor::f_cat(&parts, 0)?)
    }

    fn freeze(&self, format: LinearFormat) -> Result<Box<dyn Transformer>> {
        if format != LinearFormat::Float(Kind::Float) {
            return Err(Error::Setting {
                setting: "precision",
                value: format!("{format:?}"),
                expected: "models of rust-bert are computed in float32".to_owned(),
            });
        }
        let device = self.variables.values().next().map(Tensor::device);
        let mut store = nn::VarStore::new(device.unwrap_or(tch::Device::Cpu));
        let copy = Self::new(&store, &self.folder)?;
        for (name, variable) in &self.variables {
            if let Some(target) = copy.variables.get(name) {
                tch::no_grad(|| target.shallow_clone().f_copy_(variable))?;
            }
        }
        store.freeze();
        Ok(Box::new(copy))
    }

    fn share(&self) -> Option<Box<dyn Transformer>> {
        None
    }
}

impl Net {
    /// Hidden states `[sequences, tokens, hidden]` of sequences of one length.
    fn forward(&self, ids_bt: &Tensor, types_bt: &Tensor, train: bool) -> Result<Tensor> {
        let mask_bt = ids_bt.f_ones_like()?;
        let (ids, types, mask) = (Some(ids_bt), Some(types_bt), Some(&mask_bt));
        Ok(match self {
            Self::Albert(net) => {
                net.forward_t(ids, mask, types, None, None, train)?
                    .hidden_state
            }
            Self::Bert(net) => {
                let found = net.forward_t(ids, mask, types, None, None, None, None, train);
                found?.hidden_state
            }
            Self::Roberta(net) => {
                let found = net.forward_t(ids, mask, types, None, None, None, None, train);
                found?.hidden_state
            }
            Self::DistilBert(net) => net.forward_t(ids, mask, None, train)?.hidden_state,
            Self::Electra(net) => {
                net.forward_t(ids, mask, types, None, None, train)?
                    .hidden_state
            }
            Self::Longformer(net) => {
                let found = net.forward_t(ids, mask, None, types, None, None, train);
                found?.hidden_state
            }
            Self::MobileBert(net) => {
                net.forward_t(ids, types, None, None, mask, train)?
                    .hidden_state
            }
        })
    }
}
