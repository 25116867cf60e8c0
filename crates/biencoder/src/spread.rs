//! Rows into batches, so that few batches hold the same passage twice.

use std::collections::HashSet;

/// Puts `rows` into batches of `size` rows (the last may be shorter): each row into the first batch that has room and no
/// row of the same key, else into the first that has room. One pass, so no order of rows can make it slow.
pub(crate) fn spread<T>(rows: Vec<T>, size: usize, key: impl Fn(&T) -> &str) -> Vec<Vec<T>> {
    let count = rows.len().div_ceil(size.max(1));
    let mut keys: Vec<HashSet<&str>> = vec![HashSet::new(); count];
    let mut places = Vec::with_capacity(rows.len());
    let room_for: Vec<usize> = (0..count)
        .map(|batch| size.min(rows.len() - batch * size))
        .collect();
    let mut room = room_for.clone();
    for row in &rows {
        let key = key(row);
        let has_room = |batch: &usize| room[*batch] > 0;
        let is_new = |batch: &usize| !keys[*batch].contains(key);
        let place = (0..count)
            .find(|batch| has_room(batch) && is_new(batch))
            .or_else(|| (0..count).find(has_room))
            .unwrap_or(0);
        room[place] = room[place].saturating_sub(1);
        keys[place].insert(key);
        places.push(place);
    }
    drop(keys);
    let mut batches: Vec<Vec<T>> = room_for
        .iter()
        .map(|rows| Vec::with_capacity(*rows))
        .collect();
    for (row, place) in rows.into_iter().zip(places) {
        batches[place].push(row);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_same_key_goes_into_another_batch() {
        let rows = ["a", "a", "b", "c", "a", "d"];
        let batches = spread(rows.to_vec(), 3, |row| row);
        assert_eq!(batches, [["a", "b", "c"], ["a", "a", "d"]]);
    }

    proptest! {
        #[test]
        fn every_row_is_in_one_batch_and_all_but_the_last_are_full(
            rows in prop::collection::vec("[a-e]", 0..60), size in 1_usize..9
        ) {
            let numbered: Vec<(usize, String)> = rows.iter().cloned().enumerate().collect();
            let batches = spread(numbered, size, |(_, row)| row);
            let sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
            let expected: Vec<usize> = rows.chunks(size).map(<[_]>::len).collect();
            prop_assert_eq!(sizes, expected);
            let mut all = batches.concat();
            all.sort();
            prop_assert!(all.into_iter().map(|(_, row)| row).eq(rows));
        }
    }
}
