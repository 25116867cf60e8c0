//! Toy models and toy data: words that are counted, not understood.

mod setting;

use std::cell::{Cell, RefCell};

use jobmatch_evaluation::{ModelError, PairScorer, PassageIndex, QueryEmbedder};
use jobmatch_records::{Definition, Evidence, Job, Label, Split};

pub use setting::*;

pub const DIMENSION: usize = 64;

/// A bag of hashed words, of length 1.
pub struct Words {
    pub name: String,
    /// Query texts asked for so far.
    pub asked: RefCell<Vec<String>>,
}

impl Words {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            asked: RefCell::default(),
        }
    }
}

pub fn vector(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0f32; DIMENSION];
    for word in words(text) {
        let hash = word
            .bytes()
            .fold(14_695_981_039_346_656_037u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211)
            });
        vector[(hash % DIMENSION as u64) as usize] += 1.0;
    }
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length == 0.0 {
        vector[0] = 1.0;
    } else {
        vector.iter_mut().for_each(|value| *value /= length);
    }
    vector
}

pub fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

impl QueryEmbedder for Words {
    fn dimension(&self) -> usize {
        DIMENSION
    }

    fn fingerprint(&self) -> &str {
        &self.name
    }

    fn embed_queries(
        &self,
        texts: &[&str],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<f32>, ModelError> {
        self.asked
            .borrow_mut()
            .extend(texts.iter().map(|text| (*text).to_owned()));
        progress(texts.len());
        Ok(texts.iter().flat_map(|text| vector(text)).collect())
    }

    fn embed_passages(
        &self,
        texts: &[&str],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<f32>, ModelError> {
        progress(texts.len());
        Ok(texts.iter().flat_map(|text| vector(text)).collect())
    }
}

/// Scores a pair by a function.
pub struct Scorer<F: Fn(&str, &str) -> f32> {
    pub name: &'static str,
    pub function: F,
    /// Pairs asked for so far.
    pub asked: Cell<usize>,
}

impl<F: Fn(&str, &str) -> f32> Scorer<F> {
    pub fn new(name: &'static str, function: F) -> Self {
        Self {
            name,
            function,
            asked: Cell::new(0),
        }
    }
}

impl<F: Fn(&str, &str) -> f32> PairScorer for Scorer<F> {
    fn fingerprint(&self) -> &str {
        self.name
    }

    fn score(
        &self,
        pairs: &[(&str, &str)],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<f32>, ModelError> {
        self.asked.set(self.asked.get() + pairs.len());
        progress(pairs.len());
        Ok(pairs
            .iter()
            .map(|(text, passage)| (self.function)(text, passage))
            .collect())
    }
}

/// How many words of the passage stand in the text, less those that do not.
pub fn overlap(text: &str, passage: &str) -> f32 {
    let text = words(text);
    words(passage)
        .iter()
        .map(|word| if text.contains(word) { 1.0 } else { -1.0 })
        .sum()
}

pub fn definition(id: &str, name: &str) -> Definition {
    Definition {
        attribute_id: id.to_owned(),
        name: name.to_owned(),
        definition: String::new(),
        kind: None,
        aliases: Vec::new(),
    }
}

pub fn job(id: &str, group: &str, split: Split, text: &str) -> Job {
    Job {
        job_id: id.to_owned(),
        text: text.to_owned(),
        title: Some(format!("Title of {id}")),
        split: Some(split),
        group_id: Some(group.to_owned()),
    }
}

pub fn label(job: &str, attribute: &str) -> Label {
    Label {
        job_id: job.to_owned(),
        attribute_id: attribute.to_owned(),
        label: true,
        grade: None,
        evidence: None,
        source: "labels.csv".to_owned(),
        line: 2,
    }
}

const VERBS: [&str; 8] = [
    "weld", "bake", "paint", "repair", "sell", "inspect", "design", "move",
];
const THINGS: [&str; 8] = [
    "pipes", "bread", "walls", "engines", "tickets", "bridges", "gardens", "crates",
];

/// 64 attributes: every verb with every thing. Their kind is `craft` or `office`; those of the last verb have none.
pub fn definitions() -> Vec<Definition> {
    let pairs = VERBS.iter().enumerate().flat_map(|(v, verb)| {
        THINGS.iter().enumerate().map(move |(t, thing)| Definition {
            kind: match v {
                0..4 => Some("craft".to_owned()),
                4..7 => Some("office".to_owned()),
                _ => None,
            },
            ..definition(&format!("A{v}{t}"), &format!("{verb} {thing}"))
        })
    });
    pairs.collect()
}

/// Jobs of one split, two in each group, three attributes each, each in a line of its own with other words, and a line
/// that all jobs share. Labels carry the line as evidence.
pub fn jobs(split: Split, count: usize) -> (Vec<Job>, Vec<Label>) {
    let mut jobs = Vec::new();
    let mut labels = Vec::new();
    let name = split.name();
    for number in 0..count {
        let id = format!("{name}{number:03}");
        let mut text = String::from("We offer free lunch and a pension.\n");
        for turn in 0..3usize {
            let seed = number * 7 + turn * 3 + name.len();
            let (v, t) = (seed % 8, (seed / 2 + turn) % 8);
            let start = text.len() as u64;
            text.push_str(&format!(
                "- You {} our {} with care in town {number}.",
                VERBS[v], THINGS[t]
            ));
            let end = text.len() as u64;
            text.push('\n');
            let mut label = label(&id, &format!("A{v}{t}"));
            label.evidence = Some(Evidence::Span { start, end });
            label.grade = Some(1.0 + (turn % 2) as f32);
            labels.push(label);
        }
        jobs.push(job(
            &id,
            &format!("{name}-team{}", number / 2),
            split,
            &text,
        ));
    }
    (jobs, labels)
}

/// Train, dev and golden jobs with their labels.
pub fn everything() -> (Vec<Job>, Vec<Label>) {
    let mut all = (Vec::new(), Vec::new());
    for (split, count) in [(Split::Train, 30), (Split::Dev, 60), (Split::Golden, 24)] {
        let (jobs, labels) = jobs(split, count);
        all.0.extend(jobs);
        all.1.extend(labels);
    }
    all
}

pub fn index(definitions: &[Definition], embedder: &Words) -> PassageIndex {
    let template = "{name}".parse().unwrap();
    PassageIndex::build(definitions, &template, embedder, "Flat", &mut |_, _, _| {}).unwrap()
}
