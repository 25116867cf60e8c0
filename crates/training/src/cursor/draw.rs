//! Which rows of a block an epoch takes where it takes only a share of those of a source.

use std::ops::Range;

use jobmatch_records::{BlockReader, Record};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::CursorConfig;
use super::plan::Block;

/// The column that says where a row comes from.
const SOURCE: &str = "source";

/// The sources of which a share is taken, and how much of each.
#[derive(Debug)]
pub(super) struct Draw {
    shares: Vec<(String, f64)>,
    seed: u64,
}

impl Draw {
    /// `None` where all rows are taken.
    pub fn of(config: &CursorConfig, seed: u64) -> Option<Self> {
        let shares = config.shares.clone().into_iter().collect::<Vec<_>>();
        (!shares.is_empty()).then_some(Self { shares, seed })
    }

    /// Rows of each source in each block of a group, and of all others last.
    pub fn count<R: Record>(
        &self,
        reader: &mut BlockReader<'_, R>,
        group: usize,
        rows: u32,
        block_rows: u32,
    ) -> jobmatch_records::Result<Vec<Vec<u32>>> {
        let mut counts = vec![vec![0; self.shares.len() + 1]; rows.div_ceil(block_rows) as usize];
        reader.texts(group, SOURCE, |row, source| {
            counts[(row / block_rows) as usize][self.number(source)] += 1;
        })?;
        Ok(counts)
    }

    /// How many rows of each source an epoch takes of each block, given how many there are: in all, the share of all, rounded
    /// down.
    pub fn taken(&self, counts: &[Vec<u32>]) -> Vec<Vec<u32>> {
        let mut seen = vec![0_u64; self.shares.len()];
        let of_block = |counts: &Vec<u32>| {
            let mut taken = counts.clone();
            for ((taken, seen), (_, share)) in taken.iter_mut().zip(&mut seen).zip(&self.shares) {
                let so_far = |rows: u64| (rows as f64 * share).floor() as u64;
                let before = so_far(*seen);
                *seen += u64::from(*taken);
                // The share is at most 1, so this is no more than there are.
                *taken = (so_far(*seen) - before) as u32;
            }
            taken
        };
        counts.iter().map(of_block).collect()
    }

    /// The rows that an epoch takes of some blocks of one group, as ranges that rise. `taken` are the counts of each block.
    pub fn rows<R: Record>(
        &self,
        reader: &mut BlockReader<'_, R>,
        blocks: &[(Block, &[u32])],
        epoch: u64,
    ) -> jobmatch_records::Result<Vec<Range<u32>>> {
        let Some(((first, _), (last, _))) = blocks.first().zip(blocks.last()) else {
            return Ok(Vec::new());
        };
        let begin = first.start;
        let mut sources = vec![0; (last.range().end - begin) as usize];
        reader.texts(first.group as usize, SOURCE, |row, source| {
            let place = row.checked_sub(begin).map(|place| place as usize);
            if let Some(number) = place.and_then(|place| sources.get_mut(place)) {
                *number = self.number(source);
            }
        })?;
        let mut ranges: Vec<Range<u32>> = Vec::new();
        for (block, taken) in blocks {
            for row in self.of_block(block, taken, epoch, |row| sources[(row - begin) as usize]) {
                match ranges.last_mut() {
                    Some(range) if range.end == row => range.end += 1,
                    _ => ranges.push(row..row + 1),
                }
            }
        }
        Ok(ranges)
    }

    /// The rows of a block, in their order.
    fn of_block(
        &self,
        block: &Block,
        taken: &[u32],
        epoch: u64,
        source_of: impl Fn(u32) -> usize,
    ) -> Vec<u32> {
        let mut rows = Vec::with_capacity(block.kept as usize);
        for (number, &taken) in taken.iter().enumerate() {
            let mut of_source: Vec<u32> = block
                .range()
                .filter(|row| source_of(*row) == number)
                .collect();
            let all = of_source.len() as u64;
            if u64::from(taken) < all {
                of_source.shuffle(&mut self.random(block, number));
                // Where the epoch before ended.
                let first = (u128::from(epoch) * u128::from(taken) % u128::from(all)) as usize;
                of_source.rotate_left(first);
                of_source.truncate(taken as usize);
            }
            rows.extend(of_source);
        }
        rows.sort_unstable();
        rows
    }

    fn random(&self, block: &Block, number: usize) -> ChaCha8Rng {
        let mut hasher =
            blake3::Hasher::new_derive_key("jobmatch training cursor: draw of a block");
        let numbers = [
            self.seed,
            u64::from(block.group),
            u64::from(block.start),
            number as u64,
        ];
        for number in numbers {
            hasher.update(&number.to_le_bytes());
        }
        ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
    }

    /// A source's place among the shares; that of all others is behind them.
    fn number(&self, source: &str) -> usize {
        let place = self.shares.iter().position(|(name, _)| name == source);
        place.unwrap_or(self.shares.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(share: f64) -> Draw {
        Draw {
            shares: vec![("random".to_owned(), share)],
            seed: 7,
        }
    }

    #[test]
    fn the_share_of_all_is_taken_whatever_the_blocks_are() {
        let counts = vec![vec![3, 2], vec![0, 5], vec![4, 0], vec![10, 1]];
        let taken = draw(0.3).taken(&counts);
        let of_source: u32 = taken.iter().map(|block| block[0]).sum();
        assert_eq!(of_source, 5); // of 17
        assert!(
            taken
                .iter()
                .zip(&counts)
                .all(|(taken, all)| { taken[0] <= all[0] && taken[1] == all[1] })
        );
        assert_eq!(draw(1.0).taken(&counts), counts);
        assert!(draw(0.0).taken(&counts).iter().all(|block| block[0] == 0));
    }

    #[test]
    fn epochs_go_round_all_rows_before_one_comes_again() {
        let block = Block {
            group: 1,
            start: 10,
            rows: 8,
            kept: 4,
            bytes: 0,
        };
        // Rows 10, 12, 14, 16 are of the source.
        let of = |epoch| draw(0.5).of_block(&block, &[2, 4], epoch, |row| (row % 2) as usize);
        let (first, second) = (of(0), of(1));
        assert_eq!((first.len(), second.len()), (6, 6));
        let odd = |rows: &[u32]| rows.iter().filter(|row| **row % 2 == 1).count();
        assert_eq!((odd(&first), odd(&second)), (4, 4));
        let mut both: Vec<u32> = [first, second].concat();
        both.retain(|row| row % 2 == 0);
        both.sort_unstable();
        assert_eq!(both, [10, 12, 14, 16]);
        assert_eq!(of(2), of(0));
    }
}
