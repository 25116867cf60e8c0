//! What a cross-encoder is trained and evaluated on, read from a data set's folder.

use std::path::Path;

use jobmatch_records::{Pair, read_shards};

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
    /// Training pairs, in the order of the data set.
    pub pairs: Vec<LabelledPair>,
    /// Dev pairs, from the dev sample.
    pub dev: Vec<LabelledPair>,
}

impl TrainingData {
    /// Reads `train/` and `dev_sample/` of `folder`.
    ///
    /// # Errors
    /// When a file cannot be read, a label is out of range, or the training pairs are all of one kind.
    pub fn read(folder: &Path) -> Result<Self> {
        let pairs = read_part(folder, "train")?;
        let positives = pairs.iter().filter(|pair| pair.label > 0.5).count();
        let negatives = pairs.len() - positives;
        if positives == 0 || negatives == 0 {
            return Err(Error::OneLabelOnly {
                folder: folder.to_path_buf(),
                positives,
                negatives,
            });
        }
        Ok(Self {
            pairs,
            dev: read_part(folder, "dev_sample")?,
        })
    }

    /// Sum of what is missing to label 1, per sum of labels: negatives per positive for hard labels.
    pub(crate) fn negatives_per_positive(&self) -> f64 {
        let positive: f64 = self.pairs.iter().map(|pair| f64::from(pair.label)).sum();
        (self.pairs.len() as f64 - positive) / positive
    }
}

fn read_part(folder: &Path, part: &str) -> Result<Vec<LabelledPair>> {
    let mut pairs = Vec::new();
    for pair in read_shards::<Pair>(&folder.join(part), "part")? {
        let Pair {
            pair_id,
            text,
            passage,
            label,
            ..
        } = pair?;
        if !(0.0..=1.0).contains(&label) {
            return Err(Error::Label {
                folder: folder.to_path_buf(),
                pair_id,
                label,
            });
        }
        pairs.push(LabelledPair {
            text,
            passage,
            label,
        });
    }
    Ok(pairs)
}
