//! From label rows to what is known of each pair.

use jobmatch_records::{Evidence, Label};

use crate::attributes::Attributes;
use crate::inputs::is_golden_source;
use crate::jobs::{Fate, Jobs};
use crate::report::Flow;
use crate::{Conflicts, Error, Result};

/// A label row whose job and attribute are known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LabelRow<'a> {
    pub(crate) job: u32,
    pub(crate) attribute: u32,
    pub(crate) positive: bool,
    pub(crate) label: &'a Label,
}

impl<'a> LabelRow<'a> {
    pub(crate) fn evidence(&self) -> Option<&'a Evidence> {
        self.label.evidence.as_ref()
    }
}

/// The labels, without repetitions and conflicts.
pub(crate) struct Labels<'a> {
    /// Rows of jobs in train and dev, by job, attribute and evidence.
    pub(crate) rows: Vec<LabelRow<'a>>,
    /// Positive rows of jobs that were removed as copies: no pairs, but known positives.
    pub(crate) of_copies: Vec<LabelRow<'a>>,
    /// Pairs (job, attribute) that are neither known positives nor to be drawn as negatives.
    pub(crate) barred: Vec<(u32, u32)>,
    pub(crate) flow: Flow,
}

impl<'a> Labels<'a> {
    pub(crate) fn new(
        conflicts: Conflicts,
        jobs: &Jobs,
        attributes: &Attributes,
        labels: &'a [Label],
    ) -> Result<Labels<'a>> {
        let mut flow = Flow::of(labels.len());
        let mut rows = Vec::with_capacity(labels.len());
        for label in labels {
            let row = known(jobs, attributes, label)?;
            match jobs.fate(row.job) {
                _ if is_golden_source(&label.source) => flow.remove("golden_file"),
                Fate::Golden => flow.remove("golden_job"),
                Fate::GoldenCopy => flow.remove("copy_of_golden_job"),
                Fate::Empty => flow.remove("empty_text"),
                Fate::Kept(_) | Fate::Copy(_) => rows.push(row),
            }
        }
        rows.sort_by(|a, b| order(a).cmp(&order(b)));

        let mut result = Labels {
            rows: Vec::with_capacity(rows.len()),
            of_copies: Vec::new(),
            barred: Vec::new(),
            flow,
        };
        for pair in rows.chunk_by(|a, b| (a.job, a.attribute) == (b.job, b.attribute)) {
            result.settle(conflicts, jobs, pair);
        }
        Ok(result)
    }

    /// Takes in all rows of one (job, attribute), positive ones first.
    fn settle(&mut self, conflicts: Conflicts, jobs: &Jobs, pair: &[LabelRow<'a>]) {
        let (ones, zeros) = pair.split_at(pair.partition_point(|row| row.positive));
        let (kept, lost) = match (ones.is_empty() || zeros.is_empty(), conflicts) {
            (true, _) => (pair, &pair[..0]),
            (false, Conflicts::Negative) => (zeros, ones),
            (false, Conflicts::Positive) => (ones, zeros),
            (false, Conflicts::Drop) => (&pair[..0], pair),
        };
        let is_copy = matches!(jobs.fate(pair[0].job), Fate::Copy(_));
        if kept.first().is_none_or(|row| !row.positive) {
            self.barred.push((pair[0].job, pair[0].attribute));
        }
        if is_copy {
            self.flow
                .remove_many("copy_of_other_job", pair.len() as u64);
        } else {
            self.flow.remove_many("conflict", lost.len() as u64);
        }
        for (i, row) in kept.iter().enumerate() {
            // Rows without evidence stand last: they add nothing to rows that have some.
            let repeated =
                i > 0 && (row.evidence().is_none() || row.evidence() == kept[i - 1].evidence());
            match (is_copy, repeated) {
                (false, false) => {
                    self.flow.keep();
                    self.rows.push(*row);
                }
                (false, true) => self.flow.remove("repeated"),
                (true, false) if row.positive => self.of_copies.push(*row),
                (true, _) => {}
            }
        }
    }
}

fn known<'a>(jobs: &Jobs, attributes: &Attributes, label: &'a Label) -> Result<LabelRow<'a>> {
    let unknown = |column, id: &str, missing_from| Error::UnknownLabel {
        file: label.source.clone(),
        line: label.line,
        column,
        id: id.to_owned(),
        missing_from,
    };
    Ok(LabelRow {
        job: jobs
            .row(&label.job_id)
            .ok_or_else(|| unknown("job_id", &label.job_id, "jobs"))?,
        attribute: attributes
            .row(&label.attribute_id)
            .ok_or_else(|| unknown("attribute_id", &label.attribute_id, "definitions"))?,
        positive: label.label,
        label,
    })
}

/// The order of rows whatever the order of files: equal rows may change places, nothing else.
fn order<'a>(row: &LabelRow<'a>) -> (u32, u32, bool, u8, u64, u64, &'a str, &'a str, u64) {
    let (rank, start, end, quote) = match row.evidence() {
        Some(Evidence::Span { start, end }) => (0, *start, *end, ""),
        Some(Evidence::Quote(quote)) => (1, 0, 0, quote.as_str()),
        None => (2, 0, 0, ""),
    };
    (
        row.job,
        row.attribute,
        !row.positive,
        rank,
        start,
        end,
        quote,
        &row.label.source,
        row.label.line,
    )
}
