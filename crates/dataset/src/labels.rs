//! From label rows to what is known of each pair.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::PathBuf;

use jobmatch_records::{Evidence, Label, OnBadRow, Rejected};
use serde::{Deserialize, Serialize};

use crate::inputs::is_golden_source;
use crate::phases::Context;
use crate::phases::plan::{Fate, Plan};
use crate::report::Flow;
use crate::{Conflicts, Error, Result};

/// Label rows that wait in memory on the way to their shards' files, in all.
const WAITING: usize = 200_000;

/// A label row whose job and attribute are known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LabelRow {
    /// The job's row.
    pub(crate) job: u32,
    /// The attribute's row.
    pub(crate) attribute: u32,
    pub(crate) positive: bool,
    pub(crate) evidence: Option<Evidence>,
    /// The number of the file's name.
    pub(crate) source: u32,
    pub(crate) line: u64,
    /// It is no label, but a negative to be drawn first; `source` means nothing then.
    pub(crate) is_hard: bool,
}

/// What came of routing.
pub(crate) struct Routing {
    pub(crate) hard_negatives: Flow,
    pub(crate) flow: Flow,
    pub(crate) sources: Vec<String>,
    pub(crate) rejected: Vec<Rejected>,
}

fn name(shard: u32) -> String {
    format!("labels/{shard:05}")
}

/// Sends each label row to the shard of its job and, if that is a copy, to the shard of the job that was kept.
pub(crate) fn route(
    context: &Context,
    plan: &Plan,
    row_of: &dyn Fn(&str) -> Option<u32>,
) -> Result<Routing> {
    let config = context.config;
    let mut buckets = Buckets::new(context, plan.shards)?;
    let mut names: HashMap<String, u32> = HashMap::new();
    let mut flow = Flow::default();
    let mut rejected = Vec::new();
    let mut labels = context.source.labels()?;
    for label in labels.by_ref() {
        let label = label?;
        let (job, attribute) = match known(context, row_of, &label) {
            Ok(known) => known,
            Err(unknown) if context.source.on_bad_row() == OnBadRow::Stop => return Err(unknown),
            Err(unknown) => {
                rejected.push(set_aside(&label, &unknown));
                continue;
            }
        };
        flow.rows_in += 1;
        match plan.fate(job) {
            _ if is_golden_source(&label.source) => flow.remove("golden_file"),
            Fate::Golden => flow.remove("golden_job"),
            Fate::GoldenCopy => flow.remove("copy_of_golden_job"),
            Fate::Empty => flow.remove("empty_text"),
            Fate::Train | Fate::DevSelecting | Fate::DevDeciding | Fate::Copy | Fate::Repeated => {
                let next = names.len() as u32;
                let row = LabelRow {
                    job,
                    attribute,
                    positive: label.label,
                    evidence: label.evidence,
                    source: *names.entry(label.source).or_insert(next),
                    line: label.line,
                    is_hard: false,
                };
                let shard = config.shard_of(job);
                let of_kept = config.shard_of(plan.kept(job));
                if of_kept != shard {
                    buckets.push(of_kept, row.clone())?;
                }
                buckets.push(shard, row)?;
            }
        }
    }
    rejected.splice(0..0, labels.rejected());
    let hard_negatives = route_hard(context, plan, row_of, &mut buckets, &mut rejected)?;
    buckets.finish()?;
    let mut sources = vec![String::new(); names.len()];
    for (name, number) in names {
        sources[number as usize] = name;
    }
    Ok(Routing {
        hard_negatives,
        flow,
        sources,
        rejected,
    })
}

/// Sends each hard negative to the shard of its job, or of the job that stands for it.
fn route_hard(
    context: &Context,
    plan: &Plan,
    row_of: &dyn Fn(&str) -> Option<u32>,
    buckets: &mut Buckets,
    rejected: &mut Vec<Rejected>,
) -> Result<Flow> {
    let mut flow = Flow::default();
    let Some(mut rows) = context.source.hard_negatives()? else {
        return Ok(flow);
    };
    for row in rows.by_ref() {
        let row = row?;
        let (job, attribute) = match known(context, row_of, &row) {
            Ok(known) => known,
            Err(unknown) if context.source.on_bad_row() == OnBadRow::Stop => return Err(unknown),
            Err(unknown) => {
                rejected.push(set_aside(&row, &unknown));
                continue;
            }
        };
        flow.rows_in += 1;
        let job = plan.kept(job);
        if plan.fate(job).half().is_none() {
            flow.remove("job_makes_no_pairs");
            continue;
        }
        flow.keep();
        let row = LabelRow {
            job,
            attribute,
            positive: false,
            evidence: None,
            source: 0,
            line: row.line,
            is_hard: true,
        };
        buckets.push(context.config.shard_of(job), row)?;
    }
    rejected.extend(rows.rejected());
    Ok(flow)
}

fn known(
    context: &Context,
    row_of: &dyn Fn(&str) -> Option<u32>,
    label: &Label,
) -> Result<(u32, u32)> {
    let unknown = |column, id: &str, missing_from| Error::UnknownLabel {
        file: label.source.clone(),
        line: label.line,
        column,
        id: id.to_owned(),
        missing_from,
    };
    let job = row_of(&label.job_id).ok_or_else(|| unknown("job_id", &label.job_id, "jobs"))?;
    let attribute = (context.attributes.row(&label.attribute_id))
        .ok_or_else(|| unknown("attribute_id", &label.attribute_id, "definitions"))?;
    Ok((job, attribute))
}

