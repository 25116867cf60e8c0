//! Jobs that are nearly the same text, found by locality-sensitive hashing of their signatures.

use crate::minhash::{BINS, similarity};

/// Texts of one bucket that all others in it are compared with; beyond so many a bucket holds what is common to all,
/// and other bands tell its near copies.
const LEADERS: usize = 64;
/// Comparisons of one golden job in one bucket.
const GOLDEN_COMPARISONS: usize = 10_000;

/// A golden job and the job of train or dev that it is most like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Leak {
    pub(crate) golden: u32,
    pub(crate) other: u32,
    pub(crate) similarity: f64,
}

/// Near copies among rows.
pub(crate) struct NearCopies<'a> {
    /// Of every row, [`BINS`] bytes each.
    signatures: &'a [u8],
    threshold: f64,
    /// Of each row, a row nearer to the root of its cluster.
    parents: Vec<u32>,
    leaks: Vec<Leak>,
}

impl<'a> NearCopies<'a> {
    pub(crate) fn new(signatures: &'a [u8], threshold: f64) -> Self {
        Self {
            parents: (0..(signatures.len() / BINS) as u32).collect(),
            signatures,
            threshold,
            leaks: Vec::new(),
        }
    }

    /// The lowest row of the row's cluster.
    pub(crate) fn root(&mut self, row: u32) -> u32 {
        let mut root = row;
        while self.parents[root as usize] != root {
            root = self.parents[root as usize];
        }
        let mut at = row;
        while at != root {
            at = std::mem::replace(&mut self.parents[at as usize], root);
        }
        root
    }

    /// Two rows are of one cluster.
    pub(crate) fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        let (low, high) = (a.min(b), a.max(b));
        self.parents[high as usize] = low;
    }

    /// Compares the rows of one bucket: their band is the same.
    pub(crate) fn bucket(&mut self, rows: &[(u32, u32)], is_golden: impl Fn(u32) -> bool) {
        let mut leaders: Vec<u32> = Vec::new();
        for &(_, row) in rows.iter().filter(|(_, row)| !is_golden(*row)) {
            let mut alone = true;
            for leader in &leaders {
                if self.root(*leader) == self.root(row) {
                    alone = false;
                } else if self.are_near(*leader, row).is_some() {
                    self.join(*leader, row);
                    alone = false;
                }
            }
            if alone && leaders.len() < LEADERS {
                leaders.push(row);
            }
        }
        for &(_, golden) in rows.iter().filter(|(_, row)| is_golden(*row)) {
            let others = rows.iter().filter(|(_, row)| !is_golden(*row));
            for &(_, other) in others.take(GOLDEN_COMPARISONS) {
                if let Some(similarity) = self.are_near(golden, other) {
                    self.leaks.push(Leak {
                        golden,
                        other,
                        similarity,
                    });
                }
            }
        }
    }

    fn are_near(&self, a: u32, b: u32) -> Option<f64> {
        let bytes = |row: u32| &self.signatures[row as usize * BINS..][..BINS];
        let similarity = similarity(bytes(a), bytes(b));
        (similarity >= self.threshold).then_some(similarity)
    }

    /// Each golden job that has near copies, with the one it is most like; by row.
    pub(crate) fn leaks(&mut self) -> Vec<Leak> {
        let mut leaks = std::mem::take(&mut self.leaks);
        leaks.sort_by(|a, b| {
            (a.golden.cmp(&b.golden))
                .then(b.similarity.total_cmp(&a.similarity))
                .then(a.other.cmp(&b.other))
        });
        leaks.dedup_by_key(|leak| leak.golden);
        leaks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::minhash::Signature;

    #[test]
    fn clusters_grow_and_golden_jobs_stay_out() {
        let base: Vec<String> = (0..100).map(|i| format!("word{i}")).collect();
        let other: Vec<String> = (0..100).map(|i| format!("other{i}")).collect();
        let mut near = base.clone();
        near[50] = "changed".to_owned();
        let texts = [&base, &other, &near, &near].map(|words| words.join(" "));
        let signatures: Vec<u8> = texts
            .iter()
            .flat_map(|text| Signature::of(text).bytes)
            .collect();
        let mut copies = NearCopies::new(&signatures, 0.7);
        let rows = [(0, 0), (0, 1), (0, 2), (0, 3)];
        copies.bucket(&rows, |row| row == 3);
        let roots: Vec<u32> = (0..4).map(|row| copies.root(row)).collect();
        assert_eq!(roots, [0, 1, 0, 3]);
        let leaks = copies.leaks();
        assert_eq!((leaks[0].golden, leaks[0].other), (3, 2));
        assert_eq!((leaks.len(), leaks[0].similarity), (1, 1.0));
    }
}
