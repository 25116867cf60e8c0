//! Attributes as passages, embedded and indexed: what retrieval searches, in a folder of its own.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use jobmatch_records::{Definition, IndexedAttribute, ParquetWriter, PassageTemplate, read_all};
use jobmatch_retrieval::VectorIndex;
use serde::{Deserialize, Serialize};

use crate::models::QueryEmbedder;
use crate::{Error, Result};

/// FAISS's own format; row `i` of [`ATTRIBUTES_PARQUET`] says which vector is its own (`faiss_id`): the vector `i`, but
/// in an IVF index that attributes were removed from.
pub const ATTRIBUTES_FAISS: &str = "attributes.faiss";
/// Row, attribute id, name and passage.
pub const ATTRIBUTES_PARQUET: &str = "attributes.parquet";
/// What the index was made from, and how: [`IndexAbout`].
pub const INDEX_JSON: &str = "index.json";

/// Texts embedded between two progress reports of [`PassageIndex::build`] and of retrieval: enough for the model to
/// sort them by length, few enough to keep the vectors small.
pub(crate) const CHUNK: usize = 8192;

/// What an index was made from, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexAbout {
    /// Version of this description: 1.
    pub schema_version: u32,
    /// Fingerprint of the model that embedded the passages.
    pub model: String,
    /// FAISS factory string.
    pub factory: String,
    /// The template of the passages.
    pub template: PassageTemplate,
    /// Numbers per vector.
    pub dimension: usize,
    /// How many attributes there are.
    pub attributes: usize,
    /// BLAKE3 over the ids and passages, by row, which ties the attributes to this description. Absent in an index of an
    /// older program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passages: Option<String>,
}

impl IndexAbout {
    pub(crate) fn new(
        embedder: &dyn QueryEmbedder,
        factory: &str,
        template: &PassageTemplate,
        attributes: &[IndexedAttribute],
    ) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            model: embedder.fingerprint().to_owned(),
            factory: factory.to_owned(),
            template: template.clone(),
            dimension: embedder.dimension(),
            attributes: attributes.len(),
            passages: Some(digest(attributes)),
        }
    }
}

const SCHEMA_VERSION: u32 = 1;

/// The attributes, their passages and the vector index over them.
#[derive(Debug)]
pub struct PassageIndex {
    pub(crate) about: IndexAbout,
    pub(crate) attributes: Vec<IndexedAttribute>,
    pub(crate) index: VectorIndex,
    rows: HashMap<String, u32>,
    /// Each row's place in the byte order of attribute ids, which is how measures number documents.
    order: Vec<u32>,
}

