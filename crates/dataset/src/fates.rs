//! What becomes of a job.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::phases::scan::Scanned;
use crate::split::Half;
use crate::texts::Key;

/// What becomes of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fate {
    Train,
    /// In dev, in the half that selects models.
    DevSelecting,
    /// In dev, in the half that chooses decisions.
    DevDeciding,
    /// It is for measuring only.
    Golden,
    /// Its text is that of a golden job.
    GoldenCopy,
    /// Its text is that of a kept job; `Plan::copies` says which.
    Copy,
    /// Its text is empty once cleaned.
    Empty,
    /// Its id stood before; set aside.
    Repeated,
}

impl Fate {
    /// The side of a kept job.
    pub(crate) fn half(self) -> Option<Half> {
        match self {
            Self::Train => Some(Half::Train),
            Self::DevSelecting | Self::DevDeciding => Some(Half::Dev),
            _ => None,
        }
    }
}

/// Of the jobs with one text a golden one stays, else the first of train, else the first of dev: nothing that is measured
/// on has been trained on. Those of dev are all `DevDeciding` yet.
pub(crate) fn fates(
    jobs: &[Scanned],
    golden: &[bool],
    is_repeated: &[bool],
    halves: &[Half],
) -> (Vec<Fate>, Vec<(u32, u32)>) {
    let mut order: Vec<(Key, bool, Half, u32)> = (0u32..)
        .zip(jobs)
        .filter(|(row, job)| !job.is_empty && !is_repeated[*row as usize])
        .map(|(row, job)| {
            let at = row as usize;
            (job.text, !golden[at], halves[at], row)
        })
        .collect();
    order.par_sort_unstable();
    let mut fates = vec![Fate::Empty; jobs.len()];
    let mut copies = Vec::new();
    for same in order.chunk_by(|a, b| a.0 == b.0) {
        let (_, first_fresh, _, first) = same[0];
        for &(_, fresh, half, row) in same {
            fates[row as usize] = match (fresh, first_fresh, half) {
                (false, ..) => Fate::Golden,
                (true, false, _) => Fate::GoldenCopy,
                _ if row != first => {
                    copies.push((row, first));
                    Fate::Copy
                }
                (true, true, Half::Train) => Fate::Train,
                (true, true, Half::Dev) => Fate::DevDeciding,
            };
        }
    }
    for (row, fate) in fates.iter_mut().enumerate() {
        if is_repeated[row] {
            *fate = Fate::Repeated;
        } else if golden[row] {
            *fate = Fate::Golden;
        }
    }
    copies.sort_unstable();
    (fates, copies)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phases::scan::JobKey;
    use crate::texts::key_of;

    #[test]
    fn of_equal_texts_the_safest_stays() {
        let jobs: Vec<Scanned> = ["a", "a", "b", "b", "c", "c", "", "d"]
            .iter()
            .enumerate()
            .map(|(row, text)| Scanned {
                id: JobKey::of(&row.to_string()),
                number: 0,
                text: key_of(text),
                is_empty: text.is_empty(),
                split: None,
                group: None,
                selects: true,
                chance: 0,
            })
            .collect();
        let golden = [false, true, false, false, false, false, false, false];
        let (train, dev) = (Half::Train, Half::Dev);
        let halves = [train, train, dev, train, dev, dev, train, dev];
        let (fates, copies) = fates(&jobs, &golden, &[false; 8], &halves);
        assert_eq!(
            fates,
            [
                Fate::GoldenCopy,
                Fate::Golden,
                Fate::Copy,
                Fate::Train,
                Fate::DevDeciding,
                Fate::Copy,
                Fate::Empty,
                Fate::DevDeciding,
            ]
        );
        assert_eq!(copies, [(2, 3), (5, 4)]);
    }
}
