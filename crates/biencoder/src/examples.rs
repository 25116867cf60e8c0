//! What a bi-encoder is trained and evaluated on, read from a data set's folder.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use jobmatch_records::{Definition, Pair, PassageTemplate, Positive, read_shards};

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
    /// Training positives, in the order of the data set.
    pub examples: Vec<Example>,
    /// What must not be taken for a negative.
    pub known: KnownPositives,
    /// Dev queries from the dev sample.
    pub dev: DevSet,
}

impl TrainingData {
    /// Reads the positives of `folder` (`train/`, `dev_sample/`, `positives/`). Passages are written by
    /// `template` from `definitions`. At most `dev_queries` dev queries are kept, the first.
    ///
    /// # Errors
    /// When a file cannot be read, names an attribute that has no definition, or holds fewer than two positives.
    pub fn read(
        folder: &Path,
        definitions: &[Definition],
        template: &PassageTemplate,
        dev_queries: usize,
    ) -> Result<Self> {
        let rows: HashMap<&str, usize> = definitions
            .iter()
            .enumerate()
            .map(|(row, definition)| (definition.attribute_id.as_str(), row))
            .collect();
        let passages: Vec<String> = definitions.iter().map(|d| template.render(d)).collect();
        let row_of = |pair: &Pair| {
            rows.get(pair.attribute_id.as_str())
                .copied()
                .ok_or_else(|| Error::UnknownAttribute {
                    folder: folder.to_path_buf(),
                    pair_id: pair.pair_id,
                    attribute_id: pair.attribute_id.clone(),
                })
        };

        let mut examples = Vec::new();
        for pair in positives(folder, "train")? {
            let passage = &passages[row_of(&pair)?];
            examples.push(Example::new(
                &pair.job_id,
                &pair.text,
                &pair.attribute_id,
                passage,
            ));
        }
        if examples.len() < 2 {
            return Err(Error::TooFewPositives {
                folder: folder.to_path_buf(),
                found: examples.len(),
            });
        }

        let mut relevant_by_query: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut queries = Vec::new();
        for pair in positives(folder, "dev_sample")? {
            let row = row_of(&pair)?;
            if !relevant_by_query.contains_key(&pair.text) {
                if queries.len() == dev_queries {
                    continue;
                }
                queries.push(pair.text.clone());
            }
            relevant_by_query.entry(pair.text).or_default().push(row);
        }
        let relevant = queries
            .iter()
            .map(|query| relevant_by_query.remove(query).unwrap_or_default())
            .collect();
        let known = read_shards::<Positive>(&folder.join("positives"), "part")?;
        let known = KnownPositives::new(known.collect::<std::result::Result<Vec<_>, _>>()?);
        Ok(Self {
            examples,
            known,
            dev: DevSet {
                queries,
                relevant,
                passages,
            },
        })
    }
}

fn positives(folder: &Path, part: &str) -> Result<Vec<Pair>> {
    let mut kept = Vec::new();
    for pair in read_shards::<Pair>(&folder.join(part), "part")? {
        let pair = pair?;
        if pair.label > 0.5 {
            kept.push(pair);
        }
    }
    Ok(kept)
}
