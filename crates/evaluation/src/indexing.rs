//! Definitions to an index over their passages, and an index to one over changed definitions.

use std::collections::BTreeMap;

use jobmatch_records::{Definition, IndexedAttribute, PassageTemplate};
use jobmatch_retrieval::{FLAT, VectorIndex};
use serde::Serialize;

use crate::models::{Progress, QueryEmbedder, Step};
use crate::passages::{CHUNK, IndexAbout, PassageIndex, check_embeddings};
use crate::{Error, Result};

/// The passages of definitions and their vectors, in byte order of the attribute ids.
#[derive(Debug)]
pub struct EmbeddedPassages {
    /// Of the exact index over them.
    about: IndexAbout,
    attributes: Vec<IndexedAttribute>,
    /// Attributes × dimension, row-major.
    vectors: Vec<f32>,
}

/// What [`PassageIndex::update`] did, in attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Updated {
    /// Same id and same passage as before: the vector was kept.
    pub kept: usize,
    /// New, or with another passage than before: embedded.
    pub embedded: usize,
    /// No longer defined.
    pub removed: usize,
}

impl EmbeddedPassages {
    /// Embeds every definition's passage.
    ///
    /// # Errors
    /// No definitions, one id twice, an empty passage, a model that fails or gives vectors that are not of length 1.
    pub fn embed(
        definitions: &[Definition],
        template: &PassageTemplate,
        embedder: &dyn QueryEmbedder,
        progress: Progress<'_>,
    ) -> Result<Self> {
        let attributes = indexed(definitions, template)?;
        let vectors = embed(attributes.iter(), embedder, progress)?;
        Ok(Self {
            about: IndexAbout::new(embedder, FLAT, template, &attributes),
            attributes,
            vectors,
        })
    }

    /// Indexes the vectors by a FAISS factory string ([`VectorIndex::build`]).
    ///
    /// # Errors
    /// A factory string that FAISS refuses.
    pub fn index(&self, factory: &str) -> Result<PassageIndex> {
        let index = VectorIndex::build(self.about.dimension, factory, &self.vectors)?;
        let about = IndexAbout {
            factory: factory.to_owned(),
            ..self.about.clone()
        };
        PassageIndex::new(about, self.attributes.clone(), index)
    }

    /// Recall at each of `ks` of an index over these passages, against the exact index over the same vectors
    /// ([`VectorIndex::recall_against`]). The queries are a sample of at most `sample` of the passages, drawn by `seed` and
    /// embedded as queries.
    ///
    /// # Errors
    /// An index over other passages, a sample of none, a `k` of zero, a model that fails.
    pub fn recall(
        &self,
        index: &PassageIndex,
        embedder: &dyn QueryEmbedder,
        sample: usize,
        seed: u64,
        ks: &[usize],
    ) -> Result<BTreeMap<usize, f64>> {
        let mut drawn: Vec<&IndexedAttribute> = self.attributes.iter().collect();
        drawn.sort_by_cached_key(|attribute| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(&seed.to_le_bytes());
            hasher.update(attribute.attribute_id.as_bytes());
            *hasher.finalize().as_bytes()
        });
        drawn.truncate(sample);
        let texts: Vec<&str> = drawn.iter().map(|row| row.passage.as_str()).collect();
        let doing = "embedding queries";
        let queries = embedder
            .embed_queries(&texts, &mut |_| {})
            .map_err(|source| Error::Model { doing, source })?;
        check_embeddings(doing, &texts, embedder.dimension(), &queries)?;
        let exact = VectorIndex::build(
            embedder.dimension(),
            jobmatch_retrieval::FLAT,
            &self.vectors,
        )?;
        let recall = index.vectors().recall_against(&exact, &queries, ks)?;
        Ok(ks.iter().copied().zip(recall).collect())
    }
}

impl PassageIndex {
    /// Embeds every definition's passage and indexes the vectors, in byte order of the attribute ids: the order in which
    /// definitions are given changes nothing.
    ///
    /// # Errors
    /// What [`EmbeddedPassages::embed`] and [`EmbeddedPassages::index`] refuse.
    pub fn build(
        definitions: &[Definition],
        template: &PassageTemplate,
        embedder: &dyn QueryEmbedder,
        factory: &str,
        progress: Progress<'_>,
    ) -> Result<Self> {
        EmbeddedPassages::embed(definitions, template, embedder, progress)?.index(factory)
    }

