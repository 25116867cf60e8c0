//! What a bi-encoder is trained and evaluated on, read from a data set's folder.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use jobmatch_records::{Definition, Pair, PairSource, PassageTemplate, Positive, read_shards};
use jobmatch_training::{Cursor, CursorConfig, Plan, Position};

use crate::spread::spread;
use crate::{BiEncoderConfig, Error, KnownPositives, Result};

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
    /// Hard negatives, the hardest first.
    pub negatives: Vec<Negative>,
}

/// A passage that is wrong for an example's query, and that a model took for right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negative {
    /// The passage's attribute.
    pub attribute_id: String,
    /// The passage's text, without a prompt.
    pub passage: String,
}

impl Example {
    /// An example whose digest is that of `query`, without hard negatives.
    pub fn new(job_id: &str, query: &str, attribute_id: &str, passage: &str) -> Self {
        Self {
            job_id: job_id.to_owned(),
            text_digest: blake3::hash(query.as_bytes()).to_hex().to_string(),
            attribute_id: attribute_id.to_owned(),
            query: query.to_owned(),
            passage: passage.to_owned(),
            negatives: Vec::new(),
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
    /// One passage per attribute that is searched, in the order of the definitions.
    pub passages: Vec<String>,
}

/// Batches that are read at once, so that rows of one passage can be put into different ones.
const GROUP: usize = 16;

/// Consecutive batches of an epoch.
#[derive(Debug)]
struct Group {
    begins: Position,
    size: usize,
    batches: Vec<Vec<Pair>>,
}

/// A data set's folder as the bi-encoder sees it: positives, and hard negatives where they are asked for.
#[derive(Debug)]
pub struct TrainingData {
    /// Training positives, in the order of the training.
    rows: Cursor<Pair>,
    /// The batches around the one that was asked for last.
    group: Option<Group>,
    /// Each attribute's passage.
    passages: HashMap<String, String>,
    /// The attributes that a model took for right, by the pair that is.
    hard_negatives: HashMap<u64, Vec<String>>,
    /// What must not be taken for a negative.
    pub known: KnownPositives,
    /// Dev queries from the dev sample.
    pub dev: DevSet,
}

impl TrainingData {
    /// Opens the positives of `folder` (`train/`, `dev_sample/`, `positives/`), whose order in the training follows from
    /// `seed`. Passages are written by `template` from `definitions`. How many hard negatives, dev queries and dev
    /// passages are kept stands in `config`. The training positives stay on the disk.
    ///
    /// # Errors
    /// When a file cannot be read, names an attribute that has no definition, or holds fewer than two positives.
    pub fn open(
        folder: &Path,
        definitions: &[Definition],
        template: &PassageTemplate,
        config: &BiEncoderConfig,
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
            return Err(Error::unknown_attribute(
                &unknown.job_id,
                &unknown.attribute_id,
            ));
        }

        let order = CursorConfig {
            positives_only: true,
            ..CursorConfig::default()
        };
        let too_few = |found| Error::TooFewPositives {
            folder: folder.to_path_buf(),
            found,
        };
        let rows = match Cursor::open(&folder.join("train"), order, seed) {
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
                .ok_or_else(|| Error::unknown_attribute(&pair.job_id, &pair.attribute_id))?;
            if !relevant_by_query.contains_key(&pair.text) {
                if queries.len() == config.evaluate_queries {
                    continue;
                }
                queries.push(pair.text.clone());
            }
            relevant_by_query.entry(pair.text).or_default().push(*row);
        }
        let relevant: Vec<Vec<usize>> = queries
            .iter()
            .map(|query| relevant_by_query.remove(query).unwrap_or_default())
            .collect();
        let dev = dev_set(queries, relevant, &texts, config.evaluate_passages);
        let hard_negatives = hard_negatives(folder, config.hard_negatives, &row_of)?;
        let ids = definitions.iter().map(|d| d.attribute_id.clone());
        Ok(Self {
            rows,
            group: None,
            passages: ids.zip(texts).collect(),
            hard_negatives,
            known: KnownPositives::new(positives),
            dev,
        })
    }

    /// Training positives in all.
    pub fn examples(&self) -> u64 {
        self.rows.rows()
    }

    /// The steps of a training on them.
    ///
    /// # Errors
    /// When a batch has no row.
    pub fn plan(&self, config: &BiEncoderConfig) -> Result<Plan> {
        let (epochs, max_steps) = (config.epochs, config.max_steps);
        let plan = Plan::new(&self.rows, config.batch_size, epochs, max_steps, true)?;
        Ok(plan)
    }

    /// The `size` examples of the batch at `position` of the plan: the same for the same data, seed and size, whatever was
    /// asked for before.
    ///
    /// # Errors
    /// When the training positives cannot be read, or one names an attribute that has no definition.
    pub fn batch(&mut self, position: Position, size: usize) -> Result<Vec<Example>> {
        let rows_of_group = size.saturating_mul(GROUP).max(1) as u64;
        let begins = Position {
            row: position.row / rows_of_group * rows_of_group,
            ..position
        };
        let group = match self.group.take() {
            Some(group) if group.begins == begins && group.size == size => group,
            _ => {
                self.rows.seek(begins)?;
                let mut pairs = self.rows.next_batch(size.saturating_mul(GROUP))?;
                // What does not fill a batch is left out, unless it is all there is.
                if pairs.len() > size {
                    pairs.truncate(pairs.len() / size * size);
                }
                Group {
                    begins,
                    size,
                    batches: spread(pairs, size, |pair| &pair.attribute_id),
                }
            }
        };
        let number = usize::try_from(position.row - begins.row).unwrap_or(0) / size.max(1);
        let pairs = group.batches.get(number);
        let examples = pairs.into_iter().flatten().map(|pair| self.example(pair));
        let examples = examples.collect();
        self.group = Some(group);
        examples
    }

    fn example(&self, pair: &Pair) -> Result<Example> {
        let passage = |attribute_id: &str| {
            let passage = self.passages.get(attribute_id);
            passage.ok_or_else(|| Error::unknown_attribute(&pair.job_id, attribute_id))
        };
        let id = &pair.attribute_id;
        let mut example = Example::new(&pair.job_id, &pair.text, id, passage(id)?);
        let hard = self.hard_negatives.get(&pair.pair_id);
        for attribute_id in hard.into_iter().flatten() {
            example.negatives.push(Negative {
                attribute_id: attribute_id.clone(),
                passage: passage(attribute_id)?.clone(),
            });
        }
        Ok(example)
    }
}

/// The first `most` hard negatives of each positive, in the order of the files.
fn hard_negatives(
    folder: &Path,
    most: usize,
    definitions: &HashMap<&str, usize>,
) -> Result<HashMap<u64, Vec<String>>> {
    let mut found: HashMap<u64, Vec<String>> = HashMap::new();
    if most == 0 {
        return Ok(found);
    }
    for pair in read_shards::<Pair>(&folder.join("train"), "part")? {
        let pair = pair?;
        let (PairSource::Hard, Some(positive)) = (pair.source, pair.positive_id) else {
            continue;
        };
        if !definitions.contains_key(pair.attribute_id.as_str()) {
            return Err(Error::unknown_attribute(&pair.job_id, &pair.attribute_id));
        }
        let negatives = found.entry(positive).or_default();
        if negatives.len() < most {
            negatives.push(pair.attribute_id);
        }
    }
    if found.is_empty() {
        return Err(Error::NoHardNegatives {
            folder: folder.to_path_buf(),
            asked: most,
        });
    }
    Ok(found)
}

/// The dev set with at most `most` of the definitions' passages (more where more are right for a query): those that are
/// right for a query, and the first others.
fn dev_set(
    queries: Vec<String>,
    relevant: Vec<Vec<usize>>,
    passages: &[String],
    most: usize,
) -> DevSet {
    let right: BTreeSet<usize> = relevant.iter().flatten().copied().collect();
    let mut others = most.saturating_sub(right.len());
    let mut new_row = HashMap::new();
    let mut kept = Vec::new();
    for (row, passage) in passages.iter().enumerate() {
        if !right.contains(&row) {
            if others == 0 {
                continue;
            }
            others -= 1;
        }
        new_row.insert(row, kept.len());
        kept.push(passage.clone());
    }
    let renumber = |rows: Vec<usize>| rows.iter().map(|row| new_row[row]).collect();
    DevSet {
        queries,
        relevant: relevant.into_iter().map(renumber).collect(),
        passages: kept,
    }
}
