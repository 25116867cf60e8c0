//! Attributes as passages, embedded and indexed: what retrieval searches, in a folder of its own.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use jobmatch_records::{Definition, IndexedAttribute, ParquetWriter, PassageTemplate, read_all};
use jobmatch_retrieval::VectorIndex;
use serde::{Deserialize, Serialize};

use crate::models::{Progress, QueryEmbedder, Step};
use crate::{Error, Result};

/// FAISS's own format; row `i` is the row `i` of [`ATTRIBUTES_PARQUET`].
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
}

const SCHEMA_VERSION: u32 = 1;

/// The attributes, their passages and the vector index over them.
#[derive(Debug)]
pub struct PassageIndex {
    about: IndexAbout,
    attributes: Vec<IndexedAttribute>,
    index: VectorIndex,
    rows: HashMap<String, u32>,
    /// Each row's place in the byte order of attribute ids, which is how measures number documents.
    order: Vec<u32>,
}

impl PassageIndex {
    /// Embeds every definition's passage and indexes the vectors, in byte order of the attribute ids: the order in which
    /// definitions are given changes nothing.
    ///
    /// # Errors
    /// No definitions, one id twice, an empty passage, a model that fails or gives vectors that are not of length 1,
    /// a factory string that FAISS refuses.
    pub fn build(
        definitions: &[Definition],
        template: &PassageTemplate,
        embedder: &dyn QueryEmbedder,
        factory: &str,
        progress: Progress<'_>,
    ) -> Result<Self> {
        if definitions.is_empty() {
            return Err(Error::NoDefinitions);
        }
        let attributes = indexed(definitions, template)?;
        let passages: Vec<&str> = attributes.iter().map(|row| row.passage.as_str()).collect();
        let dimension = embedder.dimension();
        let mut vectors = Vec::with_capacity(passages.len() * dimension);
        progress(Step::EmbedPassages, 0, passages.len());
        for (number, chunk) in passages.chunks(CHUNK).enumerate() {
            let mut heard =
                |done| progress(Step::EmbedPassages, number * CHUNK + done, passages.len());
            let doing = "embedding passages";
            let embedded = embedder
                .embed_passages(chunk, &mut heard)
                .map_err(|source| Error::Model { doing, source })?;
            check_embeddings(doing, chunk, dimension, &embedded)?;
            vectors.extend(embedded);
        }
        let index = VectorIndex::build(dimension, factory, &vectors)?;
        let about = IndexAbout {
            schema_version: SCHEMA_VERSION,
            model: embedder.fingerprint().to_owned(),
            factory: factory.to_owned(),
            template: template.clone(),
            dimension,
            attributes: attributes.len(),
        };
        Self::new(about, attributes, index)
    }

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
        if let Some(row) = (0u64..)
            .zip(&attributes)
            .find(|(row, attribute)| attribute.faiss_id != *row)
        {
            return Err(bad(format!(
                "row {} of {ATTRIBUTES_PARQUET} has faiss_id {}",
                row.0, row.1.faiss_id
            )));
        }
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

    fn new(
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

fn indexed(
    definitions: &[Definition],
    template: &PassageTemplate,
) -> Result<Vec<IndexedAttribute>> {
    let mut sorted: Vec<&Definition> = definitions.iter().collect();
    sorted.sort_by(|a, b| a.attribute_id.cmp(&b.attribute_id));
    (0u64..)
        .zip(sorted)
        .map(|(faiss_id, definition)| {
            let passage = template.render(definition);
            if passage.trim().is_empty() {
                return Err(Error::EmptyPassage {
                    attribute: definition.attribute_id.clone(),
                    template: template.to_string(),
                });
            }
            Ok(IndexedAttribute {
                faiss_id,
                attribute_id: definition.attribute_id.clone(),
                name: definition.name.clone(),
                passage,
            })
        })
        .collect()
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
