//! A head that no file holds. Alone in its file, since libtorch's random numbers belong to the whole process.
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

use jobmatch_encoder::{Device, InferenceConfig, PairScorer};

#[test]
fn a_bare_encoder_gets_a_fresh_head_that_the_seed_decides() {
    let model = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/models/tiny-bert"
    );
    let logits = |seed| {
        tch::manual_seed(seed);
        let scorer = PairScorer::load(model, Device::Cpu, InferenceConfig::default()).unwrap();
        let pairs = [("Plan budgets.", "Repair engines.")];
        scorer.score(&pairs, &mut |_| {}).unwrap().logits
    };
    assert_eq!(logits(1), logits(1));
    assert_ne!(logits(1), logits(2));
}
