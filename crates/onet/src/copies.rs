//! Finds near copies among short texts, by the Jaccard similarity of their sets of words.

use std::collections::HashMap;

/// Pairs `(i, j)`, `i < j`, sorted, of texts whose sets of words have a Jaccard similarity
/// (shared / all) of at least `threshold`, which must be more than 0. Upper and lower case are the
/// same; what is no letter or digit only separates.
///
/// Not every pair is looked at: two sets that similar share a word among the rarest few of each
/// (prefix filtering; Bayardo, Ma, Srikant, "Scaling up all pairs similarity search", 2007).
pub(crate) fn near_copies(texts: &[&str], threshold: f64) -> Vec<(usize, usize)> {
    let sets = word_sets(texts);
    let mut order: Vec<usize> = (0..sets.len()).collect();
    order.sort_by_key(|&text| (sets[text].len(), text));

    let mut holders: HashMap<u32, Vec<usize>> = HashMap::new();
    let mut last_seen_by = vec![usize::MAX; sets.len()];
    let mut pairs = Vec::new();
    for &text in &order {
        let words = &sets[text];
        for word in &words[..prefix(words.len(), threshold)] {
            let holders = holders.entry(*word).or_default();
            for &other in holders.iter() {
                if std::mem::replace(&mut last_seen_by[other], text) != text
                    && similar(words, &sets[other], threshold)
                {
                    pairs.push((text.min(other), text.max(other)));
                }
            }
            holders.push(text);
        }
    }
    pairs.sort_unstable();
    pairs
}

/// How many of a set's rarest words must be looked at so that no similar set is missed: a similar
/// set shares at least `ceil(threshold * len)` words, so one of the `len - that + 1` rarest.
fn prefix(len: usize, threshold: f64) -> usize {
    // A hair less, so that a product rounded up does not ask for one word too many.
    let shared = (threshold * len as f64 - 1e-9).ceil() as usize;
    (len + 1).saturating_sub(shared.max(1)).min(len)
}

/// Whether two sets, sorted, are similar enough.
fn similar(a: &[u32], b: &[u32], threshold: f64) -> bool {
    let shared = {
        let (mut i, mut j, mut shared) = (0, 0, 0_usize);
        while i < a.len() && j < b.len() {
            match a[i].cmp(&b[j]) {
                std::cmp::Ordering::Less => i += 1,
                std::cmp::Ordering::Greater => j += 1,
                std::cmp::Ordering::Equal => {
                    shared += 1;
                    i += 1;
                    j += 1;
                }
            }
        }
        shared
    };
    let all = a.len() + b.len() - shared;
    shared as f64 >= threshold * all as f64
}

/// Each text's words as numbers, the rarest word first; one word has one number in all texts.
fn word_sets(texts: &[&str]) -> Vec<Vec<u32>> {
    let words: Vec<Vec<String>> = texts.iter().map(|text| words_of(text)).collect();
    let mut counts: HashMap<&str, u32> = HashMap::new();
    for word in words.iter().flatten() {
        *counts.entry(word).or_default() += 1;
    }
    let mut by_rarity: Vec<(&str, u32)> = counts.into_iter().collect();
    by_rarity.sort_unstable_by_key(|&(word, count)| (count, word));
    let numbers: HashMap<&str, u32> = (0..)
        .zip(by_rarity)
        .map(|(number, (word, _))| (word, number))
        .collect();
    words
        .iter()
        .map(|set| {
            let mut set: Vec<u32> = set.iter().map(|word| numbers[word.as_str()]).collect();
            set.sort_unstable();
            set
        })
        .collect()
}

fn words_of(text: &str) -> Vec<String> {
    let mut words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_and_marks_do_not_count() {
        let texts = ["Weigh the flour.", "weigh THE flour", "Weigh the sugar", ""];
        assert_eq!(near_copies(&texts, 0.8), [(0, 1)]);
        assert_eq!(near_copies(&texts, 0.5), [(0, 1), (0, 2), (1, 2)]);
    }

    proptest! {
        /// The index finds what comparing every pair finds.
        #[test]
        fn agrees_with_comparing_all(
            texts in prop::collection::vec("([a-f] ){0,9}", 0..30),
            threshold in prop::sample::select(vec![0.1, 0.5, 0.75, 0.8, 1.0]),
        ) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let mut expected = Vec::new();
            for i in 0..texts.len() {
                for j in i + 1..texts.len() {
                    let (a, b) = (words_of(texts[i]), words_of(texts[j]));
                    let shared = a.iter().filter(|word| b.contains(word)).count();
                    let all = a.len() + b.len() - shared;
                    if shared > 0 && shared as f64 >= threshold * all as f64 {
                        expected.push((i, j));
                    }
                }
            }
            prop_assert_eq!(near_copies(&texts, threshold), expected);
        }
    }
}
