//! What is to be measured against what was learned from: the check that needs no text of the training jobs.

use std::collections::HashMap;

use jobmatch_records::{Fingerprint, Split};

use crate::minhash::{BANDS, BINS, Signature, similarity};
use crate::texts::cleaned;

/// The folder of a data set with the [`Fingerprint`]s of the jobs that it was made from. Trainings carry it on.
pub const FINGERPRINTS: &str = "fingerprints";

/// The signature of a job's text as fingerprints hold it: [`Leaks`] says what it tells.
pub fn signature(text: &str) -> Vec<u8> {
    Signature::of(&cleaned(text)).bytes.to_vec()
}

/// Bytes of a signature in which near copies are looked for at once.
const BAND: usize = BINS / BANDS;

/// A job that is measured, and the job most like it that was learned from.
#[derive(Debug, Clone, PartialEq)]
pub struct Leak {
    /// The place of the measured job, from 0.
    pub job: usize,
    /// The id of the other.
    pub learned: String,
    /// Where that one was used.
    pub split: Split,
    /// The estimated Jaccard similarity of their sets of three-word shingles, 0 to 1.
    pub similarity: f64,
}

/// Finds near copies of some jobs among fingerprints, which come one after the other: only the former are held in memory.
///
/// Two jobs are near copies when the estimated Jaccard similarity of their sets of three-word shingles (case, white space and
/// punctuation aside) reaches the threshold: the rule by which [`build`](crate::build) keeps golden jobs out of the pairs. Pairs as
/// similar as 0.7 are found with a probability above 0.9998 (32 bands of 4 bytes), more similar ones nearly always.
#[derive(Debug)]
pub struct Leaks {
    threshold: f64,
    signatures: Vec<[u8; BINS]>,
    /// The jobs by the bytes of each band.
    bands: HashMap<(u8, [u8; BAND]), Vec<usize>>,
    found: Vec<Option<Leak>>,
}

impl Leaks {
    /// Of the jobs to be measured, their texts as they are. Jobs without a word are like no other.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>, threshold: f64) -> Self {
        let mut leaks = Self {
            threshold,
            signatures: Vec::new(),
            bands: HashMap::new(),
            found: Vec::new(),
        };
        for (job, text) in texts.into_iter().enumerate() {
            let text = cleaned(text);
            let signature = Signature::of(&text).bytes;
            if !text.is_empty() {
                for (band, key) in bands(&signature) {
                    leaks.bands.entry((band, key)).or_default().push(job);
                }
            }
            leaks.signatures.push(signature);
            leaks.found.push(None);
        }
        leaks
    }

    /// Compares one job that was learned from. A signature of another length is none of ours, and passed over.
    pub fn compare(&mut self, learned: &Fingerprint) {
        let Ok(signature) = <&[u8; BINS]>::try_from(learned.signature.as_slice()) else {
            return;
        };
        for band in bands(signature) {
            for &job in self.bands.get(&band).map_or(&[][..], Vec::as_slice) {
                let similarity = similarity(&self.signatures[job], signature);
                let known = self.found[job].as_ref();
                if similarity >= self.threshold
                    && known.is_none_or(|known| similarity > known.similarity)
                {
                    self.found[job] = Some(Leak {
                        job,
                        learned: learned.job_id.clone(),
                        split: learned.split,
                        similarity,
                    });
                }
            }
        }
    }

    /// Each measured job that has a near copy, with the most similar one (of equals the one that came first), in the order of the jobs.
    pub fn found(self) -> Vec<Leak> {
        self.found.into_iter().flatten().collect()
    }
}

/// The bands of a signature: number and bytes.
fn bands(signature: &[u8; BINS]) -> impl Iterator<Item = (u8, [u8; BAND])> {
    (0u8..).zip(signature.as_chunks::<BAND>().0.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jobmatch_records::Split;

    fn fingerprint(job_id: &str, text: &str) -> Fingerprint {
        Fingerprint {
            job_id: job_id.to_owned(),
            split: Split::Train,
            signature: signature(text),
        }
    }

    fn text(number: usize) -> String {
        let word = |at: usize| format!("word{}", (number * 7919 + at * 104_729) % 30_011);
        (0..80).map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn near_copies_are_found_and_others_are_not() {
        let measured: Vec<String> = (0..50).map(text).collect();
        let mut leaks = Leaks::new(measured.iter().map(String::as_str), 0.7);
        for other in 100..400 {
            leaks.compare(&fingerprint("other", &text(other)));
        }
        // Two words changed, other signs and white space.
        let near = text(7).replacen(' ', " - changed\n* ", 1).to_uppercase();
        leaks.compare(&fingerprint("near", &near));
        leaks.compare(&fingerprint("same", &text(7)));
        leaks.compare(&fingerprint("late", &text(7)));
        let found = leaks.found();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].job, found[0].learned.as_str()), (7, "same"));
        assert_eq!(found[0].similarity, 1.0);
    }

    #[test]
    fn jobs_without_words_and_foreign_signatures_are_passed_over() {
        let mut leaks = Leaks::new(["", "  \n"], 0.7);
        leaks.compare(&fingerprint("empty", ""));
        let foreign = Fingerprint {
            signature: vec![1, 2, 3],
            ..fingerprint("foreign", "a")
        };
        leaks.compare(&foreign);
        assert!(leaks.found().is_empty());
    }
}
