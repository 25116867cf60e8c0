use jobmatch_encoder::{Device, ModelFolder, TextTokenizer, Tokens, load_weights};
use rust_bert::bert::{BertConfig, BertEmbeddings, BertModel};
use tch::{Kind, Tensor, nn};

/// rust-bert's BERT, given texts sorted by length in padded batches, with mean pooling to unit length.
pub struct RustBertPeer {
    model: BertModel<BertEmbeddings>,
    tokenizer: TextTokenizer,
    _store: nn::VarStore,
}

impl RustBertPeer {
    /// Loads the model called `name`.
    ///
    /// # Errors
    /// When the folder is not sound.
    pub fn load(name: &str) -> anyhow::Result<Self> {
        let folder = ModelFolder::open(name)?;
        let json = std::fs::read(folder.dir().join("config.json"))?;
        let config: BertConfig = serde_json::from_slice(&json)?;
        let mut store = nn::VarStore::new(Device::Cpu);
        let model = BertModel::new(store.root(), &config);
        load_weights(&store, &folder.weights(), &["pooler."], &["pooler."])?;
        store.freeze();
        let tokenizer = TextTokenizer::from_file(&folder.tokenizer(), folder.max_tokens())?;
        Ok(Self {
            model,
            tokenizer,
            _store: store,
        })
    }

    /// Embeds all texts.
    ///
    /// # Errors
    /// When rust-bert fails.
    pub fn embed(&self, texts: &[&str], batch_size: usize) -> anyhow::Result<()> {
        let mut tokens = self.tokenizer.encode("", texts)?;
        tokens.sort_by_key(|tokens| std::cmp::Reverse(tokens.len()));
        for rows in tokens.chunks(batch_size) {
            let (ids_bt, mask_bt) = padded(rows);
            let (ids, mask) = (Some(&ids_bt), Some(&mask_bt));
            let found = tch::no_grad(|| {
                self.model
                    .forward_t(ids, mask, None, None, None, None, None, false)
            })?;
            let weight = mask_bt.unsqueeze(-1).to_kind(Kind::Float);
            let sum = (found.hidden_state * &weight).sum_dim_intlist(1, false, Kind::Float);
            let mean = sum / weight.sum_dim_intlist(1, false, Kind::Float);
            let _ = jobmatch_encoder::l2_normalize(&mean);
        }
        Ok(())
    }
}

fn padded(rows: &[Tokens]) -> (Tensor, Tensor) {
    let longest = rows.iter().map(Tokens::len).max().unwrap_or(0);
    let (mut ids, mut mask) = (Vec::new(), Vec::new());
    for row in rows {
        ids.extend(row.ids().iter().map(|&id| i64::from(id)));
        mask.extend(row.ids().iter().map(|_| 1i64));
        ids.resize(ids.len().next_multiple_of(longest), 0);
        mask.resize(ids.len(), 0);
    }
    let shape = [rows.len() as i64, longest as i64];
    let tensor = |values: &[i64]| Tensor::from_slice(values).view(shape);
    (tensor(&ids), tensor(&mask))
}
