//! The order of an epoch, before any row is read.

use std::ops::Range;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::CursorConfig;

/// Consecutive rows of one row group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    /// The row group's number in the folder.
    pub group: u32,
    /// The group's first row that belongs to it.
    pub start: u32,
    pub rows: u32,
    /// How many of them pass the filter.
    pub kept: u32,
    /// Bytes of the kept ones, unencoded.
    pub bytes: u64,
}

impl Block {
    pub fn range(&self) -> Range<u32> {
        self.start..self.start + self.rows
    }
}

/// The blocks of one epoch in their order, cut into windows. It takes 4 bytes a block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    order: Vec<u32>,
    windows: Vec<Window>,
}

#[derive(Debug, PartialEq, Eq)]
struct Window {
    /// Its first block's place in the order.
    block: usize,
    /// Its first row's number in the epoch.
    row: u64,
}

impl Plan {
    pub fn new(blocks: &[Block], config: &CursorConfig, seed: u64, epoch: u64) -> Self {
        let mut order: Vec<u32> = (0..).take(blocks.len()).collect();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        // A stream of its own for each epoch, so that an epoch's order does not depend on those before it.
        random.set_stream(epoch);
        order.shuffle(&mut random);
        let mut windows: Vec<Window> = Vec::new();
        let (mut row, mut rows, mut bytes) = (0, 0, 0_u64);
        for (place, &number) in order.iter().enumerate() {
            let block = &blocks[number as usize];
            rows += u64::from(block.kept);
            bytes = bytes.saturating_add(block.bytes);
            if windows.is_empty() || rows > config.window_rows || bytes > config.window_bytes {
                windows.push(Window { block: place, row });
                rows = u64::from(block.kept);
                bytes = block.bytes;
            }
            row += u64::from(block.kept);
        }
        Self { order, windows }
    }

    /// How many windows the epoch has.
    pub fn windows(&self) -> usize {
        self.windows.len()
    }

    /// The window that holds the row of this number in the epoch.
    pub fn window_of(&self, row: u64) -> usize {
        let after = self.windows.partition_point(|window| window.row <= row);
        after.saturating_sub(1)
    }

    /// The number in the epoch of a window's first row.
    pub fn first_row(&self, window: usize) -> u64 {
        self.windows[window].row
    }

    /// The blocks of a window in the order of the files, as it is quickest to read them.
    pub fn blocks(&self, window: usize) -> Vec<u32> {
        let end = self.windows.get(window + 1);
        let range = self.windows[window].block..end.map_or(self.order.len(), |next| next.block);
        let mut blocks = self.order[range].to_vec();
        blocks.sort_unstable();
        blocks
    }
}

/// The random numbers that shuffle the rows of a window.
pub(super) fn window_random(seed: u64, epoch: u64, window: usize) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new_derive_key("jobmatch training cursor: rows of a window");
    for number in [seed, epoch, window as u64] {
        hasher.update(&number.to_le_bytes());
    }
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(count: u32) -> Vec<Block> {
        (0..count)
            .map(|number| Block {
                group: number / 4,
                start: number % 4 * 10,
                rows: 10,
                kept: 10,
                bytes: 100,
            })
            .collect()
    }

    fn config(window_rows: u64, window_bytes: u64) -> CursorConfig {
        CursorConfig {
            block_rows: 10,
            window_rows,
            window_bytes,
            ..CursorConfig::default()
        }
    }

    /// The blocks of all windows.
    fn windows(plan: &Plan) -> Vec<Vec<u32>> {
        (0..plan.windows()).map(|w| plan.blocks(w)).collect()
    }

    #[test]
    fn every_block_is_in_one_window_and_epochs_differ() {
        let blocks = blocks(100);
        let plan = Plan::new(&blocks, &config(70, 1 << 20), 7, 0);
        let mut all = windows(&plan).concat();
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
        assert_eq!(plan, Plan::new(&blocks, &config(70, 1 << 20), 7, 0));
        assert_ne!(plan, Plan::new(&blocks, &config(70, 1 << 20), 7, 1));
        assert_ne!(plan, Plan::new(&blocks, &config(70, 1 << 20), 8, 0));
    }

    #[test]
    fn a_window_ends_where_rows_or_bytes_would_be_too_many() {
        let sizes = |config| -> Vec<usize> {
            let plan = Plan::new(&blocks(10), &config, 1, 0);
            windows(&plan).iter().map(Vec::len).collect()
        };
        assert_eq!(sizes(config(40, 1 << 20)), [4, 4, 2]);
        assert_eq!(sizes(config(39, 1 << 20)), [3, 3, 3, 1]);
        assert_eq!(sizes(config(100, 500)), [5, 5]);
        assert_eq!(sizes(config(100, 1)), [1; 10]);
    }

    #[test]
    fn a_row_is_found_in_its_window() {
        let plan = Plan::new(&blocks(10), &config(40, 1 << 20), 1, 0);
        let of = |row| plan.window_of(row);
        assert_eq!(
            [of(0), of(39), of(40), of(79), of(80), of(99)],
            [0, 0, 1, 1, 2, 2]
        );
        assert_eq!(plan.first_row(2), 80);
    }

    /// What a checkpoint counts in: when this test fails, a training that goes on from one has other rows before it.
    #[test]
    fn the_order_is_the_same_in_every_version() {
        let plan = Plan::new(&blocks(12), &config(40, 1 << 20), 42, 3);
        assert_eq!(plan.order, [8, 3, 7, 5, 0, 10, 11, 2, 1, 6, 4, 9]);
        let mut rows: Vec<u32> = (0..12).collect();
        rows.shuffle(&mut window_random(42, 3, 1));
        assert_eq!(rows, [4, 0, 5, 3, 8, 11, 10, 1, 6, 9, 2, 7]);
    }
}
