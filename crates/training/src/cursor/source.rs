//! The files behind a cursor: which blocks they have, and the rows of a window.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use jobmatch_records::{BlockReader, Blocks, Record, RowGroup};
use rand::seq::SliceRandom;
use rayon::prelude::*;

use super::CursorConfig;
use super::draw::Draw;
use super::plan::{Block, Plan, window_random};
use crate::{Error, Result};

/// The files' names begin so, as `dataset` writes them.
const PREFIX: &str = "part";
/// The column that the filter asks.
const LABEL: &str = "label";
/// A label above it makes a row a positive.
const POSITIVE: f32 = 0.5;

/// A folder of rows, cut into blocks.
pub(super) struct Source<R> {
    folder: PathBuf,
    files: Blocks<R>,
    /// Those that have a row which passes the filter.
    blocks: Vec<Block>,
    config: CursorConfig,
    seed: u64,
    /// Where an epoch takes only a share of some rows, and how many of each source it takes of each of `blocks`.
    draw: Option<(Draw, Vec<Vec<u32>>)>,
    /// Whether the rows have labels.
    labelled: bool,
    /// Rows that pass the filter.
    rows: u64,
}

impl<R: Record> Source<R> {
    pub fn open(folder: &Path, config: CursorConfig, seed: u64) -> Result<Self> {
        config.validate()?;
        let files = Blocks::<R>::open(folder, PREFIX)?;
        let draw = Draw::of(&config, seed);
        let counted: Vec<jobmatch_records::Result<Vec<Vec<u32>>>> = (0..files.groups().len())
            .into_par_iter()
            .map_init(
                || files.reader(),
                |reader, group| match &draw {
                    Some(draw) => {
                        let rows = files.groups()[group].rows;
                        draw.count(reader, group, rows, config.block_rows)
                    }
                    None => {
                        let kept = kept_rows(&files, reader, group, &config)?;
                        Ok(kept.into_iter().map(|kept| vec![kept]).collect())
                    }
                },
            )
            .collect();
        let mut counts = Vec::new();
        for counted in counted {
            // Of several errors, the first in the order of the files, whichever thread met one first.
            counts.extend(counted?);
        }
        let mut taken = match &draw {
            Some(draw) => draw.taken(&counts),
            None => counts,
        };
        let mut kept = taken.iter().map(|block| block.iter().sum());
        let mut blocks = Vec::new();
        for (number, group) in files.groups().iter().enumerate() {
            blocks.extend(cut(number, group, kept.by_ref(), config.block_rows));
        }
        drop(kept);
        taken.retain(|block| block.iter().sum::<u32>() > 0);
        blocks.retain(|block| block.kept > 0);
        let draw = draw.map(|draw| (draw, taken));
        let rows = blocks.iter().map(|block| u64::from(block.kept)).sum();
        if rows == 0 {
            return Err(Error::NoRows {
                folder: folder.to_path_buf(),
                kind: if config.positives_only {
                    "positive"
                } else {
                    "row"
                },
            });
        }
        tracing::debug!(
            folder = %folder.display(),
            files = files.shards().len(),
            row_groups = files.groups().len(),
            blocks = blocks.len(),
            rows,
            "opened the training rows"
        );
        let labelled = R::schema().field_with_name(LABEL).is_ok();
        Ok(Self {
            folder: folder.to_path_buf(),
            files,
            blocks,
            config,
            seed,
            draw,
            labelled,
            rows,
        })
    }

