//! Which split each occupation goes to, and which tasks must go so that no split sees another's.

use std::collections::{BTreeMap, HashMap};

use jobmatch_records::Split;

use crate::config::Config;
use crate::copies::near_copies;
use crate::draw::Draw;
use crate::source::Occupation;

/// The splits in the order in which they keep a task that stands in several: golden measures, so
/// it loses nothing; train has most to give.
pub(crate) const KEEPS_FIRST: [Split; 3] = [Split::Golden, Split::Dev, Split::Train];

/// Where the occupations stand, and what is left of their tasks.
#[derive(Debug)]
pub(crate) struct Assignment {
    /// Each occupation's group: the place of the group's first occupation.
    pub groups: Vec<usize>,
    /// Each occupation's split.
    pub splits: Vec<Split>,
    /// For each occupation and task: whether it stays.
    pub kept: Vec<Vec<bool>>,
}

/// Groups the occupations, assigns whole groups to splits, and finds the tasks to drop.
///
/// A group is a SOC broad occupation (`11-101`), merged with others with which an occupation
/// shares [`Config::shared_tasks`] tasks; near copies count as shared.
pub(crate) fn assign(occupations: &[Occupation], config: &Config, seed: u64) -> Assignment {
    let wordings = Wordings::new(occupations, config.near_copy);
    let groups = group(occupations, &wordings, config.shared_tasks);
    let splits = draw_splits(occupations, &groups, config, seed);
    let kept = keep(occupations, &wordings, &splits);
    Assignment {
        groups,
        splits,
        kept,
    }
}

/// The different wordings of all tasks.
struct Wordings {
    /// For each occupation and task: its wording.
    of: Vec<Vec<usize>>,
    /// For each wording: the occupations that have it, in order, each once.
    holders: Vec<Vec<usize>>,
    /// Pairs of wordings that are near copies.
    near: Vec<(usize, usize)>,
}

impl Wordings {
    fn new(occupations: &[Occupation], near_copy: f64) -> Self {
        let mut texts: Vec<&str> = Vec::new();
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut holders: Vec<Vec<usize>> = Vec::new();
        let mut of = Vec::with_capacity(occupations.len());
        for (place, occupation) in occupations.iter().enumerate() {
            let mut wordings = Vec::with_capacity(occupation.tasks.len());
            for task in &occupation.tasks {
                let wording = *numbers.entry(&task.text).or_insert_with(|| {
                    texts.push(&task.text);
                    holders.push(Vec::new());
                    texts.len() - 1
                });
                if holders[wording].last() != Some(&place) {
                    holders[wording].push(place);
                }
                wordings.push(wording);
            }
            of.push(wordings);
        }
        Wordings {
            near: near_copies(&texts, near_copy),
            of,
            holders,
        }
    }
}

fn group(occupations: &[Occupation], wordings: &Wordings, shared_tasks: usize) -> Vec<usize> {
    let mut groups = Groups::new(occupations.len());
    let mut broad: HashMap<&str, usize> = HashMap::new();
    for (place, occupation) in occupations.iter().enumerate() {
        let code = occupation.code.get(..6).unwrap_or(&occupation.code);
        let first = *broad.entry(code).or_insert(place);
        groups.merge(first, place);
    }

    let mut shared: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let same = (0..wordings.holders.len()).map(|wording| (wording, wording));
    for (a, b) in same.chain(wordings.near.iter().copied()) {
        for &one in &wordings.holders[a] {
            for &other in &wordings.holders[b] {
                // A wording meets itself in both orders, and must count once.
                if one < other || (a != b && one > other) {
                    *shared.entry((one.min(other), one.max(other))).or_default() += 1;
                }
            }
        }
    }
    for ((one, other), count) in shared {
        if count >= shared_tasks {
            groups.merge(one, other);
        }
    }
    (0..occupations.len())
        .map(|place| groups.first(place))
        .collect()
}

/// Disjoint sets; a set's name is its smallest member.
struct Groups(Vec<usize>);

impl Groups {
    fn new(len: usize) -> Self {
        Groups((0..len).collect())
    }

    fn first(&mut self, mut place: usize) -> usize {
        while self.0[place] != place {
            self.0[place] = self.0[self.0[place]];
            place = self.0[place];
        }
        place
    }

    fn merge(&mut self, one: usize, other: usize) {
        let (one, other) = (self.first(one), self.first(other));
        self.0[one.max(other)] = one.min(other);
    }
}

