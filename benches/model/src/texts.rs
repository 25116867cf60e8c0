use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const WORDS: &str = "plan and manage the yearly budget of our regional clinic repair diesel engines pumps gearboxes review \
    contracts for errors teach new colleagues how to lift safely clean kitchens sell software services measure concrete \
    samples drive trucks write reports in plain English inspect roofs after storms with five years of experience you will \
    work closely across teams stakeholders Kubernetes PostgreSQL JavaScript forklift phlebotomy reconciliation";

/// `count` texts of job-like words, their lengths log-normal with median 20 words, spread 0.8, at least 1 and at most 250.
/// The same seed gives the same texts.
pub fn mixed_texts(count: usize, seed: u64) -> Vec<String> {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count)
        .map(|_| {
            // Box and Muller's normal number.
            let (u, v): (f64, f64) = (random.random::<f64>().max(1e-12), random.random());
            let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
            let length = ((20f64.ln() + 0.8 * normal).exp().round() as usize).clamp(1, 250);
            let text: Vec<&str> = (0..length)
                .map(|_| words[random.random_range(0..words.len())])
                .collect();
            text.join(" ")
        })
        .collect()
}