    /// Rows of an epoch.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    pub fn plan(&self, epoch: u64) -> Plan {
        Plan::new(&self.blocks, &self.config, self.seed, epoch)
    }

    /// The rows of a window in their order; none when `stop` was set meanwhile.
    pub fn read(
        &self,
        plan: &Plan,
        epoch: u64,
        window: usize,
        stop: &AtomicBool,
    ) -> Result<Option<Vec<R>>> {
        let numbers: Vec<usize> = plan
            .blocks(window)
            .into_iter()
            .map(|number| number as usize)
            .collect();
        let kept: u64 = numbers
            .iter()
            .map(|&number| u64::from(self.blocks[number].kept))
            .sum();
        let kept = kept as usize;
        let mut rows = Vec::with_capacity(kept);
        let mut reader = self.files.reader();
        // A row group is opened once for all its blocks: what its pages share, such as dictionaries, is unpacked once.
        for numbers in numbers.chunk_by(|&a, &b| self.blocks[a].group == self.blocks[b].group) {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            rows.extend(self.read_group(&mut reader, numbers, epoch)?);
        }
        if rows.len() != kept {
            return Err(Error::ChangedWhileRead {
                folder: self.folder.clone(),
            });
        }
        rows.shuffle(&mut window_random(self.seed, epoch, window));
        Ok(Some(rows))
    }

    /// The rows of some blocks, by their numbers, of one row group that pass the filter.
    fn read_group(
        &self,
        reader: &mut BlockReader<'_, R>,
        numbers: &[usize],
        epoch: u64,
    ) -> Result<Vec<R>> {
        let Some(&first) = numbers.first() else {
            return Ok(Vec::new());
        };
        let group = self.blocks[first].group as usize;
        let ranges: Vec<Range<u32>> = match &self.draw {
            Some((draw, taken)) => {
                let blocks: Vec<(Block, &[u32])> = numbers
                    .iter()
                    .map(|&number| (self.blocks[number], &taken[number][..]))
                    .collect();
                draw.rows(reader, &blocks, epoch)?
            }
            None => numbers
                .iter()
                .map(|&number| self.blocks[number].range())
                .collect(),
        };
        if !self.labelled {
            return Ok(reader.read(group, &ranges)?);
        }
        let mut bad = None;
        let rows = reader.read_if(group, &ranges, LABEL, |row, label| {
            if !is_label(label) {
                bad.get_or_insert((row, label));
            }
            !self.config.positives_only || label > POSITIVE
        })?;
        match bad {
            Some((row, label)) => Err(bad_label(&self.files, group, row, label).into()),
            None => Ok(rows),
        }
    }

    /// A hash of all that the order depends on but the epoch.
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("jobmatch training cursor: fingerprint");
        let mut number = |number: u64| {
            hasher.update(&number.to_le_bytes());
        };
        number(self.seed);
        number(u64::from(self.config.positives_only));
        number(u64::from(self.config.block_rows));
        number(self.config.window_rows);
        number(self.config.window_bytes);
        number(self.files.groups().len() as u64);
        for group in self.files.groups() {
            number(group.shard as u64);
            number(u64::from(group.rows));
            number(group.bytes);
            number(group.stored_bytes);
        }
        number(self.blocks.len() as u64);
        for block in &self.blocks {
            number(u64::from(block.kept));
        }
        for taken in self.draw.iter().flat_map(|(_, taken)| taken.concat()) {
            number(u64::from(taken));
        }
        for (source, share) in &self.config.shares {
            number(source.len() as u64);
            number(share.to_bits());
        }
        for source in self.config.shares.keys() {
            hasher.update(source.as_bytes());
        }
        for shard in self.files.shards() {
            let name = shard.path.file_name().unwrap_or_default();
            let name = name.to_string_lossy();
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
        }
        format!("blake3:{}", hasher.finalize().to_hex())
    }
}

/// How many rows of each block of a row group pass the filter. The labels are read only where it asks for them.
fn kept_rows<R: Record>(
    files: &Blocks<R>,
    reader: &mut BlockReader<'_, R>,
    group: usize,
    config: &CursorConfig,
) -> jobmatch_records::Result<Vec<u32>> {
    let rows = files.groups()[group].rows;
    if !config.positives_only {
        let starts = (0..rows).step_by(config.block_rows as usize);
        return Ok(starts
            .map(|start| config.block_rows.min(rows - start))
            .collect());
    }
    let labels = reader.floats(group, LABEL)?;
    if let Some((row, &label)) = (0..).zip(&labels).find(|&(_, &label)| !is_label(label)) {
        return Err(bad_label(files, group, row, label));
    }
    let count = |labels: &[f32]| {
        labels
            .iter()
            .map(|&label| u32::from(label > POSITIVE))
            .sum()
    };
    Ok(labels
        .chunks(config.block_rows as usize)
        .map(count)
        .collect())
}

/// The blocks of a row group, with how many of their rows pass the filter.
fn cut<'g>(
    number: usize,
    group: &'g RowGroup,
    kept: impl Iterator<Item = u32> + 'g,
    block_rows: u32,
) -> impl Iterator<Item = Block> + 'g {
    let starts = (0..group.rows).step_by(block_rows as usize);
    starts.zip(kept).map(move |(start, kept)| Block {
        group: number as u32,
        start,
        rows: block_rows.min(group.rows - start),
        kept,
        // No overflow in 128 bits, and no more than the group's.
        bytes: (u128::from(group.bytes) * u128::from(kept) / u128::from(group.rows)) as u64,
    })
}

fn is_label(label: f32) -> bool {
    (0.0..=1.0).contains(&label)
}

fn bad_label<R: Record>(
    files: &Blocks<R>,
    group: usize,
    row: u32,
    label: f32,
) -> jobmatch_records::Error {
    files.bad_row(
        &files.groups()[group],
        row,
        format!("`{LABEL}` is {label}, which is not between 0 and 1"),
    )
}
