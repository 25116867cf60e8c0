//! What is said about data to come, against simulated data whose truth is known.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use jobmatch_metrics::{Bootstrap, PositiveScores, Promised, Randomization, RecallGuarantee};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

struct Draws(ChaCha8Rng);

impl Draws {
    fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// From 0 to 1, evenly.
    fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, end: usize) -> usize {
        (self.uniform() * end as f64) as usize
    }

    /// Nearly normal, around 0 with a deviation of 1.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    /// 40 groups of 1 to 9 samples around `mean`; what a group's samples share varies as much as what they do not.
    fn grouped(&mut self, mean: f64) -> Vec<(usize, f64)> {
        let mut samples = Vec::new();
        for group in 0..40 {
            let shared = mean + 0.1 * self.normal();
            let count = 1 + self.below(9);
            samples.extend((0..count).map(|_| (group, shared + 0.1 * self.normal())));
        }
        samples
    }
}

/// The same samples, each as a group of its own.
fn apart(samples: &[(usize, f64)]) -> Vec<(usize, f64)> {
    samples.iter().map(|sample| sample.1).enumerate().collect()
}

#[test]
fn intervals_cover_the_truth_as_often_as_they_say() {
    const TIMES: u32 = 500;
    let mut draws = Draws::new(1);
    let [mut by_groups, mut without] = [0, 0];
    for seed in 0..TIMES {
        let samples = draws.grouped(0.6);
        let bootstrap = Bootstrap {
            resamples: 1000,
            ..Bootstrap::new(u64::from(seed))
        };
        let covers = |samples: &[(usize, f64)]| {
            let interval = bootstrap.mean(samples).unwrap().unwrap();
            u32::from(interval.lower <= 0.6 && 0.6 <= interval.upper)
        };
        by_groups += covers(&samples);
        without += covers(&apart(&samples));
    }
    let share = |count: u32| f64::from(count) / f64::from(TIMES);
    assert!((0.90..=0.98).contains(&share(by_groups)), "{by_groups}");
    assert!(share(without) < 0.80, "{without}");
}

#[test]
fn p_values_of_equal_systems_are_even() {
    const TIMES: u32 = 1000;
    let mut draws = Draws::new(2);
    let mut by_groups = Vec::new();
    let mut without = 0;
    for seed in 0..TIMES {
        let samples = draws.grouped(0.0);
        let test = Randomization {
            permutations: 400,
            seed: u64::from(seed),
        };
        let p_value = |samples: &[(usize, f64)]| {
            let samples: Vec<_> = samples
                .iter()
                .map(|&(group, d)| (group, 0.5 + d, 0.5))
                .collect();
            test.paired_difference(&samples).unwrap().unwrap().p_value
        };
        by_groups.push(p_value(&samples));
        without += u32::from(p_value(&apart(&samples)) <= 0.05);
    }
    for level in [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9] {
        let count = by_groups
            .iter()
            .filter(|&&p_value| p_value <= level)
            .count() as f64;
        let (expected, times) = (level * f64::from(TIMES), f64::from(TIMES));
        let deviation = (times * level * (1.0 - level)).sqrt();
        assert!(
            (count - expected).abs() <= 3.0 * deviation,
            "{count} of {times} at {level}"
        );
    }
    // Who forgets the groups finds differences where there are none.
    assert!(without > 200, "{without}");
}

#[test]
fn a_clear_difference_has_a_small_p_value() {
    let mut draws = Draws::new(3);
    for seed in 0..50 {
        let samples: Vec<_> = draws
            .grouped(0.2)
            .into_iter()
            .map(|(group, d)| (group, d, 0.0))
            .collect();
        let found = Randomization::new(seed)
            .paired_difference(&samples)
            .unwrap()
            .unwrap();
        assert!(found.p_value < 0.01, "{found:?}");
    }
}