fn set_aside(label: &Label, unknown: &Error) -> Rejected {
    let reason = match unknown {
        Error::UnknownLabel {
            column,
            id,
            missing_from,
            ..
        } => format!("{column} `{id}` is not in the {missing_from}"),
        other => other.to_string(),
    };
    Rejected {
        path: PathBuf::from(&label.source),
        number: label.line,
        reason,
    }
}

/// The label rows of each shard, on their way to its file.
struct Buckets<'a> {
    context: &'a Context<'a>,
    rows: Vec<Vec<LabelRow>>,
    limit: usize,
}

impl<'a> Buckets<'a> {
    /// Every shard gets a file, which is empty at first.
    fn new(context: &'a Context<'a>, shards: u32) -> Result<Self> {
        for shard in 0..shards {
            let path = context.work.scratch(&name(shard))?;
            File::create(&path).map_err(Error::io("create", &path))?;
        }
        Ok(Self {
            context,
            rows: vec![Vec::new(); shards as usize],
            limit: (WAITING / shards.max(1) as usize).max(16),
        })
    }

    fn push(&mut self, shard: u32, row: LabelRow) -> Result<()> {
        let rows = &mut self.rows[shard as usize];
        rows.push(row);
        if rows.len() >= self.limit {
            self.flush(shard)?;
        }
        Ok(())
    }

    fn flush(&mut self, shard: u32) -> Result<()> {
        let path = self.context.work.scratch(&name(shard))?;
        let file = File::options().append(true).open(&path);
        let mut file = BufWriter::new(file.map_err(Error::io("write", &path))?);
        for row in self.rows[shard as usize].drain(..) {
            let config = bincode::config::standard();
            bincode::serde::encode_into_std_write(&row, &mut file, config)
                .map_err(|error| Error::scratch(&path, error))?;
        }
        file.flush().map_err(Error::io("write", &path))
    }

    fn finish(mut self) -> Result<()> {
        for shard in 0..self.rows.len() as u32 {
            self.flush(shard)?;
        }
        Ok(())
    }
}

/// The files that the plan's routing wrote.
pub(crate) fn files(context: &Context, shards: u32) -> Result<Vec<PathBuf>> {
    let paths = (0..shards).map(|shard| context.work.scratch(&name(shard)));
    Ok(paths.collect::<std::result::Result<_, _>>()?)
}

/// The label rows that were sent to a shard.
pub(crate) fn read(context: &Context, shard: u32) -> Result<Vec<LabelRow>> {
    let path = context.work.scratch(&name(shard))?;
    let file = File::open(&path).map_err(Error::io("read", &path))?;
    let mut file = BufReader::with_capacity(1 << 18, file);
    let mut rows = Vec::new();
    while !file
        .fill_buf()
        .map_err(Error::io("read", &path))?
        .is_empty()
    {
        let config = bincode::config::standard();
        let row = bincode::serde::decode_from_std_read(&mut file, config);
        rows.push(row.map_err(|error| Error::scratch(&path, error))?);
    }
    Ok(rows)
}

/// The labels of one job, without repetitions and conflicts.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// What is left, by attribute and evidence; positive rows of one attribute, or negative ones.
    pub(crate) rows: Vec<LabelRow>,
    /// Attributes that are neither known to be right nor to be drawn as negatives.
    pub(crate) barred: Vec<u32>,
    pub(crate) flow: Flow,
}

/// Settles the rows of one job. `is_copy`: it makes no pairs, so only its positive rows are left.
pub(crate) fn settle(
    conflicts: Conflicts,
    sources: &[String],
    mut rows: Vec<LabelRow>,
    is_copy: bool,
) -> Settled {
    rows.sort_by(|a, b| order(a, sources).cmp(&order(b, sources)));
    let mut settled = Settled::default();
    for pair in rows.chunk_by(|a, b| a.attribute == b.attribute) {
        settled.settle(conflicts, pair, is_copy);
    }
    settled
}

impl Settled {
    /// Takes in all rows of one attribute, positive ones first.
    fn settle(&mut self, conflicts: Conflicts, pair: &[LabelRow], is_copy: bool) {
        let (ones, zeros) = pair.split_at(pair.partition_point(|row| row.positive));
        let (kept, lost) = match (ones.is_empty() || zeros.is_empty(), conflicts) {
            (true, _) => (pair, &pair[..0]),
            (false, Conflicts::Negative) => (zeros, ones),
            (false, Conflicts::Positive) => (ones, zeros),
            (false, Conflicts::Drop) => (&pair[..0], pair),
        };
        if kept.first().is_none_or(|row| !row.positive) {
            self.barred.push(pair[0].attribute);
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
                i > 0 && (row.evidence.is_none() || row.evidence == kept[i - 1].evidence);
            match (is_copy, repeated) {
                (false, false) => {
                    self.flow.keep();
                    self.rows.push(row.clone());
                }
                (false, true) => self.flow.remove("repeated"),
                (true, false) if row.positive => self.rows.push(row.clone()),
                (true, _) => {}
            }
        }
    }
}

/// The order of a job's rows whatever the order of files: equal rows may change places, nothing else.
fn order<'a>(
    row: &'a LabelRow,
    sources: &'a [String],
) -> (u32, bool, u8, u64, u64, &'a str, &'a str, u64) {
    let (rank, start, end, quote) = match &row.evidence {
        Some(Evidence::Span { start, end }) => (0, *start, *end, ""),
        Some(Evidence::Quote(quote)) => (1, 0, 0, quote.as_str()),
        None => (2, 0, 0, ""),
    };
    let source = sources.get(row.source as usize).map_or("", String::as_str);
    (
        row.attribute,
        !row.positive,
        rank,
        start,
        end,
        quote,
        source,
        row.line,
    )
}
