//! The threshold mode: every attribute whose best cosine over a job's queries reaches a threshold, however many that are.

use std::collections::HashMap;

use crate::Result;
use crate::passages::PassageIndex;
use crate::queries::Queries;

/// Texts searched at once: with a low threshold each may admit all attributes.
const BATCH: usize = 256;

/// Each job's attributes with a best cosine of `threshold` or more, gathered chunk by chunk.
///
/// Memory grows with what the threshold admits: some 20 bytes for each job and attribute.
pub(crate) struct Above {
    threshold: f32,
    /// The jobs that each text stands in.
    jobs_of_text: Vec<Vec<u32>>,
    best: Vec<HashMap<u32, f32>>,
}

impl Above {
    pub(crate) fn new(threshold: f32, queries: &Queries) -> Self {
        let mut jobs_of_text = vec![Vec::new(); queries.texts.len()];
        for (job, of_job) in (0u32..).zip(&queries.of_job) {
            for query in of_job {
                let jobs: &mut Vec<u32> = &mut jobs_of_text[query.text as usize];
                if jobs.last() != Some(&job) {
                    jobs.push(job);
                }
            }
        }
        Self {
            threshold,
            jobs_of_text,
            best: vec![HashMap::new(); queries.of_job.len()],
        }
    }

    /// Adds what the texts from `first` on find; `vectors` are theirs.
    pub(crate) fn add(
        &mut self,
        passages: &PassageIndex,
        first: usize,
        vectors: &[f32],
    ) -> Result<()> {
        let size = passages.vectors().dimension() * BATCH;
        let batches = (first..).step_by(BATCH).zip(vectors.chunks(size));
        for (first, batch) in batches {
            let found = passages.vectors().range(batch, self.threshold)?;
            for (text, hits) in (first..).zip(found) {
                for &job in &self.jobs_of_text[text] {
                    let best = &mut self.best[job as usize];
                    for hit in &hits {
                        let known = best.entry(hit.row as u32).or_insert(hit.score);
                        *known = known.max(hit.score);
                    }
                }
            }
        }
        Ok(())
    }

    /// Of each job: row and best cosine, by row.
    pub(crate) fn found(self) -> Vec<Vec<(u32, f32)>> {
        let sorted = self.best.into_iter().map(|best| {
            let mut rows: Vec<(u32, f32)> = best.into_iter().collect();
            rows.sort_unstable_by_key(|(row, _)| *row);
            rows
        });
        sorted.collect()
    }
}
