//! Fixtures, and how far numbers are apart.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tch::Tensor;

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

/// The folder of a tiny model.
pub fn model(name: &str) -> String {
    fixtures().join("models").join(name).display().to_string()
}

/// The arrays of a file that the reference libraries' numbers are saved in.
pub fn saved(file: &str) -> HashMap<String, Tensor> {
    let path = fixtures().join("reference").join(file);
    Tensor::read_safetensors(path)
        .unwrap()
        .into_iter()
        .collect()
}

/// Largest absolute difference between our numbers and the reference's.
pub fn distance(ours: &Tensor, reference: &Tensor) -> f64 {
    assert_eq!(ours.numel(), reference.numel());
    (ours.view(-1) - reference.view(-1))
        .abs()
        .max()
        .double_value(&[])
}

/// Texts and pairs that the reference libraries were given.
#[derive(serde::Deserialize)]
pub struct Texts {
    pub texts: Vec<String>,
    pub pairs: Vec<(String, String)>,
}

impl Texts {
    pub fn read(file: &str) -> Self {
        let path = fixtures().join("reference").join(file);
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    pub fn texts(&self) -> Vec<&str> {
        self.texts.iter().map(String::as_str).collect()
    }

    pub fn pairs(&self) -> Vec<(&str, &str)> {
        let pairs = self.pairs.iter();
        pairs.map(|(a, b)| (a.as_str(), b.as_str())).collect()
    }
}
