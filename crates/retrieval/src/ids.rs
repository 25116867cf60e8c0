//! Which number FAISS has for a row.

use std::collections::HashMap;

/// FAISS's numbers of the rows; nothing is held while they are the rows themselves.
#[derive(Debug, Default)]
pub(crate) struct Ids(Option<Table>);

#[derive(Debug)]
struct Table {
    of_row: Vec<u64>,
    row_of: HashMap<u64, usize>,
}

impl Ids {
    pub(crate) fn id(&self, row: usize) -> u64 {
        match &self.0 {
            None => row as u64,
            Some(table) => table.of_row[row],
        }
    }

    /// The row of a number, if it has one.
    pub(crate) fn row(&self, id: u64, rows: usize) -> Option<usize> {
        match &self.0 {
            None => usize::try_from(id).ok().filter(|row| *row < rows),
            Some(table) => table.row_of.get(&id).copied(),
        }
    }

    /// Numbers for rows to come, where FAISS's own would be taken already.
    pub(crate) fn next(&self, count: usize) -> Option<Vec<u64>> {
        let table = self.0.as_ref()?;
        let first = table.of_row.iter().max().map_or(0, |last| last + 1);
        Some((first..first + count as u64).collect())
    }

    pub(crate) fn extend(&mut self, ids: &[u64]) {
        if let Some(table) = &mut self.0 {
            for &id in ids {
                table.row_of.insert(id, table.of_row.len());
                table.of_row.push(id);
            }
        }
    }

    /// Takes these numbers; false, and nothing taken, when one stands twice.
    pub(crate) fn set(&mut self, of_row: Vec<u64>) -> bool {
        let row_of: HashMap<u64, usize> = of_row.iter().copied().zip(0..).collect();
        let distinct = row_of.len() == of_row.len();
        if distinct {
            let same = of_row.iter().zip(0..).all(|(id, row)| *id == row);
            self.0 = (!same).then_some(Table { of_row, row_of });
        }
        distinct
    }
}
