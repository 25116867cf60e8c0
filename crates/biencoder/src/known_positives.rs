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

    /// For a batch, row-major `[query, passage]`: whether a passage must be left out of a query's denominator, because
    /// its attribute is known to be right for the query's job or for its very text, or because its text is that of the
    /// query's own passage. The diagonal is false.
    pub fn excluded(&self, batch: &[Example]) -> Vec<bool> {
        let mut excluded = Vec::with_capacity(batch.len() * batch.len());
        for (row, query) in batch.iter().enumerate() {
            let of_job = self.by_job.get(&query.job_id);
            let of_text = self.by_text.get(&query.text_digest);
            excluded.extend(batch.iter().enumerate().map(|(column, passage)| {
                let known = |set: Option<&HashSet<String>>| {
                    set.is_some_and(|attributes| attributes.contains(&passage.attribute_id))
                };
                row != column
                    && (known(of_job) || known(of_text) || passage.passage == query.passage)
            }));
        }
        excluded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(job: &str, query: &str, attribute: &str) -> Example {
        Example::new(job, query, attribute, &format!("passage of {attribute}"))
    }

    #[test]
    fn known_positives_are_no_negatives() {
        let batch = [
            example("j1", "plan", "a"),
            example("j1", "write", "b"),
            example("j2", "plan", "c"),
            example("j3", "sell", "a"),
        ];
        let known = KnownPositives::new(batch.iter().map(|e| Positive {
            job_id: e.job_id.clone(),
            text_digest: e.text_digest.clone(),
            attribute_id: e.attribute_id.clone(),
        }));
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
}
