//! A head that no file holds. Alone in its file, since libtorch's random numbers belong to the whole process.
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

use jobmatch_encoder::{Device, PairEncoder};

#[test]
fn a_bare_encoder_gets_a_fresh_head_that_the_seed_decides() {
    let model = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/models/tiny-bert"
    );
    let logits = |seed| {
        tch::manual_seed(seed);
        let encoder = PairEncoder::load(model, Device::Cpu).unwrap();
        encoder
            .score(&[("Plan budgets.", "Repair engines.")], &mut |_| {})
            .unwrap()
    };
    assert_eq!(logits(1), logits(1));
    assert_ne!(logits(1), logits(2));
}
