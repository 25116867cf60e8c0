//! AdamW and clipping against PyTorch's, and its state saved and restored.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use jobmatch_torch_ext::{AdamW, AdamWConfig, ParameterGroup, clip_gradients};
use tch::{Device, Kind, Tensor};

const SHAPES: [&[i64]; 3] = [&[3, 4], &[5], &[2, 2, 3]];
const DECAY: [f64; 3] = [0.01, 0.0, 0.01];

/// As in `fixtures/reference/adamw.py`.
fn values(parameter: usize, step: usize) -> Tensor {
    let count = SHAPES[parameter].iter().product::<i64>();
    let numbers: Vec<f64> = (0..count)
        .map(|element| {
            let angle = 1.0
                + 0.7 * parameter as f64
                + 0.31 * element as f64
                + 0.13 * step as f64 * (1 + parameter) as f64;
            2.0 * angle.sin()
        })
        .collect();
    Tensor::from_slice(&numbers).view(SHAPES[parameter])
}

fn fresh() -> AdamW {
    let groups = (0..3)
        .map(|number| ParameterGroup {
            parameters: vec![values(number, 0).set_requires_grad(true)],
            weight_decay: DECAY[number],
        })
        .collect();
    AdamW::new(groups, AdamWConfig::default()).unwrap()
}

/// One step; the norm before clipping.
fn step(adamw: &mut AdamW, number: usize, found_inf: Option<&Tensor>) -> f64 {
    for (at, parameter) in adamw.parameters().iter().enumerate() {
        let gradient = values(at, number);
        // A loss whose gradient is `gradient`.
        adamw_zero(parameter);
        (parameter * gradient).sum(Kind::Double).backward();
    }
    let norm = clip_gradients(&adamw.gradients(), 1.0).unwrap();
    let rate = 1e-2 * (1.0 - (number - 1) as f64 / 100.0);
    adamw.step(rate, found_inf).unwrap();
    norm.double_value(&[])
}

fn adamw_zero(parameter: &Tensor) {
    let mut gradient = parameter.grad();
    if gradient.defined() {
        let _ = gradient.zero_();
    }
}

fn flat(adamw: &AdamW) -> Vec<Vec<f64>> {
    let list = |tensor: &Tensor| Vec::try_from(tensor.detach().view(-1)).unwrap();
    adamw.parameters().iter().map(list).collect()
}

#[test]
fn a_hundred_steps_equal_those_of_pytorch() {
    let text = include_str!("../../../fixtures/reference/adamw.json");
    let saved: serde_json::Value = serde_json::from_str(text).unwrap();
    let mut adamw = fresh();
    for number in 1..=100 {
        let norm = step(&mut adamw, number, None);
        assert!((norm - saved["norms"][number - 1].as_f64().unwrap()).abs() < 1e-12);
        let Some(expected) = saved["parameters"].get(number.to_string()) else {
            continue;
        };
        for (at, ours) in flat(&adamw).iter().enumerate() {
            for (element, ours) in ours.iter().enumerate() {
                let theirs = expected[at][element].as_f64().unwrap();
                let difference = (ours - theirs).abs();
                assert!(
                    difference < 1e-12,
                    "step {number}, parameter {at}: {difference}"
                );
            }
        }
    }
}

#[test]
fn a_restored_optimizer_goes_on_to_the_same_bits() {
    let mut straight = fresh();
    let mut first = fresh();
    for number in 1..=7 {
        step(&mut straight, number, None);
        step(&mut first, number, None);
    }
    let mut second = fresh();
    for (mut to, from) in second
        .parameters()
        .iter()
        .map(Tensor::shallow_clone)
        .zip(first.parameters())
    {
        tch::no_grad(|| to.copy_(from));
    }
    second.restore(&first.state()).unwrap();
    for number in 8..=20 {
        step(&mut straight, number, None);
        step(&mut second, number, None);
    }
    assert_eq!(flat(&straight), flat(&second));
}

#[test]
fn a_step_that_is_skipped_changes_nothing() {
    let mut adamw = fresh();
    step(&mut adamw, 1, None);
    let before = flat(&adamw);
    let found_inf = Tensor::ones([1], (Kind::Float, Device::Cpu));
    step(&mut adamw, 2, Some(&found_inf));
    assert_eq!(flat(&adamw), before);
    assert_eq!(adamw.state().steps, [1.0; 3]);
}

#[test]
fn a_state_of_other_parameters_is_refused() {
    let mut adamw = fresh();
    let mut state = adamw.state();
    state.means.swap(0, 1);
    let error = adamw.restore(&state).unwrap_err().to_string();
    assert_eq!(
        error,
        "the saved state does not fit: means 0 is shaped [5], its parameter [3, 4]"
    );
}