    /// The index over these definitions out of this one: only passages that are new or changed are embedded, and what is
    /// no longer defined goes. A passage is kept when its attribute has the same id and the same text, so another
    /// template is allowed, and most often means that everything is embedded.
    ///
    /// An exact index is to the byte the one that [`PassageIndex::build`] makes, as far as the model gives a text the same
    /// vector in any company. In other kinds what came goes behind what stayed, and the cells and codes that were learnt
    /// from the first passages stay as they are: build anew when much has changed. Where nothing can be kept, every kind
    /// is built anew.
    ///
    /// # Errors
    /// Another model than the index's ([`Error::ForeignIndex`]), attributes that go or change in a kind of index that
    /// cannot lose rows (HNSW), and what [`PassageIndex::build`] refuses.
    pub fn update(
        mut self,
        definitions: &[Definition],
        template: &PassageTemplate,
        embedder: &dyn QueryEmbedder,
        progress: Progress<'_>,
    ) -> Result<(Self, Updated)> {
        self.check_model(embedder)?;
        let mut attributes = indexed(definitions, template)?;
        let old_row = |new: &IndexedAttribute| {
            let row = self.row(&new.attribute_id)? as usize;
            (self.attributes[row].passage == new.passage).then_some(row)
        };
        let old_rows: Vec<Option<usize>> = attributes.iter().map(old_row).collect();
        let kept = old_rows.iter().flatten().count();
        let defined = attributes
            .iter()
            .filter(|new| self.row(&new.attribute_id).is_some());
        let updated = Updated {
            kept,
            embedded: attributes.len() - kept,
            removed: self.attributes.len() - defined.count(),
        };
        let dimension = embedder.dimension();
        let factory = self.about.factory.clone();
        let fresh = |rows: &[IndexedAttribute], progress: Progress<'_>| {
            let new = rows.iter().zip(&old_rows).filter(|(_, old)| old.is_none());
            embed(new.map(|(row, _)| row), embedder, progress)
        };

        if self.index.is_exact() || kept == 0 {
            let new = fresh(&attributes, progress)?;
            let old = self.index.vectors().unwrap_or_default();
            let mut new = new.chunks_exact(dimension);
            let mut vectors = Vec::with_capacity(attributes.len() * dimension);
            for row in &old_rows {
                let vector = match row {
                    Some(row) => Some(&old[row * dimension..][..dimension]),
                    None => new.next(),
                };
                vectors.extend_from_slice(vector.unwrap_or_default());
            }
            let all = EmbeddedPassages {
                about: IndexAbout::new(embedder, FLAT, template, &attributes),
                attributes,
                vectors,
            };
            return Ok((all.index(&factory)?, updated));
        }

        let mut stays = vec![false; self.attributes.len()];
        old_rows.iter().flatten().for_each(|&row| stays[row] = true);
        let gone: Vec<usize> = (0..stays.len()).filter(|row| !stays[*row]).collect();
        self.index.remove(&gone)?;
        self.index.add(&fresh(&attributes, progress)?)?;
        // As the index now has them: what stayed in its order, then what came.
        let mut places: Vec<usize> = (0..attributes.len()).collect();
        places.sort_by_key(|place| old_rows[*place].map_or((1, *place), |row| (0, row)));
        let mut rows = Vec::with_capacity(places.len());
        for (row, place) in places.into_iter().enumerate() {
            let mut attribute = attributes[place].clone();
            attribute.faiss_id = self.index.id(row);
            rows.push(attribute);
        }
        attributes = rows;
        let about = IndexAbout::new(embedder, &factory, template, &attributes);
        Ok((Self::new(about, attributes, self.index)?, updated))
    }
}

/// The passages' vectors, one after the other.
fn embed<'a>(
    attributes: impl Iterator<Item = &'a IndexedAttribute>,
    embedder: &dyn QueryEmbedder,
    progress: Progress<'_>,
) -> Result<Vec<f32>> {
    let passages: Vec<&str> = attributes.map(|row| row.passage.as_str()).collect();
    let dimension = embedder.dimension();
    let mut vectors = Vec::with_capacity(passages.len() * dimension);
    progress(Step::EmbedPassages, 0, passages.len());
    for (number, chunk) in passages.chunks(CHUNK).enumerate() {
        let mut heard = |done| progress(Step::EmbedPassages, number * CHUNK + done, passages.len());
        let doing = "embedding passages";
        let embedded = embedder
            .embed_passages(chunk, &mut heard)
            .map_err(|source| Error::Model { doing, source })?;
        check_embeddings(doing, chunk, dimension, &embedded)?;
        vectors.extend(embedded);
    }
    Ok(vectors)
}

/// The definitions' rows in an index, in byte order of their ids.
fn indexed(
    definitions: &[Definition],
    template: &PassageTemplate,
) -> Result<Vec<IndexedAttribute>> {
    if definitions.is_empty() {
        return Err(Error::NoDefinitions);
    }
    let mut sorted: Vec<&Definition> = definitions.iter().collect();
    sorted.sort_by(|a, b| a.attribute_id.cmp(&b.attribute_id));
    if let Some(twice) = sorted
        .windows(2)
        .find(|pair| pair[0].attribute_id == pair[1].attribute_id)
    {
        return Err(Error::DuplicateAttribute {
            attribute: twice[0].attribute_id.clone(),
        });
    }
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