impl PassageIndex {
    /// Writes [`ATTRIBUTES_FAISS`], [`ATTRIBUTES_PARQUET`] and [`INDEX_JSON`] into an existing folder.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self, folder: &Path) -> Result<()> {
        self.index.save(&folder.join(ATTRIBUTES_FAISS))?;
        let mut writer = ParquetWriter::create(&folder.join(ATTRIBUTES_PARQUET))?;
        writer.write(&self.attributes)?;
        writer.finish()?;
        crate::output::write_json(&folder.join(INDEX_JSON), &self.about)
    }

    /// Reads what [`PassageIndex::save`] wrote.
    ///
    /// # Errors
    /// A file that is missing or damaged, or files that do not belong together.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join(INDEX_JSON);
        let text = fs::read_to_string(&path).map_err(|source| Error::Io {
            action: "read",
            path: path.clone(),
            source,
        })?;
        let about: IndexAbout =
            serde_json::from_str(&text).map_err(|source| Error::Json { path, source })?;
        let bad = |why: String| Error::BadIndex {
            path: folder.to_path_buf(),
            why,
        };
        if about.schema_version != SCHEMA_VERSION {
            return Err(bad(format!(
                "it has schema version {}, this program reads {SCHEMA_VERSION}",
                about.schema_version
            )));
        }
        let index = VectorIndex::load(&folder.join(ATTRIBUTES_FAISS))?;
        let attributes: Vec<IndexedAttribute> = read_all(&folder.join(ATTRIBUTES_PARQUET))?;
        if index.dimension() != about.dimension {
            return Err(bad(format!(
                "{ATTRIBUTES_FAISS} has dimension {}, {INDEX_JSON} says {}",
                index.dimension(),
                about.dimension
            )));
        }
        if index.rows() != attributes.len() || about.attributes != attributes.len() {
            return Err(bad(format!(
                "{ATTRIBUTES_FAISS} has {} rows, {ATTRIBUTES_PARQUET} {}, {INDEX_JSON} says {}",
                index.rows(),
                attributes.len(),
                about.attributes
            )));
        }
        if about
            .passages
            .as_ref()
            .is_some_and(|wanted| *wanted != digest(&attributes))
        {
            return Err(bad(format!(
                "{ATTRIBUTES_PARQUET} does not hold the passages that {INDEX_JSON} was written for"
            )));
        }
        let ids = attributes.iter().map(|row| row.faiss_id).collect();
        let index = index.with_ids(ids).map_err(|source| {
            bad(format!(
                "{ATTRIBUTES_PARQUET} and {ATTRIBUTES_FAISS} differ in faiss_id: {source}"
            ))
        })?;
        Self::new(about, attributes, index)
    }

    /// What the index was made from, and how.
    pub fn about(&self) -> &IndexAbout {
        &self.about
    }

    /// The attributes, by row.
    pub fn attributes(&self) -> &[IndexedAttribute] {
        &self.attributes
    }

    /// The vector index.
    pub fn vectors(&self) -> &VectorIndex {
        &self.index
    }

    /// The row of an attribute.
    pub fn row(&self, attribute_id: &str) -> Option<u32> {
        self.rows.get(attribute_id).copied()
    }

    /// Refuses a model that did not make this index.
    ///
    /// # Errors
    /// [`Error::ForeignIndex`].
    pub fn check_model(&self, embedder: &dyn QueryEmbedder) -> Result<()> {
        if self.about.model == embedder.fingerprint()
            && self.about.dimension == embedder.dimension()
        {
            return Ok(());
        }
        Err(Error::ForeignIndex {
            of_index: format!("{} ({} numbers)", self.about.model, self.about.dimension),
            of_model: format!(
                "{} ({} numbers)",
                embedder.fingerprint(),
                embedder.dimension()
            ),
        })
    }

    /// Refuses definitions or a template that this index was not made from. The order does not matter.
    ///
    /// # Errors
    /// [`Error::StaleIndex`] names the first difference.
    pub fn check_definitions(
        &self,
        definitions: &[Definition],
        template: &PassageTemplate,
    ) -> Result<()> {
        let stale = |difference| Err(Error::StaleIndex { difference });
        for definition in definitions {
            let id = &definition.attribute_id;
            let Some(row) = self.row(id) else {
                return stale(format!("attribute `{id}` is not in it"));
            };
            let passage = &self.attributes[row as usize].passage;
            let wanted = template.render(definition);
            if *passage != wanted {
                return stale(format!(
                    "attribute `{id}` has passage \"{passage}\" in it, not \"{wanted}\""
                ));
            }
        }
        if definitions.len() != self.attributes.len() {
            return stale(format!(
                "it holds {} attributes, and there are {} definitions",
                self.attributes.len(),
                definitions.len()
            ));
        }
        Ok(())
    }

    /// The row's place in the byte order of attribute ids.
    pub(crate) fn order(&self, row: u32) -> u32 {
        self.order[row as usize]
    }

    pub(crate) fn new(
        about: IndexAbout,
        attributes: Vec<IndexedAttribute>,
        index: VectorIndex,
    ) -> Result<Self> {
        let mut rows = HashMap::with_capacity(attributes.len());
        for (row, attribute) in (0u32..).zip(&attributes) {
            if rows.insert(attribute.attribute_id.clone(), row).is_some() {
                return Err(Error::DuplicateAttribute {
                    attribute: attribute.attribute_id.clone(),
                });
            }
        }
        let mut by_id: Vec<usize> = (0..attributes.len()).collect();
        by_id.sort_by(|a, b| {
            attributes[*a]
                .attribute_id
                .cmp(&attributes[*b].attribute_id)
        });
        let mut order = vec![0; attributes.len()];
        for (place, row) in (0u32..).zip(by_id) {
            order[row] = place;
        }
        Ok(Self {
            about,
            attributes,
            index,
            rows,
            order,
        })
    }
}

/// BLAKE3 over ids and passages, by row.
fn digest(attributes: &[IndexedAttribute]) -> String {
    let mut hasher = blake3::Hasher::new();
    for attribute in attributes {
        hasher.update(&attribute.faiss_id.to_le_bytes());
        for text in [&attribute.attribute_id, &attribute.passage] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
    }
    hasher.finalize().to_hex().to_string()
}

/// Refuses embeddings of another shape, with numbers that are not finite, or not of length 1 (within 0.01: a model in
/// half precision is not more exact).
pub(crate) fn check_embeddings(
    doing: &'static str,
    texts: &[&str],
    dimension: usize,
    values: &[f32],
) -> Result<()> {
    let expected = texts.len() * dimension;
    if values.len() != expected {
        let found = values.len();
        return Err(Error::ModelShape {
            doing,
            found,
            expected,
        });
    }
    for (text, vector) in texts.iter().zip(values.chunks(dimension.max(1))) {
        if let Some(&value) = vector.iter().find(|value| !value.is_finite()) {
            let text = (*text).to_owned();
            return Err(Error::ModelValue { value, text });
        }
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        if (length - 1.0).abs() > 0.01 {
            let text = (*text).to_owned();
            return Err(Error::NotNormalized { text, length });
        }
    }
    Ok(())
}
