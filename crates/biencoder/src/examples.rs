//! What a bi-encoder is trained and evaluated on, read from a data set's folder.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use jobmatch_records::{Definition, Pair, PassageTemplate, Positive, read_shards};
use jobmatch_training::{Cursor, CursorConfig, Position};

use crate::{Error, KnownPositives, Result};

/// One positive: a query and the passage that is right for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The job that the query comes from.
    pub job_id: String,
    /// BLAKE3 of the query's text, in hexadecimal: how `positives/` names it.
    pub text_digest: String,
    /// The passage's attribute.
    pub attribute_id: String,
    /// The query's text, without a prompt.
    pub query: String,
    /// The passage's text, without a prompt.
    pub passage: String,
}

impl Example {
    /// An example whose digest is that of `query`.
    pub fn new(job_id: &str, query: &str, attribute_id: &str, passage: &str) -> Self {
        Self {
            job_id: job_id.to_owned(),
            text_digest: blake3::hash(query.as_bytes()).to_hex().to_string(),
            attribute_id: attribute_id.to_owned(),
            query: query.to_owned(),
            passage: passage.to_owned(),
        }
    }
}

/// Queries with the passages that are right for them, among all passages.
#[derive(Debug, Default)]
pub struct DevSet {
    /// Distinct query texts.
    pub queries: Vec<String>,
    /// For each query, the rows of `passages` that are right; never empty.
    pub relevant: Vec<Vec<usize>>,
    /// One passage per attribute, in the order of the definitions.
    pub passages: Vec<String>,
}

/// A data set's folder as the bi-encoder sees it: positives only.
#[derive(Debug)]
pub struct TrainingData {
    folder: PathBuf,
    /// Training positives, in the order of the training.
    pub(crate) rows: Cursor<Pair>,
    /// Each attribute's passage.
    passages: HashMap<String, String>,
    /// What must not be taken for a negative.
    pub known: KnownPositives,
    /// Dev queries from the dev sample.
    pub dev: DevSet,
}

impl TrainingData {
    /// Opens the positives of `folder` (`train/`, `dev_sample/`, `positives/`), whose order in the training follows from
    /// `seed`. Passages are written by `template` from `definitions`. At most `dev_queries` dev queries are kept, the
    /// first. The training positives stay on the disk.
    ///
    /// # Errors
    /// When a file cannot be read, names an attribute that has no definition, or holds fewer than two positives.
    pub fn open(
        folder: &Path,
        definitions: &[Definition],
        template: &PassageTemplate,
        dev_queries: usize,
        seed: u64,
    ) -> Result<Self> {
        let texts: Vec<String> = definitions.iter().map(|d| template.render(d)).collect();
        let row_of: HashMap<&str, usize> = definitions
            .iter()
            .enumerate()
            .map(|(row, definition)| (definition.attribute_id.as_str(), row))
            .collect();
        let positives = read_shards::<Positive>(&folder.join("positives"), "part")?;
        let positives = positives.collect::<std::result::Result<Vec<_>, _>>()?;
        // Every positive of train and dev is among them.
        if let Some(unknown) = positives
            .iter()
            .find(|positive| !row_of.contains_key(positive.attribute_id.as_str()))
        {
            return Err(unknown_attribute(
                folder,
                &unknown.job_id,
                &unknown.attribute_id,
            ));
        }

        let config = CursorConfig {
            positives_only: true,
            ..CursorConfig::default()
        };
        let too_few = |found| Error::TooFewPositives {
            folder: folder.to_path_buf(),
            found,
        };
        let rows = match Cursor::open(&folder.join("train"), config, seed) {
            Err(jobmatch_training::Error::NoRows { .. }) => return Err(too_few(0)),
            opened => opened?,
        };
        if rows.rows() < 2 {
            return Err(too_few(rows.rows()));
        }

        let mut relevant_by_query: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut queries = Vec::new();
        for pair in read_shards::<Pair>(&folder.join("dev_sample"), "part")? {
            let pair = pair?;
            if pair.label <= 0.5 {
                continue;
            }
            let row = row_of
                .get(pair.attribute_id.as_str())
                .ok_or_else(|| unknown_attribute(folder, &pair.job_id, &pair.attribute_id))?;
            if !relevant_by_query.contains_key(&pair.text) {
                if queries.len() == dev_queries {
                    continue;
                }
                queries.push(pair.text.clone());
            }
            relevant_by_query.entry(pair.text).or_default().push(*row);
        }
        let relevant = queries
            .iter()
            .map(|query| relevant_by_query.remove(query).unwrap_or_default())
            .collect();
        let ids = definitions.iter().map(|d| d.attribute_id.clone());
        Ok(Self {
            folder: folder.to_path_buf(),
            rows,
            passages: ids.zip(texts.iter().cloned()).collect(),
            known: KnownPositives::new(positives),
            dev: DevSet {
                queries,
                relevant,
                passages: texts,
            },
        })
    }

    /// Training positives in all.
    pub fn examples(&self) -> u64 {
        self.rows.rows()
    }

    /// The examples of the batch at `position`.
    pub(crate) fn batch(&mut self, position: Position, size: usize) -> Result<Vec<Example>> {
        self.rows.seek(position)?;
        let pairs = self.rows.next_batch(size)?;
        let example = |pair: Pair| {
            let passage = self
                .passages
                .get(&pair.attribute_id)
                .ok_or_else(|| unknown_attribute(&self.folder, &pair.job_id, &pair.attribute_id))?;
            Ok(Example::new(
                &pair.job_id,
                &pair.text,
                &pair.attribute_id,
                passage,
            ))
        };
        pairs.into_iter().map(example).collect()
    }
}

fn unknown_attribute(folder: &Path, job_id: &str, attribute_id: &str) -> Error {
    Error::UnknownAttribute {
        folder: folder.to_path_buf(),
        job_id: job_id.to_owned(),
        attribute_id: attribute_id.to_owned(),
    }
}
