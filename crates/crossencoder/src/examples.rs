//! What a cross-encoder is trained and evaluated on, read from a data set's folder.

use std::path::Path;

use jobmatch_records::{Blocks, Pair, read_shards};
use jobmatch_training::{Cursor, CursorConfig, Position};

use crate::{Error, Result};

/// A (text, passage) pair and how right it is.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledPair {
    /// A job's sentence, or a whole job.
    pub text: String,
    /// An attribute's text.
    pub passage: String,
    /// 1 when the passage is right, 0 when it is not, or between.
    pub label: f32,
}

/// A data set's folder as the cross-encoder sees it: positives and negatives.
#[derive(Debug)]
pub struct TrainingData {
    /// Training pairs, in the order of the training.
    pub(crate) rows: Cursor<Pair>,
    /// The sum of their labels.
    labels: f64,
    /// Dev pairs, from the dev sample.
    pub dev: Vec<LabelledPair>,
}

impl TrainingData {
    /// Opens `train/` and reads `dev_sample/` of `folder`; the order of the training pairs follows from `seed`. They stay
    /// on the disk, but for a look at all labels.
    ///
    /// # Errors
    /// When a file cannot be read, a label is out of range, or the training pairs are all of one kind.
    pub fn open(folder: &Path, seed: u64) -> Result<Self> {
        let train = folder.join("train");
        let labels = read_labels(&train)?;
        let positives = labels.iter().filter(|label| **label > 0.5).count();
        let negatives = labels.len() - positives;
        if positives == 0 || negatives == 0 {
            return Err(Error::OneLabelOnly {
                folder: folder.to_path_buf(),
                positives,
                negatives,
            });
        }
        Ok(Self {
            rows: Cursor::open(&train, CursorConfig::default(), seed)?,
            labels: labels.iter().map(|label| f64::from(*label)).sum(),
            dev: read_pairs(folder, "dev_sample")?,
        })
    }

    /// Training pairs in all.
    pub fn pairs(&self) -> u64 {
        self.rows.rows()
    }

    /// The pairs of the batch at `position`.
    pub(crate) fn batch(&mut self, position: Position, size: usize) -> Result<Vec<LabelledPair>> {
        self.rows.seek(position)?;
        let pairs = self.rows.next_batch(size)?;
        Ok(pairs.into_iter().map(LabelledPair::from).collect())
    }

    /// Sum of what is missing to label 1, per sum of labels: negatives per positive for hard labels.
    pub(crate) fn negatives_per_positive(&self) -> f64 {
        (self.pairs() as f64 - self.labels) / self.labels
    }
}

impl From<Pair> for LabelledPair {
    fn from(pair: Pair) -> Self {
        Self {
            text: pair.text,
            passage: pair.passage,
            label: pair.label,
        }
    }
}

/// The labels of all pairs of a folder, each in [0, 1].
fn read_labels(folder: &Path) -> Result<Vec<f32>> {
    let blocks = Blocks::<Pair>::open(folder, "part")?;
    let mut reader = blocks.reader();
    let mut labels = Vec::new();
    for (number, group) in blocks.groups().iter().enumerate() {
        let found = reader.floats(number, "label")?;
        if let Some(row) = found.iter().position(|label| !(0.0..=1.0).contains(label)) {
            let reason = format!(
                "its label is {}; labels lie from 0 to 1: correct the labels and make the data set again",
                found[row]
            );
            // Rows of a group are counted by u32.
            return Err(blocks.bad_row(group, row as u32, reason).into());
        }
        labels.extend(found);
    }
    Ok(labels)
}

fn read_pairs(folder: &Path, part: &str) -> Result<Vec<LabelledPair>> {
    let mut pairs = Vec::new();
    for pair in read_shards::<Pair>(&folder.join(part), "part")? {
        let pair = pair?;
        if !(0.0..=1.0).contains(&pair.label) {
            return Err(Error::Label {
                folder: folder.to_path_buf(),
                pair_id: pair.pair_id,
                label: pair.label,
            });
        }
        pairs.push(pair.into());
    }
    Ok(pairs)
}
