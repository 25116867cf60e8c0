//! What a cross-encoder is trained and evaluated on, read from a data set's folder.

use std::path::Path;

use jobmatch_records::{Pair, read_shards};
use jobmatch_training::{Cursor, CursorConfig, Position};

use crate::negatives::{Kinds, PairCounts};
use crate::{CrossEncoderConfig, Error, Result};

/// The folder of a data set that holds what a retriever found for dev jobs.
pub const CANDIDATES: &str = "dev_candidates";

/// A (text, passage) pair and how right it is.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledPair {
    /// The job that the text comes from.
    pub job_id: String,
    /// The passage's attribute.
    pub attribute_id: String,
    /// A job's sentence, or a whole job; an empty one is a text that shows nothing.
    pub text: String,
    /// An attribute's text.
    pub passage: String,
    /// 1 when the passage is right, 0 when it is not, or between.
    pub label: f32,
    /// A retriever's score, where it found the passage for the job.
    pub retriever_score: Option<f32>,
}

/// Dev pairs.
#[derive(Debug, Default)]
pub struct DevPairs {
    /// The pairs.
    pub pairs: Vec<LabelledPair>,
    /// Whether they are what a retriever found for each job, so that re-ranking can be measured.
    pub are_candidates: bool,
}

/// A data set's folder as the cross-encoder sees it: positives and negatives.
#[derive(Debug)]
pub struct TrainingData {
    /// Training pairs, in the order of the training.
    pub(crate) rows: Cursor<Pair>,
    /// The pairs of an epoch by kind.
    pub(crate) epoch: PairCounts,
    /// Sum of what is missing to label 1, per sum of labels: negatives per positive for hard labels.
    pub(crate) negatives_per_positive: f64,
    /// Dev pairs: what a retriever found for dev jobs where the data set holds that, else the dev sample.
    pub dev: DevPairs,
}

impl TrainingData {
    /// Opens `train/` of `folder`, and reads its dev pairs; the order of the training pairs follows from `seed`. They stay on the
    /// disk, but for a look at all labels and sources. Which negatives an epoch takes, and how many dev pairs are kept, stands in
    /// `config`.
    ///
    /// # Errors
    /// When a file cannot be read, a label is out of range, the training pairs are all of one kind, or hard and random negatives
    /// are to be mixed and there are none of one kind.
    pub fn open(folder: &Path, config: &CrossEncoderConfig, seed: u64) -> Result<Self> {
        let train = folder.join("train");
        let kinds = Kinds::of(&train)?;
        let (positives, negatives) = kinds.positives_and_negatives();
        if positives == 0 || negatives == 0 {
            return Err(Error::OneLabelOnly {
                folder: folder.to_path_buf(),
                positives: positives as usize,
                negatives: negatives as usize,
            });
        }
        let mixture = kinds.mixture(folder, &config.negatives)?;
        let order = CursorConfig {
            shares: mixture.shares,
            ..CursorConfig::default()
        };
        Ok(Self {
            rows: Cursor::open(&train, order, seed)?,
            epoch: mixture.epoch,
            negatives_per_positive: mixture.negatives_per_positive,
            dev: DevPairs::read(folder, config.evaluate_pairs)?,
        })
    }

    /// The pairs of the batch at `position`.
    pub(crate) fn batch(&mut self, position: Position, size: usize) -> Result<Vec<LabelledPair>> {
        self.rows.seek(position)?;
        let pairs = self.rows.next_batch(size)?;
        Ok(pairs.into_iter().map(LabelledPair::from).collect())
    }
}

impl DevPairs {
    fn read(folder: &Path, most: usize) -> Result<Self> {
        let are_candidates = folder.join(CANDIDATES).is_dir();
        let part = if are_candidates {
            CANDIDATES
        } else {
            "dev_sample"
        };
        let mut pairs: Vec<LabelledPair> = Vec::new();
        for pair in read_shards::<Pair>(&folder.join(part), "part")? {
            let pair = pair?;
            let begins_job = pairs.last().is_none_or(|last| last.job_id != pair.job_id);
            if pairs.len() >= most && begins_job {
                break;
            }
            if !(0.0..=1.0).contains(&pair.label) {
                return Err(Error::Label {
                    folder: folder.join(part),
                    pair_id: pair.pair_id,
                    label: pair.label,
                });
            }
            pairs.push(pair.into());
        }
        Ok(Self {
            pairs,
            are_candidates,
        })
    }
}

impl From<Pair> for LabelledPair {
    fn from(pair: Pair) -> Self {
        Self {
            job_id: pair.job_id,
            attribute_id: pair.attribute_id,
            text: pair.text,
            passage: pair.passage,
            label: pair.label,
            retriever_score: pair.alignment_score,
        }
    }
}
