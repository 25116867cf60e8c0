//! The attributes' passages with their vectors.

use std::collections::HashMap;

use jobmatch_records::{Definition, Pair, PassageTemplate};

use crate::{BiEncoder, Embeddings, Error, Result};

/// One passage per attribute, in the order of the definitions.
#[derive(Debug)]
pub(crate) struct Passages {
    pub ids: Vec<String>,
    pub texts: Vec<String>,
    pub vectors: Embeddings,
    row_of: HashMap<String, usize>,
}

impl Passages {
    pub fn embed(
        model: &BiEncoder,
        definitions: &[Definition],
        template: &PassageTemplate,
    ) -> Result<Self> {
        let texts: Vec<String> = definitions.iter().map(|d| template.render(d)).collect();
        let refs: Vec<&str> = texts.iter().map(String::as_str).collect();
        let ids: Vec<String> = definitions.iter().map(|d| d.attribute_id.clone()).collect();
        Ok(Self {
            vectors: model.embed_passages(&refs, &mut |_| {})?,
            row_of: ids.iter().cloned().zip(0..).collect(),
            ids,
            texts,
        })
    }

    /// The row of a pair's attribute.
    pub fn row(&self, pair: &Pair) -> Result<usize> {
        let row = self.row_of.get(&pair.attribute_id).copied();
        row.ok_or_else(|| Error::unknown_attribute(&pair.job_id, &pair.attribute_id))
    }
}