/// Gives each group to the split that lacks most. Groups come field of work by field of work (the
/// first two digits of the code), in drawn order within, so that each split gets some of every
/// field.
fn draw_splits(
    occupations: &[Occupation],
    groups: &[usize],
    config: &Config,
    seed: u64,
) -> Vec<Split> {
    let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
    for &group in groups {
        *sizes.entry(group).or_default() += 1;
    }
    let mut order: Vec<(&str, u64, usize)> = sizes
        .keys()
        .map(|&group| {
            let code = occupations[group].code.as_str();
            let drawn = Draw::new(seed, &format!("split {code}")).number();
            (code.get(..2).unwrap_or(code), drawn, group)
        })
        .collect();
    order.sort_unstable();

    let golden = config.golden_share;
    let shares = [
        (Split::Train, 1.0 - config.dev_share - golden),
        (Split::Dev, config.dev_share),
        (Split::Golden, golden),
    ];
    let mut assigned = [0.0; 3];
    let mut seen = 0.0;
    let mut chosen: BTreeMap<usize, Split> = BTreeMap::new();
    for (_, _, group) in order {
        let size = sizes[&group] as f64;
        seen += size;
        let mut best = 0;
        for at in 1..shares.len() {
            let lack = |at: usize| shares[at].1 * seen - assigned[at];
            if shares[at].1 > 0.0 && lack(at) > lack(best) {
                best = at;
            }
        }
        assigned[best] += size;
        chosen.insert(group, shares[best].0);
    }
    groups.iter().map(|group| chosen[group]).collect()
}

/// A task stays unless the same wording, or a near copy, stands in a split that keeps it first.
fn keep(occupations: &[Occupation], wordings: &Wordings, splits: &[Split]) -> Vec<Vec<bool>> {
    let rank = |split: Split| KEEPS_FIRST.iter().position(|other| *other == split);
    // The rank of the split that keeps each wording.
    let own: Vec<Option<usize>> = wordings
        .holders
        .iter()
        .map(|holders| {
            holders
                .iter()
                .filter_map(|&place| rank(splits[place]))
                .min()
        })
        .collect();
    let mut keeper = own.clone();
    for &(a, b) in &wordings.near {
        keeper[a] = keeper[a].min(own[b]);
        keeper[b] = keeper[b].min(own[a]);
    }
    occupations
        .iter()
        .enumerate()
        .map(|(place, _)| {
            wordings.of[place]
                .iter()
                .map(|&wording| rank(splits[place]) == keeper[wording])
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Task;

    fn occupation(code: &str, tasks: &[&str]) -> Occupation {
        let task = |text: &&str| Task {
            text: (*text).to_owned(),
            activities: vec!["D".to_owned()],
        };
        Occupation {
            code: code.to_owned(),
            title: code.to_owned(),
            description: "Work.".to_owned(),
            tasks: tasks.iter().map(task).collect(),
        }
    }

    #[test]
    fn groups_are_broad_occupations_and_those_that_share_tasks() {
        let occupations = [
            occupation("11-1011.00", &["a b c"]),
            occupation("11-1012.00", &["d e f"]),
            occupation("13-1011.00", &["g h i", "j k l", "m n o"]),
            occupation("15-1011.00", &["p q r", "g h i"]),
            occupation("17-1011.00", &["g h i", "J, K, L!", "s t u"]),
        ];
        let wordings = Wordings::new(&occupations, 0.8);
        assert_eq!(group(&occupations, &wordings, 2), [0, 0, 2, 3, 2]);
        assert_eq!(group(&occupations, &wordings, 1), [0, 0, 2, 2, 2]);
        assert_eq!(group(&occupations, &wordings, 9), [0, 0, 2, 3, 4]);
    }

    #[test]
    fn golden_keeps_what_train_has_too() {
        let occupations = [
            occupation("11-1011.00", &["a b c d e", "x"]),
            occupation("13-1011.00", &["a b c d e!", "y"]),
            occupation("15-1011.00", &["a b c d e f", "z"]),
        ];
        let wordings = Wordings::new(&occupations, 0.8);
        let kept = keep(
            &occupations,
            &wordings,
            &[Split::Train, Split::Golden, Split::Dev],
        );
        assert_eq!(kept, [[false, true], [true, true], [false, true]]);
        let kept = keep(&occupations, &wordings, &[Split::Dev; 3]);
        assert_eq!(kept, [[true, true]; 3]);
    }

    #[test]
    fn shares_are_met_and_groups_stay_whole() {
        let occupations: Vec<Occupation> = (0..200)
            .map(|n| occupation(&format!("{:02}-{:03}1.00", 11 + n / 50, n), &["t"]))
            .collect();
        let groups: Vec<usize> = (0..200).map(|n| n - n % 2).collect();
        let splits = draw_splits(&occupations, &groups, &Config::default(), 42);
        let count = |split| splits.iter().filter(|other| **other == split).count();
        assert_eq!(
            [Split::Train, Split::Dev, Split::Golden].map(count),
            [136, 20, 44]
        );
        assert!((0..200).all(|n| splits[n] == splits[groups[n]]));
        let other = draw_splits(&occupations, &groups, &Config::default(), 43);
        assert_ne!(splits, other);
    }
}