/// Groups of 1 to `queries` queries with 1 to `positives` positives each; scores vary by group and by positive, and a
/// share of the positives is never retrieved.
fn population(
    draws: &mut Draws,
    queries: usize,
    positives: usize,
    missed: f64,
) -> Vec<Vec<PositiveScores>> {
    let group = |draws: &mut Draws| {
        let shared = 0.6 + 0.1 * draws.normal();
        let queries = 1 + draws.below(queries);
        let query = |draws: &mut Draws| {
            let positives = 1 + draws.below(positives);
            let scores: Vec<f32> = (0..positives)
                .map(|_| (shared + 0.15 * draws.normal()) as f32)
                .collect();
            let retrieved = scores.into_iter().filter(|_| draws.uniform() >= missed);
            PositiveScores {
                retrieved: retrieved.collect(),
                positives,
            }
        };
        (0..queries).map(|_| query(draws)).collect()
    };
    (0..3000).map(|_| group(draws)).collect()
}

/// The population's expected recall at a threshold, by definition.
fn true_recall(population: &[Vec<PositiveScores>], threshold: f32) -> f64 {
    let of_query = |query: &PositiveScores| {
        let found = query
            .retrieved
            .iter()
            .filter(|&&score| score >= threshold)
            .count();
        found as f64 / query.positives as f64
    };
    let of_group =
        |group: &Vec<PositiveScores>| group.iter().map(of_query).sum::<f64>() / group.len() as f64;
    population.iter().map(of_group).sum::<f64>() / population.len() as f64
}

/// Draws 80 groups.
fn dev(draws: &mut Draws, population: &[Vec<PositiveScores>]) -> Vec<(usize, PositiveScores)> {
    let chosen = (0..80).map(|group| (group, &population[draws.below(population.len())]));
    chosen
        .flat_map(|(group, queries)| queries.iter().map(move |query| (group, query.clone())))
        .collect()
}

const WANTED: RecallGuarantee = RecallGuarantee {
    recall: 0.8,
    confidence: 0.9,
};

/// Of 1,000 thresholds from as many draws of 80 groups, how many reach less recall than promised; how many that just
/// reach it on the drawn groups do; and the mean recall of the former.
fn broken_promises(draws: &mut Draws, queries: usize, positives: usize) -> (u32, u32, f64) {
    let population = population(draws, queries, positives, 0.03);
    let (mut broken, mut broken_without_bound, mut reached) = (0, 0, 0.0);
    for _ in 0..1000 {
        let queries = dev(draws, &population);
        let Promised::Threshold {
            threshold, bound, ..
        } = WANTED.threshold(&queries).unwrap()
        else {
            panic!("retrieval finds nearly everything");
        };
        let recall = true_recall(&population, threshold);
        broken += u32::from(recall < WANTED.recall);
        reached += recall / 1000.0;
        assert!(bound >= WANTED.recall);
        let groups: Vec<Vec<PositiveScores>> = queries
            .chunk_by(|a, b| a.0 == b.0)
            .map(|group| group.iter().map(|(_, query)| query.clone()).collect())
            .collect();
        let scores = queries.iter().flat_map(|(_, query)| &query.retrieved);
        let mut scores: Vec<f32> = scores.copied().collect();
        scores.sort_unstable_by(|a, b| b.total_cmp(a));
        let first = scores.partition_point(|&score| true_recall(&groups, score) < WANTED.recall);
        let recall = true_recall(&population, scores[first]);
        broken_without_bound += u32::from(recall < WANTED.recall);
    }
    (broken, broken_without_bound, reached)
}

#[test]
fn promises_are_kept() {
    let mut draws = Draws::new(4);
    // 100 of 1,000 may fail, with three standard deviations of chance.
    let allowed = 100 + 28;
    for (queries, positives) in [(4, 5), (1, 1)] {
        let (broken, without_bound, reached) = broken_promises(&mut draws, queries, positives);
        assert!(broken <= allowed, "{broken}");
        assert!(without_bound > 3 * allowed, "{without_bound}");
        // Safe, and not absurdly so: 0.8 is promised.
        assert!((0.82..0.90).contains(&reached), "{reached}");
    }
}

#[test]
fn what_retrieval_misses_cannot_be_promised() {
    let mut draws = Draws::new(5);
    let population = population(&mut draws, 4, 5, 0.3);
    for _ in 0..100 {
        match WANTED.threshold(&dev(&mut draws, &population)).unwrap() {
            Promised::OutOfReach {
                bound,
                recall,
                groups,
            } => {
                assert!(bound < recall && recall < WANTED.recall && groups == 80);
            }
            other => panic!("{other:?}"),
        }
    }
}
