//! Which attributes are known to be right for a job or a text: what must not be taken for a negative.

use std::collections::{HashMap, HashSet};

use jobmatch_records::Positive;

use crate::examples::Example;

/// Known positives by job and by text. Lookups only: its order never reaches an output.
#[derive(Debug, Default)]
pub struct KnownPositives {
    by_job: HashMap<String, HashSet<String>>,
    by_text: HashMap<String, HashSet<String>>,
}

impl KnownPositives {
    /// Gathers the rows of a data set's `positives/`.
    pub fn new(rows: impl IntoIterator<Item = Positive>) -> Self {
        let mut known = Self::default();
        for row in rows {
            known
                .by_text
                .entry(row.text_digest)
                .or_default()
                .insert(row.attribute_id.clone());
            known
                .by_job
                .entry(row.job_id)
                .or_default()
                .insert(row.attribute_id);
        }
        known
    }

    /// Whether an attribute is known to be right for a job, or for a text by its digest.
    pub fn contains(&self, job_id: &str, text_digest: &str, attribute_id: &str) -> bool {
        let mut sets = self.of(job_id, text_digest);
        sets.any(|attributes| attributes.contains(attribute_id))
    }

    fn of(&self, job_id: &str, text_digest: &str) -> impl Iterator<Item = &HashSet<String>> {
        let (job, text) = (self.by_job.get(job_id), self.by_text.get(text_digest));
        job.into_iter().chain(text)
    }

    /// For a batch, row-major `[query, candidate]`: whether a candidate must be left out of a query's denominator, because
    /// its attribute is known to be right for the query's job or for its very text, or because its text is that of the
    /// query's own passage. Candidates are the passages of all queries, then the hard negatives of all queries. A query's
    /// own passage is never left out.
    pub fn excluded(&self, batch: &[Example]) -> Vec<bool> {
        let (mut of_attribute, mut of_text) = (HashMap::new(), HashMap::new());
        let mut candidates = 0;
        let passages = batch.iter().map(|row| (&row.attribute_id, &row.passage));
        let negatives = batch.iter().flat_map(|row| &row.negatives);
        let negatives = negatives.map(|negative| (&negative.attribute_id, &negative.passage));
        for (column, (attribute_id, passage)) in passages.chain(negatives).enumerate() {
            let same: &mut Vec<usize> = of_attribute.entry(attribute_id).or_default();
            same.push(column);
            let same: &mut Vec<usize> = of_text.entry(passage).or_default();
            same.push(column);
            candidates += 1;
        }
        let mut excluded = vec![false; batch.len() * candidates];
        for (row, query) in batch.iter().enumerate() {
            let cells = &mut excluded[row * candidates..(row + 1) * candidates];
            let mut exclude = |columns: Option<&Vec<usize>>| {
                for &column in columns.into_iter().flatten() {
                    cells[column] = column != row;
                }
            };
            exclude(of_text.get(&query.passage));
            for known in self.of(&query.job_id, &query.text_digest) {
                // Whichever is fewer is gone through: a job has few attributes, a batch of several thousand has many.
                if known.len() < of_attribute.len() {
                    known.iter().for_each(|id| exclude(of_attribute.get(id)));
                } else {
                    let both = of_attribute.iter().filter(|(id, _)| known.contains(**id));
                    both.for_each(|(_, columns)| exclude(Some(columns)));
                }
            }
        }
        excluded
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::Negative;
    use proptest::prelude::*;

    fn example(job: &str, query: &str, attribute: &str) -> Example {
        Example::new(job, query, attribute, &format!("passage of {attribute}"))
    }

    fn positive(example: &Example) -> Positive {
        Positive {
            job_id: example.job_id.clone(),
            text_digest: example.text_digest.clone(),
            attribute_id: example.attribute_id.clone(),
        }
    }

    #[test]
    fn known_positives_are_no_negatives() {
        let batch = [
            example("j1", "plan", "a"),
            example("j1", "write", "b"),
            example("j2", "plan", "c"),
            example("j3", "sell", "a"),
        ];
        let known = KnownPositives::new(batch.iter().map(positive));
        let expected = [
            // j1's `plan`: b is j1's, c is right for the same text, the other a is its own passage.
            [false, true, true, true],
            // j1's `write`: both a's are j1's.
            [true, false, false, true],
            // j2's `plan`: a is right for the same text.
            [true, false, false, true],
            // j3's `sell`: only its own passage again.
            [true, false, false, false],
        ];
        assert_eq!(known.excluded(&batch), expected.concat());
    }

    /// Of few jobs, texts and attributes, so that they meet; attributes 0 and 1 have the same passage.
    fn a_batch() -> impl Strategy<Value = (Vec<Example>, Vec<Positive>)> {
        let attribute = |number: u8| (format!("a{number}"), format!("passage {}", number.max(1)));
        let row = (
            0..4_u8,
            0..6_u8,
            0..9_u8,
            prop::collection::vec(0..9_u8, 0..3),
        );
        let example = move |(job, text, own, negatives): (u8, u8, u8, Vec<u8>)| {
            let (id, passage) = attribute(own);
            let mut row = Example::new(&format!("j{job}"), &format!("text {text}"), &id, &passage);
            row.negatives = negatives
                .into_iter()
                .map(|number| {
                    let (attribute_id, passage) = attribute(number);
                    Negative {
                        attribute_id,
                        passage,
                    }
                })
                .collect();
            row
        };
        let rows = || prop::collection::vec(row.clone().prop_map(example), 1..12);
        (rows(), rows()).prop_map(|(batch, others)| {
            let known = batch.iter().chain(&others).map(positive).collect();
            (batch, known)
        })
    }

    proptest! {
        /// Number by number: no known positive is left in a denominator, nothing else is taken out, and a query's own
        /// passage stays.
        #[test]
        fn what_is_excluded_is_what_is_known((batch, positives) in a_batch()) {
            let known = KnownPositives::new(positives.iter().cloned());
            let mut candidates: Vec<(&str, &str)> = Vec::new();
            for row in &batch {
                candidates.push((&row.attribute_id, &row.passage));
            }
            for negative in batch.iter().flat_map(|row| &row.negatives) {
                candidates.push((&negative.attribute_id, &negative.passage));
            }
            let excluded = known.excluded(&batch);
            prop_assert_eq!(excluded.len(), batch.len() * candidates.len());
            for (row, query) in batch.iter().enumerate() {
                for (column, (attribute_id, passage)) in candidates.iter().enumerate() {
                    let is_known = positives.iter().any(|positive| {
                        positive.attribute_id == *attribute_id
                            && (positive.job_id == query.job_id
                                || positive.text_digest == query.text_digest)
                    });
                    let expected = column != row && (is_known || *passage == query.passage);
                    prop_assert_eq!(excluded[row * candidates.len() + column], expected);
                }
            }
        }
    }
}
